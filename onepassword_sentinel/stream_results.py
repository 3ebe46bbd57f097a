"""The results of many streams in one output that stays small, as no answer of the task hub may be over 4 MB."""

from collections import Counter
from collections.abc import Mapping
from typing import Any, Final

import msgspec

from onepassword_sentinel.recent_polls import worst_first
from onepassword_sentinel.sentences import shortened

STREAMS_SHOWN: Final = 30
_MOST_BYTES: Final = 12_000
_LONGEST_ERROR: Final = 1_000


def summed_up(results: Mapping[str, Mapping[str, Any]]) -> dict[str, Any]:
    """Sum the results up, and keep those of the first streams whole: the ones that are not ok, then the others.

    Returns `events` in total; `outcomes`, the number of streams by outcome; `streams`, the results that are kept, by
    label; and `left_out`, how many are not, if any.
    """
    kept: dict[str, Mapping[str, Any]] = {}
    size = 0
    for label in worst_first({label: str(result["outcome"]) for label, result in results.items()})[:STREAMS_SHOWN]:
        result = {**results[label], "error": shortened(str(results[label].get("error", "")), _LONGEST_ERROR)}
        size += len(msgspec.json.encode({label: result}))
        if size > _MOST_BYTES:
            break
        kept[label] = result
    left_out = len(results) - len(kept)
    return {
        "events": sum(result["events"] for result in results.values()),
        "outcomes": dict(sorted(Counter(str(result["outcome"]) for result in results.values()).items())),
        "streams": {label: kept[label] for label in results if label in kept},
        **({"left_out": left_out} if left_out else {}),
    }
