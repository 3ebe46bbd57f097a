"""Items that somebody takes: many at once, or after a long absence."""

from typing import Final

from tests.content.case import RuleCase
from tests.content.planted import NOW, Planted, audit, days, heartbeat, minutes, signin, usage


def burst(
    who: str,
    number: int,
    since: float = 20,
    action: str = "reveal",
    *,
    seen: float | None = None,
    named: str = "item",
    lasting: float = 5,
) -> list[Planted]:
    """So many items, one after the other, the first so many minutes ago."""
    return [
        usage(
            who,
            action,
            minutes(since - lasting * each / number),
            seen=None if seen is None else minutes(seen),
            item=f"{named}{each}",
        )
        for each in range(number)
    ]


COLLECTING: Final = heartbeat(days(13.5))
DAY: Final = 24 * 60

CASES: Final = [
    RuleCase(
        rule="ItemsTakenInBulk",
        fires={
            "thirty items": [
                usage("mia", ago=minutes(300), item="earlier"),
                *burst("mia", 30),
                usage("mia", ago=minutes(1), item="later"),
            ],
            "one export": burst("mia", 400, action="export", lasting=0.1),
            "in different ways": [
                *burst("mia", 10, action="secure-copy", named="copy"),
                *burst("mia", 10, action="share", named="share"),
                *burst("mia", 10, action="server-fetch", named="fetch"),
            ],
            "in the night, delivered now": burst("mia", 40, since=20 * 60, seen=2),
            "the first half known since the last run": [
                *burst("mia", 20, since=70, seen=65),
                *burst("mia", 20, since=68, seen=5, named="late"),
            ],
            "across a boundary of the windows": burst("mia", 30, since=22, lasting=4),
            "for an hour": burst("mia", 300, since=55, lasting=50),
            "more than three times what is usual": [
                *burst("mia", 20, since=3 * DAY),
                *burst("mia", 20, since=5 * DAY, named="other"),
                *burst("mia", 60),
            ],
            "others take as many every day": [*burst("noah", 200, since=2 * DAY), *burst("mia", 30)],
            "a second burst on that day": [*burst("mia", 35, since=150), *burst("mia", 35, named="other")],
            "an earlier burst that is delivered after the one that alerted": [
                *burst("mia", 35, since=5 * 60, seen=2),
                *burst("mia", 35, since=120, named="other"),
            ],
            "two bursts that become known at once": [
                *burst("mia", 30, since=9 * 60, seen=2),
                *burst("mia", 45, since=3 * 60, seen=2, named="other"),
            ],
        },
        quiet={
            "twenty-nine items": burst("mia", 29),
            "one item often": [usage("mia", ago=minutes(20 - each / 10)) for each in range(60)],
            "one item each by many people": [
                usage(f"person{each}", ago=minutes(20 - each / 10), item=f"item{each}") for each in range(60)
            ],
            "autofill": burst("mia", 60, action="fill"),
            "opened for editing": burst("mia", 60, action="enter-item-edit-mode"),
            "over hours": burst("mia", 60, since=6 * 60, lasting=5 * 60),
            "as usual": [*burst("mia", 20, since=3 * DAY), *burst("mia", 59)],
            "the burst that alerted goes on": [
                *burst("mia", 40, since=85, seen=80),
                *burst("mia", 40, since=50, named="more"),
            ],
            "the beginning of the burst that alerted": [
                *burst("mia", 40, since=90),
                *burst("mia", 40, since=130, seen=2, named="more"),
            ],
            "known since yesterday": burst("mia", 100, since=DAY),
            "one late item of a burst that alerted": [
                *burst("mia", 40, since=90),
                usage("mia", ago=minutes(88), seen=minutes(2), item="late"),
            ],
        },
        expect={
            "Actor": "mia@example.com",
            "Items": 30,
            "UsualItems": 0,
            "FirstUsage": NOW - minutes(20),
            "EventTime": NOW - minutes(20 - 5 * 29 / 30),
            "Actions": '["revealed"]',
            "SrcIpAddr": "192.0.2.10",
        },
    ),
    RuleCase(
        rule="DormantPersonTookItems",
        fires={
            "five items on the first day": [COLLECTING, signin("mia", minutes(30)), *burst("mia", 5)],
            "one item in each way": [
                COLLECTING,
                *(
                    usage("mia", each, item=each)
                    for each in ("reveal", "secure-copy", "share", "export", "server-fetch")
                ),
            ],
            "reactivated by an administrator": [
                COLLECTING,
                audit("admin", "reactive", "user", days(1), subject="mia"),
                *burst("mia", 5),
            ],
            "attempts that failed are no activity": [
                COLLECTING,
                signin("mia", days(5), category="credentials_failed"),
                *burst("mia", 5),
            ],
            "what others do to them is no activity": [
                COLLECTING,
                audit("admin", "grant", "uva", days(5), subject="mia"),
                *burst("mia", 5),
            ],
            "delivered a day late": [COLLECTING, *burst("mia", 6, since=DAY, seen=2)],
            "the fifth item is delivered last": [
                COLLECTING,
                *burst("mia", 4, since=300),
                usage("mia", ago=minutes(320), seen=minutes(2), item="late"),
            ],
            "known from long before": [
                COLLECTING,
                usage("mia", ago=days(20), seen=days(1)).backfilled(),
                *burst("mia", 5),
            ],
            "somebody else is new": [
                COLLECTING,
                audit("admin", "activate", "user", days(2), subject="noah"),
                *burst("mia", 5),
            ],
        },
        quiet={
            "four items": [COLLECTING, *burst("mia", 4)],
            "one item often": [COLLECTING, *(usage("mia", ago=minutes(20 - each)) for each in range(9))],
            "autofill": [COLLECTING, *burst("mia", 9, action="fill")],
            "signed in last week": [COLLECTING, signin("mia", days(6)), *burst("mia", 9)],
            "used an item last week": [COLLECTING, usage("mia", "fill", days(6)), *burst("mia", 9)],
            "changed something last week": [COLLECTING, audit("mia", "update", "vault", days(6)), *burst("mia", 9)],
            "active in history": [
                COLLECTING,
                usage("mia", ago=days(6), seen=days(1)).backfilled(),
                *burst("mia", 9),
            ],
            **{
                f"a new person: {action}": [
                    COLLECTING,
                    audit("admin", action, "user", days(1), subject="mia"),
                    *burst("mia", 9),
                ]
                for action in ("create", "activate", "provsn", "verify", "upguest")
            },
            "four items, and a vault exported": [
                COLLECTING,
                *burst("mia", 4),
                audit("mia", "export", "vault", vault="v"),
            ],
            "back for five days, and all of it delivered now": [COLLECTING, *burst("mia", 9, since=5 * DAY, seen=2)],
            "a connector that is new": [heartbeat(days(10)), *burst("mia", 9)],
            "back since yesterday, and now at work": [
                COLLECTING,
                signin("mia", minutes(DAY + 60)),
                *burst("mia", 9),
            ],
            "a service account that works once a month": [
                COLLECTING,
                *(
                    usage("ci", "server-fetch", item=f"i{each}", user={"uuid": "CI", "email": address})
                    for each in range(9)
                    for address in ("ci@1passwordserviceaccounts.com",)
                ),
            ],
            "a sixth item": [COLLECTING, *burst("mia", 5, since=300), usage("mia", item="sixth")],
        },
        expect={
            "Actor": "mia@example.com",
            "Items": 5,
            "Actions": '["reveal"]',
            "SrcIpAddr": "192.0.2.10",
            "PlatformName": "MacBook",
        },
    ),
]
