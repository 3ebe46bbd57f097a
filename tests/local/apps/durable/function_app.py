"""A small app for the tests of the local host: one function per behaviour."""
# Orchestrators here are as short as they can be, and one function prints on purpose.
# ruff: noqa: ANN001, ANN201, T201

import asyncio
import json
import logging
import os
import time
from datetime import timedelta
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func
from azure.functions.http import HttpRequestConverter
from durabletask.client import OrchestrationQuery, OrchestrationStatus
from durabletask.entities import DurableEntity, EntityInstanceId
from durabletask.task import RetryPolicy, when_all

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
log = logging.getLogger("durable_app")
marks = Path(os.environ["MARKS"])


def mark(name: str) -> int:
    """Note on disk that a call began, and return how many have: memory would not survive the worker."""
    path = marks / name
    with path.open("a") as file:
        file.write(".")
    return path.stat().st_size


# Activities


@app.activity_trigger(input_name="number")
async def double(number: int) -> int:
    mark("double")
    return number * 2


@app.activity_trigger(input_name="number")
def double_in_thread(number: int) -> int:
    return number * 2


@app.activity_trigger(input_name="request")
async def fail_until(request: dict) -> dict:
    attempt = mark(request["name"])
    if attempt < request["succeeds"]:
        raise ConnectionError(f"attempt {attempt} broke\nsecond line")
    return {"attempt": attempt}


@app.activity_trigger(input_name="request")
async def hang_once(request: dict) -> dict:
    if mark(request["name"]) == 1:
        await asyncio.sleep(600)
    return {"done": True}


@app.activity_trigger(input_name="request")
async def nap(request: dict) -> dict:
    count = mark(request["name"])
    await asyncio.sleep(request["seconds"])
    return {"count": count}


@app.activity_trigger(input_name="key")
@app.durable_client_input(client_name="client")
async def read_counter(key: str, client: df.DurableFunctionsClient) -> dict:
    entity = await client.get_entity(EntityInstanceId("counter", key))
    return {"state": entity.get_state(int) if entity else None}


# Entity


class Counter(DurableEntity):
    def add(self, amount: int) -> int:
        total = self.get_state(int, 0) + amount
        self.set_state(total)
        if amount < 0:
            raise ValueError("only up")
        return total


app.entity_trigger(context_name="context", entity_name="counter")(Counter)


# Orchestrators


@app.orchestration_trigger(context_name="context")
def doubled(ctx, number):
    return (yield ctx.call_activity("double", input=number))


@app.orchestration_trigger(context_name="context")
def doubled_in_thread(ctx, number):
    return (yield ctx.call_activity("double_in_thread", input=number))


@app.orchestration_trigger(context_name="context")
def one_activity(ctx, call):
    return (yield ctx.call_activity(call["activity"], input=call["input"]))


@app.orchestration_trigger(context_name="context")
def failure_seen(ctx, call):
    try:
        yield ctx.call_activity(call["activity"], input=call["input"])
    except Exception as error:  # noqa: BLE001
        details = error.details
        return {"type": details.error_type, "message": details.message, "trace": bool(details.stack_trace)}


@app.orchestration_trigger(context_name="context")
def retried(ctx, call):
    policy = RetryPolicy(first_retry_interval=timedelta(milliseconds=20), max_number_of_attempts=3)
    return (yield ctx.call_activity("fail_until", input=call, retry_policy=policy))


@app.orchestration_trigger(context_name="context")
def parent(ctx, child):
    names = child.get("ids", ["only"])
    tasks = [
        ctx.call_sub_orchestrator(child["name"], input=child["input"], instance_id=f"{ctx.instance_id}-{name}")
        for name in names
    ]
    try:
        return (yield when_all(tasks))
    except Exception as error:  # noqa: BLE001
        return {"type": error.details.error_type, "message": error.details.message}


@app.orchestration_trigger(context_name="context")
def hangs_once_itself(ctx, call):
    if mark(call["name"]) == 1:
        time.sleep(600)
    return {"done": True}
    yield


@app.orchestration_trigger(context_name="context")
def hangs_once_in_activity(ctx, call):
    return (yield ctx.call_activity("hang_once", input=call))


@app.orchestration_trigger(context_name="context")
def ten_hops(ctx, _):
    total = 0
    for hop in range(5):
        total = yield ctx.call_activity("double", input=hop)
        yield ctx.call_entity(EntityInstanceId("counter", ctx.instance_id), "add", input=1)
    return total


