"""What 1Password says of an event is in the fields of ASIM that are meant for it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from local.workspace import Workspace
from tests.content.asim import AUDIT, AUTHENTICATION, ask
from tests.content.planted import ACCOUNT, NOW, audit, minutes, person, plant, planted, signin


@pytest.fixture
def workspace(tmp_path: Path) -> Iterator[Workspace]:
    workspace = planted(tmp_path / "workspace.duckdb", [])
    yield workspace
    workspace.close()


def test_a_sign_in_says_who_from_where_and_with_what(workspace: Workspace) -> None:
    """The fields that are not the same for all attempts are 1Password's own values."""
    plant(workspace, [signin("mia", minutes(9), seen=minutes(3))])
    (row,) = ask(workspace, f"{AUTHENTICATION}()")
    assert row["TimeGenerated"] == NOW - minutes(3)
    assert row["EventStartTime"] == NOW - minutes(9)
    wanted = {
        "TargetUserId": person("mia")["uuid"], "TargetUsername": "mia@example.com", "TargetUsernameType": "UPN",
        "TargetUserType": "Regular", "TargetOriginalUserType": "user", "TargetUserScopeId": ACCOUNT,
        "ActingAppName": "1Password for Mac", "SrcIpAddr": "192.0.2.10", "SrcGeoCountry": "DE", "SrcGeoCity": "Berlin",
        "SrcGeoLatitude": 52.52, "SrcGeoLongitude": 13.405, "SrcDvcOs": "MacOSX 15.6.1", "SrcDeviceType": "Computer",
        "SrcDescription": "MacBook MacBookPro18,3", "EventMessage": "account password and Secret Key were right",
    }  # fmt: skip
    assert {name: row[name] for name in wanted} == wanted
    assert row["TargetSessionId"].startswith("SESSION")


def test_a_guest_a_phone_and_the_bridge_are_told_apart(workspace: Workspace) -> None:
    """Whose account it is, what it was done on, and whether a service did it."""
    guest = {**person("gus"), "user_type": "external_user", "user_account_uuid": "HOME"}
    phone = {"app_name": "1Password for iOS", "os_name": "iOS", "ip_address": "192.0.2.1"}
    bridge = {"app_name": "1Password SCIM Bridge", "os_name": "", "ip_address": "192.0.2.1"}
    plant(workspace, [signin("gus", target_user=guest, client=phone), signin("mia", client=bridge)])
    gus, mia = ask(workspace, f"{AUTHENTICATION}() | order by TargetUsername asc")
    assert (gus["TargetUserType"], gus["TargetUserScopeId"], gus["SrcDeviceType"]) == ("Guest", "HOME", "Mobile Device")
    assert (gus["EventSubType"], mia["EventSubType"], mia["SrcDeviceType"]) == ("Remote", "RemoteService", "")


def test_an_audit_event_says_who_did_what_to_whom(workspace: Workspace) -> None:
    """The object is a name where 1Password gives one, else what it is and its uuid."""
    session = {"uuid": "S", "login_time": "2026-11-25T08:00:00Z", "ip": "192.0.2.10", "device_uuid": "laptop"}
    plant(workspace, [audit("mia", "suspend", "user", minutes(3), subject="tom", session=session)])
    plant(workspace, [audit("mia", "join", "gm", subject="tom", group="admins", info="A")])
    suspended, joined = ask(workspace, f"{AUDIT}() | order by EventStartTime asc")
    wanted = {
        "Operation": "suspend", "EventSubType": "suspended", "Object": "tom@example.com", "OriginalObjectType": "user",
        "ObjectId": person("tom")["uuid"], "ActorUsername": "mia@example.com", "ActorUserId": person("mia")["uuid"],
        "ActorScopeId": ACCOUNT, "ActorSessionId": "S", "TargetUsername": "tom@example.com", "NewValue": "",
        "SrcIpAddr": "192.0.2.10", "SrcDvcId": "laptop", "SrcGeoCity": "Berlin",
        "EventMessage": "mia@example.com suspended user: tom@example.com",
    }  # fmt: skip
    assert {name: suspended[name] for name in wanted} == wanted
    assert joined["Object"] == f"group membership {'admins'.ljust(26, 'g')}"
    assert (joined["NewValue"], joined["TargetUsername"]) == ("manager", "tom@example.com")


def test_a_missing_address_and_a_left_group_are_told_as_they_are(workspace: Workspace) -> None:
    """The source is the device where the address is missing, and whoever leaves a group is nothing in it any more."""
    gone = audit("mia", "leave", "gm", subject="tom", info="A", session={"uuid": "S", "device_uuid": "laptop"})
    plant(workspace, [gone])
    (row,) = ask(workspace, f"{AUDIT}()")
    assert (row["SrcIpAddr"], row["IpAddr"], row["Src"], row["SrcDvcIdType"]) == ("", "", "laptop", "Other")
    assert (row["NewValue"], row["Value"], row["ValueType"]) == ("", "", "")
