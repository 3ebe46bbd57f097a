"""Several failures in one line, as a person would tell them."""

from collections.abc import Iterable


def joined(sentences: Iterable[str]) -> str:
    """Join sentences of the form "<who>: <what>", naming together all who say the same."""
    by_what: dict[str, list[str]] = {}
    for sentence in sentences:
        who, _, what = sentence.partition(": ")
        by_what.setdefault(what, []).append(who)
    return " | ".join(f"{', '.join(who)}: {what}" if what else " | ".join(who) for what, who in by_what.items())