@app.orchestration_trigger(context_name="context")
def who_is_my_parent(ctx, _):
    return ctx.parent_instance_id
    yield


@app.orchestration_trigger(context_name="context")
def waits(ctx, seconds):
    yield ctx.create_timer(ctx.current_utc_datetime + timedelta(seconds=seconds))
    return "waited"


@app.orchestration_trigger(context_name="context")
def entity_rolls_back(ctx, key):
    entity = EntityInstanceId("counter", key)
    first = yield ctx.call_entity(entity, "add", input=5)
    try:
        yield ctx.call_entity(entity, "add", input=-1)
    except Exception as error:  # noqa: BLE001
        refused = {"type": error.details.error_type, "text": str(error), "inner": error.details.inner_failure.message}
    seen = yield ctx.call_activity("read_counter", input=key)
    return {"first": first, "refused": refused, "seen": seen}


@app.orchestration_trigger(context_name="context")
def two_generations(ctx, generation):
    """Leave a timer and an activity behind in generation 1; generation 2 asks for others under the same task ids."""
    if generation == 1:
        ctx.create_timer(ctx.current_utc_datetime + timedelta(seconds=1.2))
        ctx.call_activity("nap", input={"name": "first-generation", "seconds": 0.1})
        yield ctx.create_timer(ctx.current_utc_datetime + timedelta(seconds=0.02))
        ctx.continue_as_new(2)
        return None
    started = ctx.current_utc_datetime
    yield ctx.create_timer(started + timedelta(seconds=2.5))
    doubled = yield ctx.call_activity("double", input=21)
    return {"waited": (ctx.current_utc_datetime - started).total_seconds(), "doubled": doubled}


# Triggers


@app.timer_trigger(arg_name="tick", schedule="%TICK%")
@app.durable_client_input(client_name="client")
async def ticker(tick: func.TimerRequest, client: df.DurableFunctionsClient) -> None:
    running = await client.get_all_orchestration_states(
        OrchestrationQuery(
            runtime_status=[OrchestrationStatus.RUNNING, OrchestrationStatus.PENDING], max_instance_count=100
        )
    )
    last = tick.schedule_status["Last"][:10]
    log.warning("%d running, past due %s, last %s", len(running), tick.past_due, last)
    await client.schedule_new_orchestration("doubled", input=len(running), instance_id="from-timer")


@app.timer_trigger(arg_name="tick", schedule="0 0 0 1 1 *")
async def broken_timer(tick: func.TimerRequest) -> None:
    raise RuntimeError("this timer never works")


@app.timer_trigger(arg_name="tick", schedule="0 0 0 1 1 *")
async def endless_timer(tick: func.TimerRequest) -> None:
    await asyncio.Event().wait()  # until the worker is killed


@app.route(route="things/{thing}/{number:int}", methods=["GET", "POST"])
async def things(req: func.HttpRequest) -> func.HttpResponse:
    if req.params.get("fail"):
        raise RuntimeError("a secret reason")
    body = req.get_body()
    text = f"{req.method} {req.route_params['thing']} {req.route_params['number']} {req.params.get('q')} "
    return func.HttpResponse(text.encode() + body, status_code=201, headers={"x-here": req.headers["x-there"]})


# The library hands a trigger's metadata to this converter, and the converter drops it.
decode = HttpRequestConverter.decode


def decode_with_metadata(data, *, trigger_metadata):
    request = decode(data, trigger_metadata=trigger_metadata)
    request.metadata = {name: datum.python_value for name, datum in trigger_metadata.items()}
    return request


HttpRequestConverter.decode = decode_with_metadata


@app.route(route="Seen/{first}/{rest?}")
async def seen(req: func.HttpRequest) -> func.HttpResponse:
    """Answer with what arrived."""
    found = {
        "route": dict(req.route_params),
        "query": dict(req.params),
        "headers": dict(req.headers),
        "body": req.get_body().hex(),
        "metadata": req.metadata,
    }
    return func.HttpResponse(json.dumps(found), mimetype="application/json")


@app.route(route="pid")
async def pid(req: func.HttpRequest) -> func.HttpResponse:
    print("printed by the app")
    environment = " ".join(sorted(os.environ))
    return func.HttpResponse(f"{os.getpid()} {Path.cwd()} {environment}")
