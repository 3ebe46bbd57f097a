"""Entity messages as orchestrators see them in Azure.

The durable engine for tests keeps the events of the newer entity protocol in its histories. The Functions host speaks
the older one: a request to an entity is an ``EventSent`` whose input is a ``RequestMessage``, an answer is an
``EventRaised`` named after the request whose input is a ``ResponseMessage`` (both: DurableTask.Core,
``Entities/EventFormat``). The Python worker library runs different code for the two, so the host translates what it
hands to it.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import durabletask.internal.orchestrator_service_pb2 as pb
from durabletask.internal import helpers

from local.host import failures

_OPERATION = "op"
_RELEASE = "release"


def as_the_host_sends(events: Iterable[pb.HistoryEvent]) -> list[pb.HistoryEvent]:
    """Return the events with every entity event in the older protocol's shape."""
    return [_translate(event) for event in events]


def _translate(event: pb.HistoryEvent) -> pb.HistoryEvent:
    kind = event.WhichOneof("eventType")
    translate = _TRANSLATIONS.get(kind or "")
    if translate is None:
        return event
    translated = translate(event.eventId, getattr(event, kind or ""))
    translated.timestamp.CopyFrom(event.timestamp)
    return translated


def _sent(event_id: int, target: str, name: str, request: dict[str, Any]) -> pb.HistoryEvent:
    return helpers.new_event_sent_event(event_id, target, json.dumps(request), name=name)


def _called(event_id: int, called: pb.EntityOperationCalledEvent) -> pb.HistoryEvent:
    request = {"op": called.operation, "id": called.requestId, "parent": called.parentInstanceId.value}
    if called.HasField("input"):
        request["input"] = called.input.value
    return _sent(event_id, called.targetInstanceId.value, _OPERATION, request)


def _signaled(event_id: int, signaled: pb.EntityOperationSignaledEvent) -> pb.HistoryEvent:
    request = {"op": signaled.operation, "signal": True, "id": signaled.requestId}
    if signaled.HasField("input"):
        request["input"] = signaled.input.value
    return _sent(event_id, signaled.targetInstanceId.value, _OPERATION, request)


def _lock_requested(event_id: int, lock: pb.EntityLockRequestedEvent) -> pb.HistoryEvent:
    request = {
        "id": lock.criticalSectionId,
        "parent": lock.parentInstanceId.value,
        "lockset": list(lock.lockSet),
    }
    return _sent(event_id, lock.lockSet[lock.position], _OPERATION, {**request, "pos": lock.position})


def _unlock_sent(event_id: int, unlock: pb.EntityUnlockSentEvent) -> pb.HistoryEvent:
    request = {"parent": unlock.parentInstanceId.value, "id": unlock.criticalSectionId}
    return _sent(event_id, unlock.targetInstanceId.value, _RELEASE, request)


def _lock_granted(_event_id: int, granted: pb.EntityLockGrantedEvent) -> pb.HistoryEvent:
    return helpers.new_event_raised_event(
        granted.criticalSectionId, json.dumps({"result": "Lock Acquisition Completed"})
    )


def _completed(_event_id: int, completed: pb.EntityOperationCompletedEvent) -> pb.HistoryEvent:
    response = {"result": completed.output.value or None}
    return helpers.new_event_raised_event(completed.requestId, json.dumps(response))


def _failed(_event_id: int, failed: pb.EntityOperationFailedEvent) -> pb.HistoryEvent:
    return helpers.new_event_raised_event(failed.requestId, failures.entity_response(failed.failureDetails))


_TRANSLATIONS: dict[str, Callable[[int, Any], pb.HistoryEvent]] = {
    "entityOperationCalled": _called,
    "entityOperationSignaled": _signaled,
    "entityLockRequested": _lock_requested,
    "entityUnlockSent": _unlock_sent,
    "entityLockGranted": _lock_granted,
    "entityOperationCompleted": _completed,
    "entityOperationFailed": _failed,
}
