"""Activity: which streams there are to poll."""

import asyncio
import logging
from typing import Any

import azure.durable_functions as df

from activities.connections import events_api, read_settings
from onepassword_sentinel.brief_failures import brief_activity
from onepassword_sentinel.discovery import Discovery, discover
from onepassword_sentinel.errors import Failure, SettingsError, TransientError
from onepassword_sentinel.sentences import joined
from onepassword_sentinel.wire import to_wire

bp = df.Blueprint()
_LOG = logging.getLogger(__name__)
_announced: set[tuple[str, tuple[str, ...]]] = set()


@bp.activity_trigger(input_name="payload")
@brief_activity
async def discover_streams(payload: dict) -> dict[str, Any]:  # noqa: ARG001  # the trigger wants one
    """Introspect every account's token.

    Returns `streams`; `lookback_days`, None where the setting is wrong; `problems`, which keep streams from being
    polled; and `options`, the same of settings that streams do without. Each problem has an `account` ("" where it is
    about none alone), its `kind` and a sentence.

    Raises:
        TransientError: 1Password could not be asked about any account; trying again may help.

    """
    try:
        settings = read_settings()
    except SettingsError as error:
        return _answer(problems=[_problem("", Failure.of(error))])
    found = await asyncio.gather(*(discover(account, events_api(account)) for account in settings.accounts))
    failures = {discovery.account.name: discovery.failure for discovery in found if discovery.failure}
    if failures and len(failures) == len(found) and all(failure.kind == "transient" for failure in failures.values()):
        raise TransientError(
            joined([*(str(error) for error in settings.errors), *(f.message for f in failures.values())])
        )
    for discovery in found:
        _announce(discovery)
    failures |= {name: Failure.of(error) for name, error in settings.unusable.items()}
    return _answer(
        streams=[to_wire(stream) for discovery in found for stream in discovery.streams],
        lookback_days=settings.lookback_days,
        problems=[_problem(name, failures[name]) for name in sorted(failures)],
        options=[_problem("", Failure.of(SettingsError(settings.problems)))] if settings.problems else [],
    )


def _answer(**found: Any) -> dict[str, Any]:
    return {"v": 1, "streams": [], "lookback_days": None, "problems": [], "options": [], **found}


def _problem(account: str, failure: Failure) -> dict[str, str]:
    return {"account": account, "kind": failure.kind, "message": failure.message}


def _announce(discovery: Discovery) -> None:
    """Say once per process which event types a token leaves out; it is no fault, but nobody should have to guess."""
    about = (discovery.account.name, tuple(discovery.not_granted))
    if discovery.streams and discovery.not_granted and about not in _announced:
        _announced.add(about)
        _LOG.warning(
            "the token in %s does not cover %s, which are not collected; a token that covers them changes that",
            discovery.account.token_setting,
            ", ".join(discovery.not_granted),
        )
