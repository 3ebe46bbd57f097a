"""Vaults that somebody exports: at any time, when they are new, before they leave."""

from typing import Final

from tests.content.case import RuleCase
from tests.content.planted import Planted, audit, minutes, usage

HOUR: Final = 60
DAY: Final = 24 * HOUR


def late(seen: float | None) -> dict[str, object]:
    """Ingested so many minutes ago, or at once."""
    return {} if seen is None else {"seen": minutes(seen)}


def export(who: str, ago: float = 2, *, vault: str = "vault", seen: float | None = None) -> Planted:
    """The audit event of an exported vault."""
    return audit(who, "export", "vault", minutes(ago), vault=vault, **late(seen))


def exported(
    who: str,
    number: int,
    since: float = 2,
    *,
    seen: float | None = None,
    named: str = "item",
    vault: str = "vault",
    lasting: float = 1,
) -> list[Planted]:
    """The item usages of an export, one for each item, the first so many minutes ago."""
    return [
        usage(who, "export", minutes(since - lasting * each / number), item=f"{named}{each}", vault=vault, **late(seen))
        for each in range(number)
    ]


def activated(who: str, ago: float, *, action: str = "activate", seen: float | None = None) -> Planted:
    return audit("admin", action, "user", minutes(ago), subject=who, **late(seen))


def left(who: str, ago: float = 2, *, action: str = "suspend", seen: float | None = None) -> Planted:
    return audit("admin", action, "user", minutes(ago), subject=who, **late(seen))


def downloads(who: str, *agos: float) -> list[Planted]:
    """Single files, which 1Password reports in the same way as an export."""
    return [usage(who, "export", minutes(ago), item=f"file{ago}") for ago in agos]


