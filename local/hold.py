"""A request that waits until a test lets it go: nothing depends on how long that takes."""

import asyncio
from dataclasses import dataclass, field


@dataclass(frozen=True, eq=False)
class Held:
    """What the faults `Hold` of the simulators share."""

    _reached: asyncio.Event = field(default_factory=asyncio.Event)
    _released: asyncio.Event = field(default_factory=asyncio.Event)

    def reached(self) -> bool:
        """Tell whether a request has met it."""
        return self._reached.is_set()

    def release(self) -> None:
        """Serve what is held, and whatever meets this fault later at once."""
        self._released.set()

    async def wait(self) -> None:
        """Wait until it is released."""
        self._reached.set()
        await self._released.wait()
