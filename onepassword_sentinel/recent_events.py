"""Which events were delivered a short while ago: what 1Password gives again is delivered once.

Events are given again at the seam of two pages; farther apart nothing of the kind is known. So that memory does not
grow with the backlog, pages that lie farther behind are forgotten.
"""

from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

PAGES_REMEMBERED: Final = 4


@dataclass(slots=True)
class RecentEvents:
    """The uuids of the events of the last pages. An event without uuid cannot be recognised."""

    _pages: deque[set[bytes]] = field(default_factory=lambda: deque(maxlen=PAGES_REMEMBERED))

    def add(self, uuids: Iterable[str]) -> None:
        """Remember events that were delivered before."""
        self._pages.append({uuid.encode() for uuid in uuids})

    def places_of_new(self, uuids: Sequence[bytes], start: int) -> Sequence[int]:
        """Give the places, from `start` on, of a page's events that are not known yet, and remember them."""
        here = set(uuids[start:])
        if len(here) == len(uuids) - start and b"" not in here and all(map(here.isdisjoint, self._pages)):
            places: Sequence[int] = range(start, len(uuids))  # all, as nearly always: 0.2 ms for a page
        else:
            places = list(self._one_by_one(uuids, start))
        if here:
            self._pages.append(here)
        return places

    def _one_by_one(self, uuids: Sequence[bytes], start: int) -> Iterator[int]:
        known = set().union(*self._pages)
        for place in range(start, len(uuids)):
            uuid = uuids[place]
            if not uuid or uuid not in known:
                yield place
            known.add(uuid)
