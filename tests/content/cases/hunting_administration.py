"""Questions about administration: access, recoveries, devices, sessions, and what is done for the first time."""

from typing import Any, Final

from tests.content.case import HuntingCase
from tests.content.planted import SYDNEY, Planted, audit, days, heartbeat, minutes, signin, usage

ELSEWHERE: Final = "198.51.100.7"


def by_ada(who: str, action: str = "suspend", **how: Any) -> Planted:
    """What Ada did to somebody."""
    return audit("ada", action, "user", subject=who, **how)


def access(action: str, ago: float, who: str = "mia", vault: str = "finance", by: str = "ada") -> Planted:
    return audit(by, action, "uva", minutes(ago), subject=who, vault=vault)


def logged_in(login_time: str | None) -> Planted:
    """A change in a session that began then."""
    session = {"uuid": "S1", "login_time": login_time, "device_uuid": "D1", "ip": "192.0.2.10"}
    return audit("mia", "update", "vault", session=session)


def first_rows_of_history() -> list[Planted]:
    return [audit("ada", "create", "vault", days(40))]


CASES: Final = [
    HuntingCase(
        query="BriefAccess",
        found=[
            access("grant", 300),
            usage("mia", "reveal", minutes(240), item="a", vault="finance"),
            usage("mia", "reveal", minutes(239), item="b", vault="finance"),
            usage("mia", "reveal", minutes(310), item="b4", vault="finance"),
            usage("mia", "reveal", minutes(170), item="c", vault="finance"),
            usage("mia", "fill", minutes(240), item="f", vault="finance"),
            usage("mia", "reveal", minutes(240), item="d", vault="other"),
            usage("tom", "reveal", minutes(240), item="e", vault="finance"),
            access("revoke", 180, by="tom"),
        ],
        expect={
            "Access": "vault access of a user",
            "Whom": "mia@example.com",
            "GivenBy": "ada@example.com",
            "TakenAwayBy": "tom@example.com",
            "Minutes": 120,
            "ItemsTaken": 2,
        },
        left_alone={
            "after 25 hours": [access("grant", 26 * 60), access("revoke", 60)],
            "another vault": [access("grant", 60), access("revoke", 30, vault="other")],
            "another person": [access("grant", 60), access("revoke", 30, who="tom")],
            "taken, then given": [access("revoke", 60), access("grant", 30)],
            "changed": [access("grant", 60), access("update", 30)],
            "given long ago and changed now": [access("grant", 26 * 60), access("update", 60), access("revoke", 30)],
            "of what it is not known": [
                audit("ada", action, "uva", minutes(ago), subject="mia", object_uuid=None)
                for action, ago in (("grant", 60), ("revoke", 30))
            ],
            "of whom it is not known": [
                audit("ada", action, "uva", minutes(ago), vault="finance")
                for action, ago in (("grant", 60), ("revoke", 30))
            ],
        },
    ),
    HuntingCase(
        query="BriefAccess",
        found=[
            audit("ada", "grant", "gva", minutes(60), vault="finance", group="staff"),
            audit("ada", "revoke", "gva", minutes(30), vault="finance", group="staff"),
        ],
        expect={"Access": "vault access of a group", "Whom": f"the group {'staff'.ljust(26, 'g')}", "ItemsTaken": None},
        left_alone={
            "another group": [
                audit("ada", "grant", "gva", minutes(60), vault="finance", group="staff"),
                audit("ada", "revoke", "gva", minutes(30), vault="finance", group="guests"),
            ],
        },
    ),
    HuntingCase(
        query="BriefAccess",
        found=[
            audit("ada", "join", "gm", minutes(600), group="owners", subject="mia"),
            audit("ada", "leave", "gm", minutes(100), group="owners", subject="mia"),
            audit("ada", "join", "gm", minutes(60), group="owners", subject="mia"),
            audit("ada", "leave", "gm", minutes(30), group="owners", subject="mia"),
        ],
        # Each end goes with the last beginning before it.
        expect={"Access": "group membership", "Whom": "mia@example.com", "Minutes": 30},
        left_alone={"a role": [audit("ada", "role", "gm", group="owners", subject="mia")]},
    ),
    HuntingCase(
        query="AccountRecoveries",
        found=[
            by_ada("mia", "completr", ago=minutes(60), ip=ELSEWHERE),
            signin("mia", minutes(50), ip=ELSEWHERE, place=SYDNEY),
            signin("mia", minutes(40)),
        ],
        expect={
            "Actor": "ada@example.com",
            "ActionName": "completed recovery of",
            "Subject": "mia@example.com",
            "ByThemselves": False,
            "SameAddress": True,
            "SigninFrom": ELSEWHERE,
            "SigninCountry": "AU",
        },
        left_alone={
            "other changes of a person": [
                by_ada("mia"),
                by_ada("mia", "reactive"),
                audit("mia", "changemp", "user"),
            ],
            "a sign-in": [signin("mia")],
            "what is no person": [audit("ada", "beginr", "account")],
        },
    ),
    HuntingCase(
        query="AccountRecoveries",
        found=[
            signin("mia", days(5)),
            audit("mia", "beginr", "user", days(4), subject="mia", ip=ELSEWHERE),
            signin("mia", days(3), ip=ELSEWHERE, category="mfa_failed", kind="totp_bad"),
            signin("tom", days(3), ip=ELSEWHERE),
            signin("mia", minutes(2), ip=ELSEWHERE),
        ],
        expect={"ByThemselves": True, "SameAddress": False, "SigninTime": None},
        left_alone={},
    ),
    HuntingCase(
        query="LongSessions",
        found=[logged_in("2026-11-23T08:00:00.123456789Z"), logged_in("2026-11-25T08:00:00Z")],
        expect={
            "Actor": "mia@example.com",
            "Hours": 51,
            "Events": 1,
            "Changes": '["changed vault"]',
            "Devices": '["D1"]',
        },
        left_alone={
            "this morning": [logged_in("2026-11-25T08:00:00.123456789Z")],
            "yesterday in another zone": [logged_in("2026-11-24T10:30:00-03:00")],
            "not known": [logged_in(None), logged_in(""), audit("mia", "update", "vault", session=None)],
        },
    ),
    HuntingCase(
        query="LongSessions",
        found=[logged_in("2026-11-24T13:00:00.5+03:00")],
        expect={"Events": 1},
        left_alone={},
    ),
    HuntingCase(
        query="FirstAdministrativeAction",
        found=[
            *first_rows_of_history(),
            audit("mia", "updatfw", "account", days(2), info="Australia", ip=ELSEWHERE),
            audit("mia", "updatfw", "account", days(1)),
        ],
        expect={
            "Actor": "mia@example.com",
            "ActionName": "changed the firewall rules of",
            "Events": 2,
            "People": 1,
            "SrcIpAddr": ELSEWHERE,
        },
        left_alone={
            "done before": [
                *first_rows_of_history(),
                audit("mia", "updatfw", "account", days(20)),
                audit("mia", "updatfw", "account"),
            ],
            "what everybody does": [
                *first_rows_of_history(),
                *(audit(who, "create", "device") for who in ("mia", "tom", "noah", "ada")),
            ],
            "not of late": [*first_rows_of_history(), audit("mia", "updatfw", "account", days(8))],
            "a connector that is new": [audit("ada", "create", "vault", days(20)), audit("mia", "updatfw", "account")],
            "only history": first_rows_of_history(),
            "of whom it is not known": [
                *first_rows_of_history(),
                audit("mia", "updatfw", "account", actor_uuid=None, actor_details=None),
            ],
        },
    ),
    HuntingCase(
        query="NewDevices",
        found=[
            signin("mia", days(20)),
            signin("mia", minutes(130), ip=ELSEWHERE, place=SYDNEY),
            audit("mia", "create", "device", minutes(120), object_uuid="D1", ip=ELSEWHERE, place=SYDNEY),
            signin("mia", days(1), ip=ELSEWHERE, category="mfa_failed", kind="totp_bad"),
            usage("mia", "reveal", minutes(100), item="a", ip=ELSEWHERE),
            audit("mia", "export", "vault", minutes(95), ip=ELSEWHERE),
            usage("mia", "export", minutes(90), item="b", ip=ELSEWHERE),
            usage("mia", "fill", minutes(80), item="c", ip=ELSEWHERE),
            usage("mia", "reveal", minutes(70), item="d"),
            usage("tom", "reveal", minutes(70), item="e", ip=ELSEWHERE),
            audit("tom", "create", "device", minutes(60), object_uuid="D2"),
        ],
        expect={
            "Actor": "mia@example.com",
            "DeviceUuid": "D1",
            "NewAddress": True,
            "ItemsTaken": 2,
            "SrcIpAddr": ELSEWHERE,
            "SrcGeoCountry": "Australia",
        },
        left_alone={
            "a device that goes": [audit("mia", "delete", "device")],
            "not of late": [audit("mia", "create", "device", days(8))],
            "of whom it is not known": [audit("mia", "create", "device", actor_uuid=None, actor_details=None)],
            "no device": [audit("mia", "create", "vault"), signin("mia")],
            "a heartbeat": [heartbeat(minutes(2))],
        },
    ),
    HuntingCase(
        query="NewDevices",
        found=[
            usage("mia", ago=days(20)),
            audit("mia", "create", "device", days(2)),
            usage("mia", ago=days(0.5)),
            usage("mia", ago=days(2.1)),
        ],
        expect={"NewAddress": False, "ItemsTaken": 0},
        left_alone={},
    ),
]
