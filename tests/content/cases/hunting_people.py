"""Questions about people: who leaves, who is not of the company, and all about one."""

from typing import Any, Final

from tests.content.case import HuntingCase
from tests.content.cases.hunting_administration import by_ada
from tests.content.planted import Planted, audit, days, heartbeat, minutes, person, signin, usage

FINANCE: Final = "finance".ljust(26, "v")
EXPORT: Final = usage("mia", "export", days(3), vault="finance")
GUEST: Final = {
    "uuid": "GUEST".ljust(26, "A"), "name": "Gus", "email": "gus@partner.example.org",
    "user_type": "external_user", "user_account_uuid": "PARTNER".ljust(26, "A"),
}  # fmt: skip


def outsider(action: str = "reveal", **changes: Any) -> Planted:
    """An item used by somebody who is not of the company."""
    return usage("gus", action, user={**GUEST, **changes}, vault="finance")


CASES: Final = [
    HuntingCase(
        query="DaysBeforeSuspension",
        found=[
            *(usage("mia", "export", days(3), item=f"i{each}", vault="finance") for each in range(3)),
            signin("mia", days(4), category="credentials_failed", kind="password_secret_bad"),
            by_ada("mia"),
        ],
        expect={
            "Person": "mia@example.com",
            "Departure": "suspended",
            "DepartureBy": "ada@example.com",
            "EventAction": "export",
            "Events": 3,
            "Items": 3,
            "Vaults": f'["{FINANCE}"]',
        },
        left_alone={
            "fifteen days before": [usage("mia", "export", days(15)), by_ada("mia")],
            "after it": [by_ada("mia", ago=days(4)), EXPORT],
            "somebody else's": [usage("tom", "export", days(3)), by_ada("mia")],
            "nobody left": [EXPORT, by_ada("mia", "reactive"), audit("ada", "delete", "device", subject="mia")],
            "of whom it is not known": [
                usage("mia", "export", days(3), user=None),
                by_ada("mia", object_uuid=None, object_details=None),
            ],
            "long ago": [usage("mia", "export", days(33)), by_ada("mia", ago=days(31))],
        },
    ),
    HuntingCase(
        query="DaysBeforeSuspension",
        # Whoever is gone has no details.
        found=[EXPORT, by_ada("mia", "delete", object_uuid=person("mia")["uuid"], object_details=None)],
        expect={"Person": "mia@example.com", "Departure": "deleted"},
        left_alone={},
    ),
    HuntingCase(
        query="PersonTimeline",
        found=[
            audit("ada", "grant", "uva", minutes(8), subject="mia", vault="finance"),
            signin("mia", minutes(9)),
            usage("mia", ago=minutes(7), vault="finance"),
        ],
        expect={
            "EventType": "signinattempts",
            "Actor": "mia@example.com",
            "What": "signed in: account password and Secret Key were right",
        },
        left_alone={"a heartbeat": [heartbeat(minutes(2))]},
    ),
    HuntingCase(
        query="ExternalPeople",
        found=[
            signin("mia"),
            signin("tom"),
            outsider("reveal"),
            outsider("fill"),
            signin("gus", target_user=GUEST, category="mfa_failed", kind="totp_bad"),
            audit("gus", "create", "device", actor_uuid=GUEST["uuid"], actor_details=None, actor_type="external_user"),
        ],
        expect={
            "ActorUuid": GUEST["uuid"],
            "External": True,
            "ItemsTaken": 1,
            "ItemsUsed": 1,
            "Vaults": f'["","{FINANCE}"]',
            "Actions": '["create device","fill item","reveal item","sign-in"]',
            "Changes": 1,
            "Signins": 0,
            "FailedSignins": 1,
        },
        left_alone={
            "people of the company": [signin("mia"), usage("tom"), audit("ada", "create", "vault")],
            "a service account": [
                signin("mia"),
                usage("ci", user={"uuid": "CI", "email": "ci@1passwordserviceaccounts.eu", "user_type": "user"}),
            ],
            "many without an address": [signin("mia"), *(usage("x", user={"uuid": who}) for who in ("TOM", "ADA"))],
            "in another case": [signin("mia"), usage("tom", user={**person("tom"), "email": "Tom@Example.com"})],
        },
    ),
    HuntingCase(
        query="ExternalPeople",
        found=[signin("mia"), signin("tom"), outsider(user_type="user")],
        expect={"Actor": "gus@partner.example.org", "External": False, "ItemsTaken": 1},
        left_alone={},
    ),
]
