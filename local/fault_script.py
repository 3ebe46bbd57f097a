"""The order in which scripted faults meet requests, for every simulator."""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

ALWAYS: Final = sys.maxsize  # for ``times``


@dataclass(slots=True)
class _Scripted[Fault]:
    fault: Fault
    target: str | None
    times: int
    after: int


class FaultScript[Fault]:
    """Faults meet requests in the order in which they were added; a request meets at most one.

    :param matches: whether a fault that was added for a target, or for None, is meant for a request's target.
    :ivar struck: how many requests have met a fault.
    """

    def __init__(self, matches: Callable[[Fault, str | None, str], bool]) -> None:
        self._matches = matches
        self._script: list[_Scripted[Fault]] = []
        self.struck = 0

    def add(self, fault: Fault, target: str | None = None, *, times: int = 1, after: int = 0) -> None:
        """Let the next ``times`` matching requests meet a fault, after letting ``after`` of them through.

        Faults that are added later neither see nor count a request that meets this one.
        """
        self._script.append(_Scripted(fault, target, times, after))

    def take(self, target: str) -> Fault | None:
        """The fault that a request meets, if any."""
        for scripted in self._script:
            if not self._matches(scripted.fault, scripted.target, target):
                continue
            if scripted.after > 0:
                scripted.after -= 1
                continue
            scripted.times -= 1
            self.struck += 1
            if scripted.times <= 0:
                self._script.remove(scripted)
            return scripted.fault
        return None

    def clear(self) -> None:
        """Forget what is still to come."""
        self._script.clear()

    @property
    def pending(self) -> int:
        """How many faults have not met all their requests: a test can claim that its script ran."""
        return len(self._script)
