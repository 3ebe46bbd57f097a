"""What goes wrong on the way into the table."""

from typing import Any, Final

from local.chaos.case import Cases, Play, Stage
from local.ingestion import DropAfterStore, DropBeforeRead, Fault, LateAnswer, RefuseRows, SmallerLimit, Stall, Status
from local.onepassword import ALWAYS
from local.patience import within

INGESTION: Final = Cases("Azure")
_STREAM: Final = "Custom-OnePasswordEvents"


def _meets(fault: Fault, *, polls: int = 1, times: int = 1, upload_limit: float | None = None, **pacing: Any) -> Play:
    """Poll while chunks meet a fault, wherever chance lets it begin, and see that they did."""

    async def play(stage: Stage) -> int:
        faults = stage.env.sink.faults
        faults.add(fault, target=_STREAM, times=times, after=stage.random.randrange(4))
        limit = {} if upload_limit is None else {"upload_limit": within(upload_limit)}
        for _ in range(polls):
            await stage.env.poll(**pacing, **limit)
        assert faults.struck >= (1 if times == ALWAYS else times), "the fault did not strike as often as it was to"
        faults.clear()
        stage.env.source.add_events(stage.stream, 20)
        return stage.env.sink.unacknowledged_rows

    return play


@INGESTION.case("400 for one bad row in a thousand", events=1_000, storage=True, kept=1)
async def _bad_row(stage: Stage) -> int:
    uuid = stage.env.source.logs[stage.stream].uuid_at(stage.random.randrange(1_000))
    stage.env.sink.refusals.append(RefuseRows(uuid.encode()))
    poll = await stage.env.poll()
    assert poll.output["streams"][stage.stream]["dead_letters"] == 1
    return 0


@INGESTION.case("413 from a gateway that takes 100 KB", events=1_000)
async def _gateway(stage: Stage) -> int:
    stage.env.sink.refusals.append(SmallerLimit(100_000))
    poll = await stage.env.poll()
    chunks = sum(result["chunks"] for result in poll.output["streams"].values())
    assert stage.env.sink.requests[_STREAM] > chunks > 20, "no chunk was refused and halved"
    return 0


@INGESTION.case("400 for every row", events=100, storage=True)
async def _bad_rule(stage: Stage) -> int:
    stage.env.sink.faults.add(Status(400), target=_STREAM, times=ALWAYS)
    poll = await stage.env.poll()
    assert "one after the other" in poll.error_message
    stage.env.sink.faults.clear()
    return 0


INGESTION.add("401", _meets(Status(401), times=2), events=2_500)
INGESTION.add("403 until a role has spread", _meets(Status(403), polls=4, times=ALWAYS), events=2_500)
INGESTION.add("404", _meets(Status(404), times=2), events=2_500)
INGESTION.add("413 once", _meets(Status(413)), events=2_500)
INGESTION.add("429 with Retry-After", _meets(Status(429, b"", {"Retry-After": "1"}), times=2), events=2_500)
INGESTION.add("500 twice", _meets(Status(500), times=2), events=2_500)
INGESTION.add("500 for several polls", _meets(Status(500), polls=3, times=ALWAYS), events=2_500)
INGESTION.add("503 with Retry-After", _meets(Status(503, b"", {"Retry-After": "1"}), times=2), events=2_500)
INGESTION.add("reset before the body was read", _meets(DropBeforeRead(), times=3), events=2_500)
INGESTION.add(
    "reset after the chunk was stored", _meets(DropAfterStore()), events=2_500, repeats="the chunk that was stored"
)
INGESTION.add(
    "stored, but the answer came too late",
    _meets(LateAnswer(600), upload_limit=2.0),
    events=2_500,
    repeats="the chunk that was stored",
)
INGESTION.add("a slow endpoint", _meets(Stall(0.4), times=6), events=2_500)


@INGESTION.case("stored, and answered after the cut-off", events=2_500)
async def _late(stage: Stage) -> int:
    # An activity cuts reads off at half of a limit this short.
    limit = within(3.0)
    return await _meets(LateAnswer(limit), transfer_limit=limit)(stage)


@INGESTION.case("connection refused", events=2_500)
async def _refused(stage: Stage) -> int:
    async with stage.env.sink.unreachable():
        poll = await stage.env.poll()
    assert "no answer from Logs Ingestion" in poll.error_message
    return 0


@INGESTION.case("identity endpoint down")
async def _no_identity(stage: Stage) -> int:
    assert stage.env.simulators.identity is not None
    async with stage.env.simulators.identity.unreachable():
        poll = await stage.env.poll()
    assert poll.error_message
    return 0
