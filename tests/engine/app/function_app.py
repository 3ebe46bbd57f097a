"""A function app for the engine suite: one small function per behaviour, and a door to the engine's gRPC service."""
# Orchestrators here are as short as they can be.
# ruff: noqa: ANN001, ANN201

import asyncio
import json
import os
import threading
from datetime import timedelta
from pathlib import Path

import azure.durable_functions as df
import azure.functions as func
import durabletask.internal.orchestrator_service_pb2 as pb
import grpc
from durabletask.entities import DurableEntity, EntityInstanceId
from durabletask.task import RetryPolicy
from google.protobuf import json_format

app = df.DFApp(http_auth_level=func.AuthLevel.FUNCTION)
marks = Path(os.environ["MARKS"])


class TooSmallError(ValueError):
    """What an orchestration here fails with."""


def mark(name: str) -> int:
    """Count a call on disk and return how many there have been: memory would not survive the worker."""
    path = marks / name
    with path.open("a") as file:
        file.write(".")
    return path.stat().st_size


def write_down(name: str, text: str) -> None:
    with (marks / name).open("a") as file:
        file.write(text + "\n")


def hang() -> None:
    """Block until the worker is killed."""
    threading.Event().wait()


def caught(error: Exception) -> dict:
    """Return all that an orchestrator learns of a failure."""
    details = error.details
    inner = details.inner_failure
    return {
        "exception": type(error).__name__,
        "text": str(error),
        "type": details.error_type,
        "message": details.message,
        "inner": {"type": inner.error_type, "message": inner.message} if inner else None,
    }


# Activities


@app.activity_trigger(input_name="text")
async def echo(text: str) -> str:
    return text


@app.activity_trigger(input_name="name")
async def count(name: str) -> int:
    return mark(name)


@app.activity_trigger(input_name="text")
async def fail(text: str) -> None:
    raise ConnectionError(text)


@app.activity_trigger(input_name="name")
async def hang_once(name: str) -> int:
    calls = mark(name)
    if calls == 1:
        await asyncio.Event().wait()  # until the worker is killed
    return calls


@app.activity_trigger(input_name="request")
async def note(request: dict) -> None:
    write_down(request["name"], request["text"])


@app.activity_trigger(input_name="name")
async def hold(name: str) -> None:
    mark(name)
    async with asyncio.timeout(300):
        while not (marks / f"{name}-released").exists():  # noqa: ASYNC110 - another process makes it
            await asyncio.sleep(0.05)


# Entity


class Counter(DurableEntity):
    def add(self, amount: int) -> int:
        total = self.get_state(int, 0) + amount
        if amount < 0:
            raise TooSmallError("only up")
        self.set_state(total)
        return total

    def note(self, name: str) -> int:
        total = self.get_state(int, 0)
        write_down(name, str(total))
        self.set_state(total + 1)
        return total + 1

    def hang_once(self, name: str) -> int:
        calls = mark(name)
        if calls == 1:
            hang()
        return calls


app.entity_trigger(context_name="context", entity_name="counter")(Counter)


# Orchestrators


@app.orchestration_trigger(context_name="context")
def echoes(ctx, text):
    return (yield ctx.call_activity("echo", input=text))


@app.orchestration_trigger(context_name="context")
def returns(ctx, value):
    return value
    yield


@app.orchestration_trigger(context_name="context")
def fails(ctx, text):
    raise TooSmallError(text)
    yield


@app.orchestration_trigger(context_name="context")
def tells(ctx, status):
    ctx.set_custom_status(status)
    return "told"
    yield


@app.orchestration_trigger(context_name="context")
def calls_activity(ctx, call):
    try:
        return {"result": (yield ctx.call_activity(call["activity"], input=call["input"]))}
    except Exception as error:  # noqa: BLE001
        return caught(error)


@app.orchestration_trigger(context_name="context")
def retries_activity(ctx, call):
    policy = RetryPolicy(first_retry_interval=timedelta(milliseconds=20), max_number_of_attempts=3)
    return (yield ctx.call_activity(call["activity"], input=call["input"], retry_policy=policy))


@app.orchestration_trigger(context_name="context")
def calls_entity(ctx, call):
    try:
        entity = EntityInstanceId("counter", call["key"])
        return {"result": (yield ctx.call_entity(entity, call["operation"], input=call["input"]))}
    except Exception as error:  # noqa: BLE001
        return caught(error)


@app.orchestration_trigger(context_name="context")
def signals_entity(ctx, call):
    ctx.signal_entity(EntityInstanceId("counter", call["key"]), call["operation"], input=call["input"])
    return "signaled"
    yield


@app.orchestration_trigger(context_name="context")
def has_child(ctx, child):
    try:
        task = ctx.call_sub_orchestrator(child["name"], input=child["input"], instance_id=f"{ctx.instance_id}-child")
        return {"result": (yield task)}
    except Exception as error:  # noqa: BLE001
        return caught(error)


@app.orchestration_trigger(context_name="context")
def waits(ctx, seconds):
    until = ctx.current_utc_datetime + timedelta(seconds=seconds)
    yield ctx.create_timer(until)
    return (ctx.current_utc_datetime - until).total_seconds()


@app.orchestration_trigger(context_name="context")
def notes_time(ctx, name):
    text = f"{ctx.current_utc_datetime.isoformat()} {ctx.new_uuid()}"
    yield ctx.call_activity("note", input={"name": name, "text": text})


@app.orchestration_trigger(context_name="context")
def notes_earlier_time(ctx, call):
    text = f"{ctx.current_utc_datetime.isoformat()} {ctx.new_uuid()}"
    yield ctx.call_activity("hold", input=call["hold"])
    yield ctx.call_activity("note", input={"name": call["note"], "text": text})


@app.orchestration_trigger(context_name="context")
def hangs_once_itself(ctx, name):
    if (calls := mark(name)) == 1:
        hang()
    return calls
    yield


# HTTP functions


@app.route(route="ask/{method}", methods=["POST"])
@app.durable_client_input(client_name="client")
async def ask(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Send the engine a gRPC request, as the app's own durable client does, and return its answer or its error."""
    method = req.route_params["method"]
    call = getattr(client._get_stub(), method)
    descriptor = pb.DESCRIPTOR.services_by_name["TaskHubSidecarService"].methods_by_name[method]
    request = json_format.Parse(req.get_body(), getattr(pb, descriptor.input_type.name)())
    try:
        answer = await call(request)  # the caller has the limit
    except grpc.aio.AioRpcError as error:
        return func.HttpResponse(json.dumps({"code": error.code().name, "details": error.details()}), status_code=502)
    return func.HttpResponse(json_format.MessageToJson(answer), mimetype="application/json")


@app.route(route="body", methods=["POST"])
async def body(req: func.HttpRequest) -> func.HttpResponse:
    return func.HttpResponse(str(len(req.get_body())))
