"""Schemathesis calls the real app with what the document allows and with what it forbids."""

import asyncio
import json
import os
from collections import Counter
from pathlib import Path

import pytest

from local.host import invoker
from local.ingestion.faults import RefuseRows
from local.patience import within
from tests.api.document import DOCUMENT, PATH, operations
from tests.e2e.api import call, days_ago
from tests.e2e.conftest import Environment, Launch, launch
from tests.processes import python

__all__ = ["launch"]  # a fixture

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
)
OPTIONS = (
    f"--checks={','.join(CHECKS)}",
    "--phases=examples,coverage,fuzzing,stateful",
    "--max-examples=40",
    "--seed=20261124",
    "--generation-database=none",
    f"--request-timeout={within(60):.0f}",
    "--continue-on-failure",
    "--warnings=off",
    "--no-color",
    "--report=har,json",
    "--report-har-path=requests.har",
    "--report-json-path=run.json",
)
SECONDS = 200


async def fuzz(url: str, document: Path) -> tuple[int | None, str]:
    """Run Schemathesis in a process of its own; give how it ended and what it printed."""
    async with (
        asyncio.timeout(within(SECONDS)),
        python(
            *("-m", "schemathesis.cli", "run", str(document), f"--url={url}", *OPTIONS),
            cwd=document.parent,
            env={"PATH": os.environ["PATH"], "COLUMNS": "120"},
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        ) as process,
    ):
        printed, _ = await process.communicate()
    return process.returncode, printed.decode()


async def document_of(env: Environment, folder: Path) -> Path:
    """Write the document with examples that mean something here: a backfill, a stream and times that there are."""
    backfill = await call(env, "POST", "/api/backfill", {"start_time": days_ago(9)})
    assert backfill.status == 202
    text = PATH.read_text(encoding="utf-8")
    for example, here in {
        "20261101T000000Z-b272c8f3": backfill.body["id"],
        "UGYRTCTDN6QXQN34RQSYURMJHN": env.source.account_uuid,
        "2026-11-01T00:00:00Z": days_ago(5),
        "2026-11-08T00:00:00Z": days_ago(2),
    }.items():
        assert example in text
        text = text.replace(example, here)
    written = folder / "openapi.yaml"
    written.write_text(text, encoding="utf-8")
    return written


@pytest.mark.timeout(SECONDS + 60)
async def test_no_input_breaks_the_api(launch: Launch, tmp_path: Path) -> None:
    """Every answer is one that the document describes, none is a 500, and each operation has also been seen succeed."""
    async with launch(storage=True) as env:
        env.sink.refusals.append(RefuseRows(env.source.logs["auditevents"].uuid_at(7).encode()))
        await env.poll()
        code, printed = await fuzz(env.host.http_url, await document_of(env, tmp_path))
        failed = [record.message for record in env.host.warnings if record.level == "ERROR"]
        if code or failed:
            pytest.fail("\n".join([printed, *failed]), pytrace=False)
        listed = await call(env, "GET", "/api/dead-letters")
        assert {letter["reason"] for letter in listed.body["dead_letters"]} == {"refused"}
    rates = json.loads((tmp_path / "run.json").read_text(encoding="utf-8"))["valid_rates"]
    accepted = {name: sum(phase["accepted"] for phase in phases.values()) for name, phases in rates.items()}
    assert set(accepted) == {f"{method} {path}" for method, path, _ in operations()}
    assert [name for name, count in accepted.items() if not count] == []
    exchanges = json.loads((tmp_path / "requests.har").read_text(encoding="utf-8"))["log"]["entries"]
    said = Counter(exchange["response"]["content"].get("mimeType") for exchange in exchanges)
    assert said["application/problem+json"] > len(DOCUMENT["paths"])
    texts = [exchange["response"]["content"].get("text") or "" for exchange in exchanges]
    # The system key would open the task hub to whoever was answered it.
    assert [text for text in texts if invoker._SYSTEM_KEY in text or "/runtime/webhooks" in text] == []
