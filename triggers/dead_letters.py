"""HTTP: list dead letters, and deliver them again."""

import re
from dataclasses import asdict
from http import HTTPStatus
from typing import Any, Final

import azure.durable_functions as df
import azure.functions as func

from activities.connections import dead_letters, read_part
from onepassword_sentinel.kept_letters import KeptLetter
from onepassword_sentinel.replay_run import INSTANCE_ID, ORCHESTRATOR, Place, ReplayCounts, ReplayRequest
from onepassword_sentinel.runs import Run, why_not_completed
from onepassword_sentinel.storage_account import StorageAccount
from onepassword_sentinel.wire import to_wire
from triggers import task_hub
from triggers.answers import answer, answering, problem

bp = df.Blueprint()

# An answer of half a megabyte; whoever has more of them finds the container in the storage account.
MOST_LISTED: Final = 1_000
# What the storage takes for a name in any case; somebody may have written into a run's status by hand.
_NAME: Final = re.compile(r"[0-9A-Za-z_-]{1,200}/[0-9A-Za-z_.-]{1,200}")
_WAIT_SECONDS: Final = 20.0
_LOCATION: Final = {"Location": "/api/dead-letters"}


@bp.route(route="dead-letters", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
@bp.durable_client_input(client_name="client")
@answering
async def list_dead_letters(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:  # noqa: ARG001  # the trigger
    """Answer with what is said of each dead letter, and with how the last replay went."""
    listed = await dead_letters(read_part(StorageAccount.parse)).listing(MOST_LISTED)
    replay = await task_hub.run(client, INSTANCE_ID)
    body = {
        "dead_letters": [_letter(letter) for letter in listed.letters],
        "more": bool(listed.marker),
        "replay": _replay(replay) if replay else None,
    }
    return answer(body)


@bp.route(route="dead-letters/replay", methods=["POST"], auth_level=func.AuthLevel.FUNCTION)
@bp.durable_client_input(client_name="client")
@answering
async def start_replay(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:  # noqa: ARG001  # the trigger
    """Start a replay, or find the one that runs: 200 with its counts if it ends soon, else 202."""
    # A storage that cannot be read is better said now than after all attempts of a run.
    await dead_letters(read_part(StorageAccount.parse)).counts(1)
    last = await task_hub.run(client, INSTANCE_ID)
    request = ReplayRequest(Place(delivered=_delivered(last) if last else ""))
    await task_hub.start(client, ORCHESTRATOR, to_wire(request), INSTANCE_ID)
    # Callers at the same moment find the same run, whoever started it.
    run = await task_hub.ended(client, INSTANCE_ID, _WAIT_SECONDS)
    if run is None:
        return answer({"instance_id": INSTANCE_ID, "state": "running"}, HTTPStatus.ACCEPTED, headers=_LOCATION)
    if run.state != "completed":
        return problem(HTTPStatus.BAD_GATEWAY, _why(run), (), instance_id=INSTANCE_ID, **_counts(run))
    return answer({"instance_id": INSTANCE_ID, "state": run.state, **_counts(run)})


def _letter(letter: KeptLetter) -> dict[str, Any]:
    about = asdict(letter)
    size = about.pop("size")
    return {**about, "bytes": size}


def _replay(run: Run) -> dict[str, Any]:
    return {
        "state": run.state,
        "started_at": run.started_at,
        "ended_at": run.updated_at if run.ended else None,
        **_counts(run),
        "error": _why(run) if run.state in ("failed", "stopped") else "",
    }


def _why(run: Run) -> str:
    """Say why a replay did not complete; a failed one says itself what is kept."""
    why = why_not_completed(run, "The replay")
    return why if run.state == "failed" else f"{why}; what was not uploaded is kept"


def _counts(run: Run) -> dict[str, int]:
    """Tell what a run counted, or has counted so far."""
    said = run.output or run.custom_status
    found = {name: said.get(name, 0) for name in asdict(ReplayCounts())}
    return {name: count if isinstance(count, int) else 0 for name, count in found.items()}


def _delivered(last: Run) -> str:
    """Name what the last run uploaded and could not delete."""
    name = last.custom_status.get("delivered")
    return name if isinstance(name, str) and _NAME.fullmatch(name) else ""