CASES: Final = [
    RuleCase(
        rule="VaultExported",
        fires={
            "a vault, and files before and after": [
                export("mia", 5 * HOUR, seen=2),
                *downloads("mia", 6 * HOUR, 4 * HOUR),
            ],
            "across the limit of five minutes": exported("mia", 5, 12, seen=2, lasting=4),
            "nobody is named": [audit("mia", "export", "vault", vault="vault", actor_uuid="", actor_details=None)],
            "item by item": exported("mia", 5),
            "a large vault, both ways": [export("mia", 4), *exported("mia", 400, 4)],
            "five vaults at once": [export("mia", 2 + each / 10, vault=f"vault{each}") for each in range(5)],
            "item by item, delivered a day late": exported("mia", 30, 23 * HOUR, seen=2),
            "half of it known since the last run": [
                *exported("mia", 4, 7, seen=6),
                *exported("mia", 4, 4, named="other"),
            ],
            "again, two hours after the alert": [export("mia", 2 * HOUR), export("mia")],
            "somebody else exports at the same time": [export("noah", 30), export("mia")],
            "without details, in v1's form": [
                audit("mia", "export", "vault", vault="vault", actor_details=None, session=None, location=None)
            ],
        },
        quiet={
            "four files downloaded": exported("mia", 4),
            "one file downloaded often": [usage("mia", "export", minutes(each / 10)) for each in range(20)],
            "five files downloaded over a day": exported("mia", 5, 20 * HOUR, lasting=20 * HOUR),
            "five files downloaded over eleven minutes": exported("mia", 5, 14.5, seen=2, lasting=14),
            "known to the run before": [export("mia", 5)],
            "a sixth item after the alert": [
                *exported("mia", 5, 20),
                usage("mia", "export", minutes(19.5), seen=minutes(2), item="late"),
            ],
            "revealed": [usage("mia", "reveal", item=f"item{each}") for each in range(20)],
            "another change of a vault": [audit("mia", "update", "vault", vault="vault")],
            "a report is exported": [audit("mia", "export", "report")],
            "its items, delivered after the alert": [
                export("mia", 5 * HOUR),
                *exported("mia", 40, 5 * HOUR, seen=2),
            ],
            "its audit event, delivered after the alert": [
                *exported("mia", 40, 50, seen=49),
                export("mia", 49.5, seen=2),
            ],
            "it goes on": [export("mia", 30), export("mia", vault="other")],
        },
        expect={"Actor": "mia@example.com", "Exported": "a vault", "Items": 0, "SrcIpAddr": "192.0.2.10"},
    ),
    RuleCase(
        rule="VaultExportedByNewPerson",
        fires={
            "a vault, on the second day, and files before and after": [
                activated("mia", 1.5 * DAY),
                export("mia", 5 * HOUR, seen=2),
                *downloads("mia", 6 * HOUR, 4 * HOUR),
            ],
            "item by item": [activated("mia", 6 * DAY), *exported("mia", 5)],
            "across the limit of five minutes": [activated("mia", DAY), *exported("mia", 5, 12, lasting=4)],
            "delivered a day late": [activated("mia", 7.5 * DAY), *exported("mia", 9, DAY, seen=2)],
            "the activation is delivered last": [activated("mia", 90, seen=2), export("mia", 80, seen=79)],
            "both ways, several vaults": [
                activated("mia", DAY),
                export("mia"),
                export("mia", vault="other"),
                *exported("mia", 40),
            ],
            "activated by themselves": [
                audit("mia", "activate", "user", minutes(DAY), subject="mia"),
                export("mia"),
            ],
        },
        quiet={
            "after eight days": [activated("mia", 8 * DAY), export("mia")],
            "an old account": [export("mia")],
            "somebody else is new": [activated("noah", DAY), export("mia")],
            "exported before": [export("mia", 30), activated("mia", 20)],
            "a new person reveals nine items": [
                activated("mia", DAY),
                *(usage("mia", item=f"item{each}") for each in range(9)),
            ],
            "a new person exports a report": [activated("mia", DAY), audit("mia", "export", "report")],
            "a new person downloads five files over eleven minutes": [
                activated("mia", DAY),
                *exported("mia", 5, 14.5, lasting=14),
            ],
            "nobody is named": [
                audit("admin", "activate", "user", minutes(DAY), object_uuid=""),
                audit("mia", "export", "vault", vault="vault", actor_uuid="", actor_details=None),
            ],
            "a vault, known to the run before": [activated("mia", DAY), export("mia", 60)],
            "items, known to the run before": [activated("mia", DAY), *exported("mia", 9, 90)],
            "a sixth item after the alert": [
                activated("mia", DAY),
                *exported("mia", 5, 90),
                usage("mia", "export", minutes(89.5), seen=minutes(2), item="late"),
            ],
            "a new person downloads four files": [activated("mia", DAY), *exported("mia", 4)],
            "a new person downloads a file a day": [
                activated("mia", 6 * DAY),
                *(usage("mia", "export", minutes(each * DAY + 2), item=f"item{each}") for each in range(6)),
            ],
            "who activated them exports": [activated("mia", DAY), export("admin")],
            "invited, and not activated": [activated("mia", DAY, action="create"), export("mia")],
            "its items, delivered after the alert": [
                activated("mia", 2 * DAY),
                export("mia", 20 * HOUR),
                *exported("mia", 40, 20 * HOUR, seen=2),
            ],
            "once more after the alert": [activated("mia", 2 * DAY), export("mia", DAY), export("mia")],
            "activated in history": [activated("mia", DAY).backfilled(), export("mia")],
        },
        expect={"Actor": "mia@example.com", "Exported": "a vault", "ActivatedBy": "admin@example.com"},
    ),
    RuleCase(
        rule="VaultExportedBeforeLeaving",
        fires={
            "suspended the next day, and files before and after": [
                export("mia", DAY),
                *downloads("mia", 25 * HOUR, 23 * HOUR),
                left("mia"),
            ],
            "across the limit of five minutes": [*exported("mia", 5, 12, lasting=4), left("mia")],
            "deleted nine days later": [export("mia", 9 * DAY), left("mia", action="delete")],
            "item by item": [*exported("mia", 5, 2 * DAY), left("mia")],
            "item usages that arrive after the suspension": [
                *exported("mia", 60, 25 * HOUR, seen=2),
                left("mia", 5 * HOUR),
            ],
            "suspended, then deleted": [
                export("mia", DAY),
                left("mia", 30),
                left("mia", action="delete"),
            ],
            "both ways, several vaults": [
                export("mia", DAY),
                export("mia", DAY, vault="other"),
                *exported("mia", 40, DAY),
                left("mia"),
            ],
            "back after a first suspension": [
                left("mia", 12 * DAY),
                audit("admin", "reactive", "user", minutes(11 * DAY), subject="mia"),
                export("mia", 3 * DAY),
                left("mia"),
            ],
        },
        quiet={
            "eleven days before": [export("mia", 11 * DAY), left("mia")],
            "items revealed": [
                *(usage("mia", "reveal", minutes(DAY), item=f"item{each}") for each in range(9)),
                left("mia"),
            ],
            "a report exported": [audit("mia", "export", "report", minutes(DAY)), left("mia")],
            "five files downloaded over eleven minutes": [*exported("mia", 5, 14.5, lasting=14), left("mia")],
            "renamed": [export("mia", DAY), left("mia", action="changenm")],
            "nobody is named": [
                audit("mia", "export", "vault", minutes(DAY), vault="vault", actor_uuid="", actor_details=None),
                audit("admin", "suspend", "user", object_uuid=""),
            ],
            "known to the run before": [export("mia", DAY), left("mia", 60)],
            "items, known to the run before": [*exported("mia", 9, DAY), left("mia", 90)],
            "a sixth item after the alert": [
                *exported("mia", 5, 20 * HOUR),
                left("mia", 90),
                usage("mia", "export", minutes(20 * HOUR - 0.5), seen=minutes(2), item="late"),
            ],
            "somebody else left": [export("mia", DAY), left("noah")],
            "who suspended them had exported": [export("admin", DAY), left("mia")],
            "four files downloaded": [*exported("mia", 4, DAY), left("mia")],
            "exported after they were back": [
                left("mia", DAY),
                audit("admin", "reactive", "user", minutes(HOUR), subject="mia"),
                export("mia"),
            ],
            "a group is deleted": [export("mia", DAY), audit("admin", "delete", "group", group="group")],
            "deleted after the alert": [
                export("mia", 2 * DAY),
                left("mia", DAY),
                left("mia", action="delete"),
            ],
            "its items, delivered after the alert": [
                export("mia", 23 * HOUR),
                left("mia", 20 * HOUR),
                *exported("mia", 40, 23 * HOUR, seen=2),
            ],
            "suspended in history": [export("mia", DAY), left("mia").backfilled()],
        },
        expect={
            "Actor": "mia@example.com",
            "Exported": "a vault",
            "Departure": "suspended",
            "DepartureBy": "admin@example.com",
        },
    ),
]
