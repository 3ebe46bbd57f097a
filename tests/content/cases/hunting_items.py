"""Questions about items and vaults: who took what, for the first time, after months, or shared it."""

from typing import Final

from tests.content.case import HuntingCase
from tests.content.planted import Planted, audit, days, heartbeat, minutes, usage

FINANCE: Final = "finance".ljust(26, "v")


def at_work(who: str, vault: str = "usual", number: int = 6) -> list[Planted]:
    """An item of their vault, on so many days."""
    return [usage(who, "fill", days(10 + each), vault=vault) for each in range(number)]


CASES: Final = [
    HuntingCase(
        query="VaultItemsTaken",
        found=[
            usage("mia", "reveal", minutes(9), item="a", vault="finance"),
            usage("mia", "reveal", minutes(8), item="a", vault="finance"),
            usage("mia", "reveal", minutes(7), item="b", vault="finance"),
            usage("mia", "secure-copy", minutes(6), item="b", vault="finance", ip="198.51.100.7"),
            usage("mia", "export", minutes(5), item="c", vault="finance"),
            usage("mia", "share", minutes(4), item="d", vault="finance"),
            usage("mia", "server-fetch", minutes(3), item="e", vault="finance", app="1Password CLI"),
            usage("tom", "reveal", minutes(2), item="a", vault="finance"),
            usage("tom", "reveal", minutes(2), item="a", vault="other"),
        ],
        expect={
            "VaultUuid": FINANCE,
            "Actor": "mia@example.com",
            "Items": 5,
            "Revealed": 2,
            "Copied": 1,
            "Exported": 1,
            "Shared": 1,
            "Fetched": 1,
            "Addresses": '["192.0.2.10","198.51.100.7"]',
            "Apps": '["1Password CLI","1Password for Mac"]',
        },
        left_alone={
            "autofill and editing": [usage("mia", "fill"), usage("mia", "enter-item-edit-mode")],
            "an action that is not told": [usage("mia", action=None), usage("mia", "other")],
            "the account's word for an export": [audit("mia", "export", "vault", vault="finance")],
            "a heartbeat": [heartbeat(minutes(2))],
        },
    ),
    HuntingCase(
        query="ItemUsedAfterMonths",
        found=[
            usage("mia", "fill", days(80)),
            usage("mia", "reveal", days(2)),
            usage("mia", "secure-copy", days(1)),
        ],
        expect={
            "Actor": "mia@example.com",
            "Actions": '["copied","revealed"]',
            "Uses": 2,
            "UnusedDays": 78,
            "UsedByOthers": False,
        },
        left_alone={
            "seven weeks": [usage("mia", ago=days(55)), usage("mia")],
            "used in between": [usage("mia", ago=days(80)), usage("mia", ago=days(40)), usage("mia")],
            "used in between, and told late": [
                usage("mia", ago=days(80)),
                usage("mia", ago=days(40), seen=days(1)),
                usage("mia"),
            ],
            "somebody else's use": [usage("tom", ago=days(80)), usage("mia")],
            "another item": [usage("mia", ago=days(80), item="other"), usage("mia")],
            "the first use of all": [usage("mia")],
            "again, but not of late": [usage("mia", ago=days(80)), usage("mia", ago=days(8))],
            "of whom it is not known": [usage("mia", ago=days(80), user=None), usage("mia", user=None)],
            "of what it is not known": [usage("mia", ago=days(80), item_uuid=None), usage("mia", item_uuid=None)],
            "before what is looked at": [usage("mia", ago=days(95)), usage("mia")],
        },
    ),
    HuntingCase(
        query="ItemUsedAfterMonths",
        # What a backfill brings is as old as 1Password keeps it.
        found=[usage("mia", ago=days(110), seen=days(20)).backfilled(), usage("tom", ago=days(30)), usage("mia")],
        expect={"UnusedDays": 110, "UsedByOthers": True},
        left_alone={"none of theirs": [usage("tom", ago=days(110), seen=days(20)).backfilled(), usage("mia")]},
    ),
    HuntingCase(
        query="SharedItems",
        found=[
            audit("mia", "share", "item", minutes(9), object_uuid="ITEM", info="for the auditors"),
            usage("mia", "share", minutes(8), item_uuid="ITEM", vault="finance"),
            audit("mia", "share", "item", minutes(7), object_uuid="ITEM"),
            audit("tom", "delshare", "item", minutes(8), object_uuid="ITEM"),
        ],
        expect={
            "Actor": "mia@example.com",
            "ItemUuid": "ITEM",
            "Links": 2,
            "ReportedByApp": 1,
            "Stopped": False,
            "Vaults": f'["","{FINANCE}"]',
            "Notes": '["","for the auditors"]',
        },
        left_alone={
            "only the end of it": [audit("mia", "delshare", "item")],
            "items that are looked at": [usage("mia", "reveal"), audit("mia", "view", "item")],
            "the report of a day": [audit("mia", "export", "report")],
        },
    ),
    HuntingCase(
        query="SharedItems",
        found=[
            audit("mia", "share", "item", minutes(9), object_uuid="ITEM"),
            audit("tom", "delshare", "item", minutes(7), object_uuid="ITEM"),
        ],
        expect={"Links": 1, "ReportedByApp": 0, "Stopped": True},
        left_alone={},
    ),
    HuntingCase(
        query="FirstUseOfVault",
        found=[
            *at_work("mia"),
            audit("ada", "grant", "uva", days(1), subject="mia", vault="finance"),
            audit("tom", "revoke", "uva", minutes(5), subject="mia", vault="finance"),
            usage("mia", "reveal", minutes(9), item="a", vault="finance"),
            usage("mia", "reveal", minutes(8), item="b", vault="finance"),
            usage("mia", "fill", minutes(7), vault="usual"),
        ],
        expect={
            "VaultUuid": FINANCE,
            "Actor": "mia@example.com",
            "Items": 2,
            "Actions": '["revealed"]',
            "AccessGivenBy": "ada@example.com",
            "UsualVaults": 1,
            "UsualDays": 6,
        },
        left_alone={
            "the vault of every day": [*at_work("mia"), usage("mia", vault="usual")],
            "used a month ago": [
                *at_work("mia"),
                usage("mia", ago=days(30), vault="finance"),
                usage("mia", vault="finance"),
            ],
            "not of late": [*at_work("mia"), usage("mia", ago=days(8), vault="finance")],
            "of whom little is known": [*at_work("mia", number=4), usage("mia", vault="finance")],
            "of whom it is not known": [
                *(usage("mia", ago=days(10 + each), user=None) for each in range(6)),
                usage("mia", vault="finance", user=None),
            ],
            "of what it is not known": [*at_work("mia"), usage("mia", vault_uuid=None)],
            "access that is not used": [*at_work("mia"), audit("ada", "grant", "uva", subject="mia", vault="finance")],
            "somebody new, whom others do not make known": [*at_work("tom"), usage("mia", vault="finance")],
        },
    ),
    HuntingCase(
        query="FirstUseOfVault",
        found=[
            *at_work("mia"),
            audit("ada", "grant", "uva", days(1), subject="tom", vault="finance"),
            audit("ada", "grant", "uva", days(1), subject="mia", vault="other"),
            usage("mia", vault="finance"),
        ],
        expect={"VaultUuid": FINANCE, "AccessGivenTime": None},
        left_alone={},
    ),
]
