"""What the measured costs mean: for an account at its limit, for an instance, and for the bill."""

from collections.abc import Mapping
from typing import Any, Final

from benchmarks.pages import PAGE_EVENTS, STREAMS

# 30,000 requests an hour, 1,000 events a page (1Password Events API, rate limits and pagination).
_SUSTAINED: Final = 30_000 / 3600 * PAGE_EVENTS
# What of a core is to be used; the rest is the host's. An instance of 2,048 MB is assumed to have one.
_USABLE: Final = 0.8
_TICK_SECONDS: Final = 300
# Prices of 2026 from secondary sources; Flex Consumption, EUR a GB-second.
_PRICE: Final = 0.000025
_GIGABYTES: Final = 2
_MB: Final = 1e6


def capacity_rows(results: Mapping[str, Any]) -> list[list[str]]:
    """Say it, a row for each question, the headings first."""
    largest = results["whole_way"][-1]
    share = _SUSTAINED * largest["cpu_seconds"] / largest["events"]
    transfer = _SUSTAINED / 1e6 * results["transfer"]["connector"]["cpu"]["median"]
    idle = results["scale_out"]["costs"]["whole"]["each"]
    each = max(one["peak_bytes"] - one["idle_bytes"] for one in results["whole_way"]) / STREAMS
    slots = results["scale_out"]["settings"]["activities"]
    # A stream waits for one page after the other, and meanwhile the instance is billed.
    pages, answer = 1_000_000 // PAGE_EVENTS, results["scale_out"]["remotes"]["page"]
    seconds = pages * answer / STREAMS
    return [
        ["", "by these figures"],
        ["an account at its limit, transfer alone", f"{transfer:.1%} of a core"],
        ["an account at its limit, the whole way", f"{share:.1%} of a core"],
        ["accounts at their limit that an instance can serve, by CPU", f"{_USABLE / share:.0f}"],
        ["accounts with nothing new, by CPU", f"{_USABLE * _TICK_SECONDS / idle:,.0f}"],
        [f"memory of {slots} streams at work, the most at a time", f"{slots * each / _MB:.0f} MB, of 2,048"],
        [
            f"a million events on Flex Consumption: {pages:,} pages of {answer:g} s, {STREAMS} streams at a time",
            f"{seconds:.0f} s x {_GIGABYTES} GB x EUR {_PRICE:.6f} = EUR {seconds * _GIGABYTES * _PRICE:.4f}",
        ],
    ]
