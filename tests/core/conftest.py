"""What the core's tests share: tokens and an account."""

import base64
import json
from datetime import UTC, datetime
from typing import Any

import pytest

from onepassword_sentinel.events_token import EventsToken
from onepassword_sentinel.settings import Account

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def jwt(**claims: Any) -> str:
    """Make a token as 1Password does, but for the signature, which nobody but 1Password can check."""
    parts = ({"alg": "ES256", "typ": "JWT"}, {"aud": ["events.1password.com"], **claims})
    encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in parts]
    return ".".join([*encoded, "c2lnbmF0dXJl"])


@pytest.fixture
def account() -> Account:
    """Provide the first account."""
    return Account("", EventsToken.parse(jwt()), "https://events.1password.com")
