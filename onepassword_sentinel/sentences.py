"""Several failures in one line, as a person would tell them, and no longer than a person would read."""

from collections.abc import Iterable, Sequence
from typing import Final

# A thousand accounts may fail for a thousand reasons, and an instance's output has to stay small.
_MOST_NAMES: Final = 10
_MOST_SENTENCES: Final = 20
_LONGEST_NAMES: Final = 400
_LONGEST_SENTENCE: Final = 1_000
_LONGEST_LINE: Final = 8_000


def joined(sentences: Iterable[str], *, longest: int = _LONGEST_LINE) -> str:
    """Join sentences of the form "<who>: <what>", naming together all who say the same.

    The first sentences are kept, about as many as fit into `longest` characters, and the others are counted.
    """
    by_what: dict[str, list[str]] = {}
    for sentence in sentences:
        who, _, what = sentence.partition(": ")
        by_what.setdefault(what, []).append(who)
    # Sentences without a name are all filed under nothing.
    lines = [line for what, who in by_what.items() for line in ([f"{_named(who)}: {what}"] if what else who)]
    kept, length = 0, 0
    for line in lines[:_MOST_SENTENCES]:
        length += min(len(line), _LONGEST_SENTENCE)
        if kept and length > longest:
            break
        kept += 1
    more = [f"and {len(lines) - kept:,} more"] if len(lines) > kept else []
    return " | ".join([*(shortened(line, _LONGEST_SENTENCE) for line in lines[:kept]), *more])


def shortened(text: str, most: int) -> str:
    """Cut a text that is longer than so many characters, and show that it was cut."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _named(who: Sequence[str]) -> str:
    if len(who) <= _MOST_NAMES:
        return shortened(", ".join(who), _LONGEST_NAMES)
    return f"{shortened(', '.join(who[:_MOST_NAMES]), _LONGEST_NAMES)} and {len(who) - _MOST_NAMES:,} more"
