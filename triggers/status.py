"""HTTP: how the connector is doing, as JSON or as a page."""

from datetime import UTC, datetime
from typing import Final

import azure.durable_functions as df
import azure.functions as func
from werkzeug.datastructures import MIMEAccept
from werkzeug.http import parse_accept_header

from activities.connections import dead_letters, read_option, read_part, read_settings
from onepassword_sentinel.errors import ConnectorError, SettingsError
from onepassword_sentinel.settings import monitor_url
from onepassword_sentinel.status import Status
from onepassword_sentinel.status_report import DeadLetterCounts, report
from onepassword_sentinel.storage_account import StorageAccount
from status_page.render import render
from triggers import status_sources
from triggers.answers import answer, answering
from triggers.host_settings import read_host_problems

bp = df.Blueprint()

# The page brings everything along and runs nothing; and its address, which may have the function's key in it, goes
# nowhere.
_PAGE_HEADERS: Final = {
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; "
    "form-action 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Vary": "Accept",
    "X-Content-Type-Options": "nosniff",
}


@bp.route(route="status", methods=["GET"], auth_level=func.AuthLevel.FUNCTION)
@bp.durable_client_input(client_name="client")
@answering
async def show_status(req: func.HttpRequest, client: df.DurableFunctionsClient) -> func.HttpResponse:
    """Answer with the status: a page for a browser, JSON for everybody else."""
    status = await _status(client)
    accepts = parse_accept_header(req.headers.get("Accept"), MIMEAccept)
    if accepts.best_match(["application/json", "text/html"]) == "text/html":
        page = render(status, monitor_url=read_option(monitor_url))
        return func.HttpResponse(page, mimetype="text/html", charset="utf-8", headers=_PAGE_HEADERS)
    return answer(status, headers={"Vary": "Accept"})


async def _status(client: df.DurableFunctionsClient) -> Status:
    now = datetime.now(UTC)
    read = await status_sources.read(client, now)
    return report(
        now,
        cursors=read.cursors,
        recent=read.recent,
        runs=read.runs,
        unread=read.unread,
        settings_problems=[*read_host_problems(), *_settings_problems()],
        dead_letters=await _dead_letters(),
    )


def _settings_problems() -> list[str]:
    """Say what is wrong with the settings now, in the words of the polls that fail of it."""
    try:
        return [str(error) for error in read_settings().errors]
    except SettingsError as error:
        return [str(error)]


async def _dead_letters() -> DeadLetterCounts:
    try:
        return DeadLetterCounts(await dead_letters(read_part(StorageAccount.parse)).counts())
    except ConnectorError as error:
        return DeadLetterCounts(problem=str(error))
