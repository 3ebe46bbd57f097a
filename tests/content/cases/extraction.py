"""Items that somebody takes after their access to the vault was changed."""

from typing import Final

from tests.content.case import RuleCase
from tests.content.planted import Planted, audit, days, minutes, usage


def items(who: str, number: int, since: float = 20, *, seen: float | None = None, **how: str) -> list[Planted]:
    """So many different items of a vault, one every two seconds, the first so many minutes ago."""
    return [
        usage(
            who, ago=minutes(since - each / 30), seen=None if seen is None else minutes(seen), item=f"item{each}", **how
        )
        for each in range(number)
    ]


def let_in(who: str, by: str, ago: float, *, action: str = "grant", seen: float | None = None) -> Planted:
    """Somebody's access to the vault is changed."""
    return audit(
        by, action, "uva", minutes(ago), seen=None if seen is None else minutes(seen), vault="vault", subject=who
    )


HOUR: Final = 60

CASES: Final = [
    RuleCase(
        rule="ItemsTakenAfterVaultAccess",
        fires={
            "one item after letting oneself in": [let_in("mia", "mia", 40), usage("mia")],
            "five items after being let in, each in another way": [
                let_in("mia", "admin", 40),
                *(
                    usage("mia", each, item=each)
                    for each in ("reveal", "secure-copy", "share", "export", "server-fetch")
                ),
            ],
            "the vault exported after being let in": [
                let_in("mia", "admin", 40),
                audit("mia", "export", "vault", vault="vault"),
            ],
            "after giving oneself more rights": [
                let_in("mia", "mia", 40, action="update"),
                usage("mia", "secure-copy"),
            ],
            "eleven hours later": [let_in("mia", "mia", 11 * HOUR), usage("mia", "share")],
            "delivered a day late": [
                let_in("mia", "mia", 34 * HOUR),
                usage("mia", ago=minutes(23 * HOUR), seen=minutes(2)),
            ],
            "the change is delivered last": [
                let_in("mia", "mia", 40, seen=2),
                usage("mia", ago=minutes(30), seen=minutes(29)),
            ],
            "the fifth item is delivered last": [
                let_in("mia", "admin", 3 * HOUR),
                *items("mia", 4, since=2 * HOUR),
                usage("mia", ago=minutes(2.5 * HOUR), seen=minutes(2), item="late"),
            ],
            "the vault exported, by who worked there already": [
                usage("mia", ago=minutes(20 * HOUR)),
                let_in("mia", "admin", 40, action="update"),
                audit("mia", "export", "vault", vault="vault"),
            ],
            "a vault that they made before": [
                audit("mia", "create", "vault", minutes(41.5), vault="vault"),
                let_in("mia", "mia", 40),
                usage("mia"),
            ],
            "a vault that they had just renamed": [
                audit("mia", "update", "vault", minutes(40.5), vault="vault"),
                let_in("mia", "mia", 40),
                usage("mia"),
            ],
            "access and rights in one go": [
                let_in("mia", "admin", 40),
                let_in("mia", "admin", 39.9, action="update"),
                let_in("mia", "admin", 39.8, action="update"),
                *items("mia", 6, since=4),
            ],
            "another changes the rights after they let themselves in": [
                let_in("mia", "mia", 40),
                let_in("mia", "admin", 30, action="update"),
                usage("mia"),
            ],
            "let in again, a day after the first alert": [
                let_in("mia", "mia", 25 * HOUR),
                usage("mia", ago=minutes(24 * HOUR)),
                let_in("mia", "mia", 40),
                usage("mia"),
            ],
            "a vault that somebody else has just made": [
                audit("noah", "create", "vault", minutes(40), vault="vault"),
                let_in("mia", "mia", 39.8),
                usage("mia"),
            ],
            "without details, in v1's form": [
                audit(
                    "mia",
                    "grant",
                    "uva",
                    minutes(40),
                    vault="vault",
                    subject="mia",
                    actor_details=None,
                    aux_details=None,
                ),
                usage("mia"),
            ],
        },
        quiet={
            "four items after being let in": [let_in("mia", "admin", 40), *items("mia", 4, since=4)],
            "one item often": [
                let_in("mia", "admin", 40),
                *(usage("mia", ago=minutes(each / 4)) for each in range(12)),
            ],
            "taken before": [usage("mia", ago=minutes(4)), let_in("mia", "mia", 2)],
            "thirteen hours later": [let_in("mia", "mia", 13 * HOUR), usage("mia")],
            "another vault": [let_in("mia", "mia", 40), usage("mia", vault="other")],
            "another person": [let_in("mia", "mia", 40), usage("noah")],
            "the administrator takes, not who was let in": [let_in("mia", "admin", 40), *items("admin", 9, since=4)],
            "autofill": [let_in("mia", "mia", 40), usage("mia", "fill")],
            "opened for editing": [let_in("mia", "mia", 40), usage("mia", "enter-item-edit-mode")],
            "access taken away": [let_in("mia", "mia", 40, action="revoke"), usage("mia")],
            "a group is let in": [
                audit("mia", "grant", "gva", minutes(40), vault="vault", group="group"),
                usage("mia"),
            ],
            "a vault of their own making": [
                audit("mia", "create", "vault", minutes(40), vault="vault"),
                let_in("mia", "mia", 39.9),
                usage("mia"),
            ],
            "other rights of who worked there already": [
                usage("mia", ago=minutes(20 * HOUR)),
                let_in("mia", "admin", 40, action="update"),
                *items("mia", 9, since=4),
            ],
            "another vault exported": [
                let_in("mia", "admin", 40),
                audit("mia", "export", "vault", vault="other"),
            ],
            "one more item after the alert": [
                let_in("mia", "mia", 3 * HOUR),
                usage("mia", ago=minutes(2 * HOUR)),
                usage("mia", item="other"),
            ],
            "the vault exported once more after the alert": [
                let_in("mia", "admin", 40),
                audit("mia", "export", "vault", minutes(7), vault="vault"),
                audit("mia", "export", "vault", vault="vault"),
            ],
            "the vault renamed": [let_in("mia", "admin", 40), audit("mia", "update", "vault", vault="vault")],
            "taken in history": [let_in("mia", "mia", 40), usage("mia").backfilled()],
            "let in by history": [let_in("mia", "mia", 40).backfilled(), usage("mia")],
            "known since yesterday": [
                let_in("mia", "mia", 26 * HOUR),
                usage("mia", ago=days(1)),
            ],
        },
        expect={
            "Actor": "mia@example.com",
            "GivenBy": "themselves",
            "Taken": "1 item",
            "Actions": '["revealed"]',
            "ChangeName": "granted",
            "SrcIpAddr": "192.0.2.10",
        },
    ),
]
