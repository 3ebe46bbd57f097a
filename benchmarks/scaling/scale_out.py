"""How the app scales out with the number of accounts: where the first bottleneck is, and which setting moves it.

    python -m benchmarks.scaling.scale_out [--costs costs.json] [--save scale_out.json]

What a poll costs the worker is measured (poll_costs.py) unless it is given; all else is simulated. As deployed is what
host.json says.
"""

import argparse
import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

from benchmarks import layout
from benchmarks.scaling.changes import HOST_JSON, alone, improve, most_accounts
from benchmarks.scaling.costs import PollCosts, read_costs
from benchmarks.scaling.limits import CONNECT_SECONDS, RESOURCE_BYTES, RULE_REQUESTS, AccountLimits, account_limits
from benchmarks.scaling.outcome import LIMIT_SECONDS, Outcome
from benchmarks.scaling.platform import AZURE_DEFAULTS, DEPLOYED, HubSettings, Remotes, StorageTimes
from benchmarks.scaling.poll_costs import measured_costs

SIZES: Final = (100, 1_000, 10_000)
# For this many it is looked at what each setting is worth by itself.
LOOKED_AT: Final = 1_000


@dataclass(frozen=True, slots=True)
class ScaleOut:
    """All that was found; `most_accounts` is by what was set, `polls` are in the order of the table."""

    costs: PollCosts
    settings: HubSettings
    storage: StorageTimes
    remotes: Remotes
    limits: AccountLimits
    most_accounts: dict[str, int]
    polls: list[Outcome]


def found(costs: PollCosts | None = None) -> ScaleOut:
    """Find everything out; what a poll costs is measured, which takes half a minute, where it is not given."""
    costs = costs or measured_costs()
    widest = replace(DEPLOYED, **{field: value for change in HOST_JSON for field, value in change.hub.items()})
    most = {
        "as deployed": most_accounts(costs, DEPLOYED),
        "with Azure's defaults": most_accounts(costs, AZURE_DEFAULTS),
        "with every change to host.json": most_accounts(costs, widest),
    }
    polls: list[Outcome] = []
    for accounts in sorted({*SIZES, most["as deployed"]}):
        polls += improve(accounts, costs)
        if accounts == LOOKED_AT:
            polls += alone(accounts, costs)
    return ScaleOut(costs, DEPLOYED, StorageTimes(), Remotes(), account_limits(), most, polls)


def markdown(data: dict[str, Any]) -> str:
    """Render what was found, from `asdict` of it or from a JSON file: two tables and what lies under them."""
    heads = ("accounts", "what is changed", "the poll ends after (s)", "within five minutes", "instances", "saturated")
    polls = layout.markdown(heads, map(_poll_row, data["polls"]), "rlrlrl")
    limits = layout.markdown(("one app's most accounts", "what limits them", "why"), _limit_rows(data), "rll")
    return "\n\n".join((polls, limits, _costs_line(data["costs"]), _history_line(data), _assumptions_line(data)))


def _poll_row(poll: dict[str, Any]) -> tuple[str, ...]:
    ended, at = poll["ended_seconds"], poll["bottleneck"]
    return (
        f"{poll['accounts']:,}",
        poll["change"],
        f"over {LIMIT_SECONDS:,.0f}" if ended is None else f"{ended:,.0f}",
        "yes" if poll["in_time"] else "no",
        str(poll["instances"]),
        f"{at}, {100 * poll['busy'][at]:.0f} %" if at in poll["busy"] else f"nothing: {at}",
    )


def _limit_rows(data: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    limits, remotes = data["limits"], data["remotes"]
    for setting, accounts in data["most_accounts"].items():
        yield f"{accounts:,}", f"the scheduler, {setting}", "an idle poll ends before the next one begins"
    megabytes = limits["argument_bytes"] / (1 << 20)
    for size, accounts in limits["by_environment"].items():
        why = f"the worker's environment holds all tokens; Linux gives it {megabytes:g} MB"
        yield f"{accounts:,}", f"the environment, with tokens of {int(size):,} bytes", why
    why = f"{remotes['connections']} connections at {remotes['page']:g} s; who waits over {CONNECT_SECONDS:g} s fails"
    yield f"{limits['by_introspection']:,}", "the introspection, of all accounts at once", why
    why = f"the template has all app settings in one resource, of {RESOURCE_BYTES:,} bytes at most"
    yield f"{limits['by_template']:,}", "Azure Resource Manager", why
    why = f"a health row a stream, {RULE_REQUESTS:,} requests a minute, five minutes"
    yield f"{limits['by_rule']:,}", "the data collection rule", why


def _costs_line(costs: dict[str, Any]) -> str:
    turn, transfer = costs["child_turn"], costs["transfer"]
    return (
        f"Measured: an idle poll costs the worker {_ms(costs['whole']['each'], 1)} of CPU an account. Its parts: "
        f"a turn of `drain_stream` {_ms(turn['base'], 2)} and {_ms(turn['each'], 3)} for each event that it replays, "
        f"a transfer without news {_ms(transfer['base'], 1)} and {_ms(transfer['each'], 4)} for each account that "
        f"there is, an operation of the cursor {_ms(costs['entity'], 2)}, a health row {_ms(costs['report'], 2)}, "
        f"an introspection {_ms(costs['discover']['each'], 2)}. "
        f"A page of 1,000 events adds {_ms(costs['page'], 1)}."
    )


def _ms(seconds: float, digits: int) -> str:
    return f"{1000 * seconds:.{digits}f} ms"


def _history_line(data: dict[str, Any]) -> str:
    sizes = {poll["accounts"]: poll["poll_history_bytes"] for poll in data["polls"] if poll["change"] == "as deployed"}
    megabytes = ", ".join(f"{size / 1e6:,.1f} MB for {accounts:,} accounts" for accounts, size in sizes.items())
    return f"The worker is sent the history of the poll for each of its turns: at its end {megabytes}."


def _assumptions_line(data: dict[str, Any]) -> str:
    settings, storage, remotes = data["settings"], data["storage"], data["remotes"]
    return (
        f"Assumed: a queue message takes {1000 * storage['message']:.0f} ms, a turn {1000 * storage['turn']:.0f} ms of "
        f"storage, 1Password {remotes['page']:g} s an answer, Azure {remotes['upload']:g} s an upload; from one "
        f"instance on, one more each {settings['scale_out_seconds']:g} s while something waits, "
        f"{settings['most_instances']} at most. What the Functions host itself computes is left out."
    )


def main() -> None:
    """Measure or read the costs, simulate, print."""
    parser = argparse.ArgumentParser(description="How the app scales out with the number of accounts.")
    parser.add_argument("--costs", type=Path, help="what a poll costs, as benchmarks.scaling.poll_costs saved it")
    parser.add_argument("--save", type=Path, help="a JSON file for all that was found")
    options = parser.parse_args()
    scale = asdict(found(read_costs(options.costs) if options.costs else None))
    print(markdown(scale))
    if options.save:
        options.save.write_text(json.dumps(scale, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
