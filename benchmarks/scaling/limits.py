"""What limits the number of accounts of one app and is no matter of scheduling.

Each account's token is an app setting, which is an environment variable of the worker's process. Linux takes a quarter
of the stack's limit for arguments, environment and the pointers to both together (execve(2)): 2 MB where the stack may
have 8 MB, and 128 KB for a single one.
"""

import os
import shutil
import subprocess
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final

from benchmarks.pages import STREAMS
from benchmarks.scaling.platform import Remotes
from local.onepassword import EVENT_TYPES
from local.onepassword.tokens import TokenIssuer

# What a process may be started with is looked for between these.
_FEWEST, _MOST = 1, 50_000
# How long the app waits for one of its connections (onepassword_sentinel/events_api.py).
CONNECT_SECONDS: Final = 10.0
# A rule takes so many requests a minute (Azure Monitor service limits, Logs Ingestion API).
RULE_REQUESTS: Final = 12_000
# A resource in a template, such as all app settings of an app, may have so many bytes (ARM template best practices).
RESOURCE_BYTES: Final = 1_000_000
# What a reference to a secret takes as a setting in a template, with the longest names that a vault and a secret of
# this app have: "ONEPASSWORD_TOKEN_<10>":"@Microsoft.KeyVault(SecretUri=https://<24>.vault.azure.net/secrets/<28>)",
REFERENCE_BYTES: Final = 160


@dataclass(frozen=True, slots=True)
class AccountLimits:
    """How many accounts one app can have, by what limits it; `by_environment` is by the bytes of a token."""

    argument_bytes: int
    token_bytes: int
    by_environment: dict[int, int]
    by_template: int
    by_introspection: int
    by_rule: int


def account_limits() -> AccountLimits:
    """Find the limits: of the environment by trial, on this machine."""
    token = TokenIssuer("A" * 26).issue("events.1password.com", EVENT_TYPES, datetime.now(UTC), None)
    remotes = Remotes()
    return AccountLimits(
        argument_bytes=os.sysconf("SC_ARG_MAX"),
        token_bytes=len(token),
        by_environment={size: _most_tokens(size) for size in (len(token), 800, 1200)},
        by_template=RESOURCE_BYTES // REFERENCE_BYTES,
        # All accounts are asked at once, and those that are not among the first wait for a connection.
        by_introspection=int(remotes.connections * (CONNECT_SECONDS // remotes.page + 1)),
        # One health row a stream; a poll has five minutes for it if nothing else is uploaded.
        by_rule=5 * RULE_REQUESTS // STREAMS,
    )


def _most_tokens(size: int) -> int:
    """Find with how many tokens of so many bytes a process can still be started."""
    fewest, most = _FEWEST, _MOST
    while most - fewest > 1:
        tried = (fewest + most) // 2
        fewest, most = (tried, most) if _starts(tried, size) else (fewest, tried)
    return fewest


def _starts(tokens: int, size: int) -> bool:
    program = shutil.which("true") or "true"
    settings = {f"ONEPASSWORD_TOKEN_A{number:05}": "x" * size for number in range(tokens)}
    try:
        subprocess.run([program], env=settings, check=True)
    except OSError:
        return False
    return True
