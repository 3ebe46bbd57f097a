"""What the measured costs mean: for an account at its limit, for an instance, and for the bill."""

from collections.abc import Mapping
from typing import Any, Final

# 30,000 requests an hour, 1,000 events a page (1Password Events API, rate limits and pagination).
_SUSTAINED: Final = 30_000 / 3600 * 1000
# What of a core is to be used; the rest is the host's. An instance of 2,048 MB is assumed to have one.
_USABLE: Final = 0.8
_TICK_SECONDS: Final = 300
# Prices of 2026 from secondary sources; Flex Consumption, EUR a GB-second.
_PRICE: Final = 0.000025
_GIGABYTES: Final = 2
# Seconds that a page takes 1Password to answer: assumed, as where the app scales out.
_PAGE_SECONDS: Final = 0.3
_STREAMS: Final = 3
_MB: Final = 1e6


def capacity_rows(results: Mapping[str, Any]) -> list[list[str]]:
    """Say it, a row for each question, the headings first."""
    largest = results["whole_way"][-1]
    share = _SUSTAINED * largest["cpu_seconds"] / largest["events"]
    transfer = _SUSTAINED / 1e6 * results["transfer"]["connector"]["cpu"]["median"]
    idle = results["scale_out"]["costs"]["whole"]["each"]
    each = max(one["peak_bytes"] - one["idle_bytes"] for one in results["whole_way"]) / _STREAMS
    slots = results["scale_out"]["settings"]["activities"]
    # A stream waits for one page after the other, and meanwhile the instance is billed.
    seconds = 1000 * _PAGE_SECONDS / _STREAMS
    return [
        ["", "by these figures"],
        ["an account at its limit, transfer alone", f"{transfer:.1%} of a core"],
        ["an account at its limit, the whole way", f"{share:.1%} of a core"],
        ["accounts at their limit that an instance can serve, by CPU", f"{_USABLE / share:.0f}"],
        ["accounts with nothing new, by CPU", f"{_USABLE * _TICK_SECONDS / idle:,.0f}"],
        [f"memory of {slots} streams at work, the most at a time", f"{slots * each / _MB:.0f} MB, of 2,048"],
        [
            "a million events on Flex Consumption: 1,000 pages of 0.3 s, three streams at a time",
            f"{seconds:.0f} s x {_GIGABYTES} GB x EUR {_PRICE:.6f} = EUR {seconds * _GIGABYTES * _PRICE:.4f}",
        ],
    ]
