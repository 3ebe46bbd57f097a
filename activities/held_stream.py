"""A stream as an activity sees it that works for the run which holds it: whether it still does, and for how long."""

import asyncio
import logging
import time
from datetime import UTC, datetime
from typing import Final

import azure.durable_functions as df
import grpc
from durabletask.entities import EntityInstanceId

from onepassword_sentinel.errors import TransientError
from onepassword_sentinel.payloads import TransferRequest
from onepassword_sentinel.stream_state import StreamState, UnreadableStateError, read_state
from onepassword_sentinel.transfer import Transfer
from onepassword_sentinel.wire import to_wire

_LOG = logging.getLogger(__name__)
# An entity's answer leaves before its state is stored. That takes milliseconds; while a partition moves, longer.
_STORE_SECONDS: Final = 30.0
_LOOK_SECONDS: Final = 0.1
# Of the time that a transfer may take: what it needs for its pages and for an upload that is slow.
_ENOUGH: Final = 2 / 3
# The Functions host gives activities some ten seconds when it is told to end, and entities none.
_COMMIT_SECONDS: Final = 5.0
_LONGEST_PAUSE: Final = 1.0


class HeldStream:
    """The cursor's entity, and the grant under which the activity works."""

    def __init__(self, client: df.DurableFunctionsClient, request: TransferRequest) -> None:
        self._client = client
        self._cursor = EntityInstanceId("stream_cursor", request.key)
        self._request = request
        self._grant = request.state.grant
        # The number of each position that was committed and not yet seen in the state, and when (monotonic).
        self._waiting: list[tuple[int, float]] = []

    async def confirm(self) -> tuple[StreamState, float, float]:
        """Get the stream's state, a monotonic time, and for how many seconds from then nobody else can be granted it.

        The state may say that the run has ended; then there is no time left. An activity that begins late, as one does
        that was tried before, first renews the lease: otherwise another run might be granted the stream meanwhile.

        Raises:
            TransientError: nobody knows of the grant, or the lease cannot be renewed.
            UnreadableStateError: the state cannot be read.

        """
        limit = self._request.pacing.transfer_limit
        give_up_at, pause, renewed = time.monotonic() + _STORE_SECONDS, _LOOK_SECONDS, False
        while True:
            state, began = await self._read(), time.monotonic()
            if state.has_ended(self._grant):
                return state, began, 0.0
            left = state.seconds_to_work(self._request.state, datetime.now(UTC))
            if left >= limit * _ENOUGH:
                return state, began, min(left, limit)
            if began > give_up_at:
                raise TransientError(
                    f"{self._request.stream.label}: the cursor did not confirm in time that this run holds the stream, "
                    "so nothing was transferred. The task hub is slow, or an instance of the app was lost; it goes on "
                    "by itself"
                )
            if state.grant == self._grant and not renewed:
                renewed = await self.commit(_nothing_new(state), last=False)
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def commit(self, done: Transfer, *, last: bool) -> bool:
        """Tell the cursor how far the transfer came, and return whether somebody will commit what comes next.

        A signal, because nobody needs to wait for it: the run commits the last one again and looks at the answer. What
        was signalled before is looked for: an instance that ends runs no entity any more, but lets activities go on
        until it kills them. One that stops for nothing loses little, as its run goes on with another.
        """
        commit = to_wire(self._request.commit(done, datetime.now(UTC), last=last))
        try:
            await self._client.signal_entity(self._cursor, "commit", commit)
            return last or self._somebody_commits(await self._read(), done.moves)
        except grpc.aio.AioRpcError as error:
            label, code = self._request.stream.label, error.code()
            _LOG.warning("%s: a commit could not be sent (%s); the run commits it again", label, code)
        except UnreadableStateError as error:
            _LOG.warning("%s: %s", self._request.stream.label, error)
        return False

    def _somebody_commits(self, state: StreamState, moves: int) -> bool:
        now = time.monotonic()
        self._waiting = [(number, at) for number, at in [*self._waiting, (moves, now)] if number > state.moves]
        return state.is_held(self._grant) and all(now - at < _COMMIT_SECONDS for _, at in self._waiting)

    async def _read(self) -> StreamState:
        entity = await self._client.get_entity(self._cursor)
        return read_state(entity.get_typed_state) if entity else StreamState()


def _nothing_new(state: StreamState) -> Transfer:
    return Transfer(state.position, state.moves, state.newest, state.events, bytes=state.bytes, pages=state.pages)
