"""App settings are read strictly, and every problem is reported at once."""

import pytest

from onepassword_sentinel.destination import Destination
from onepassword_sentinel.errors import SettingsError
from onepassword_sentinel.settings import Settings, monitor_url, retention_days
from tests.core.conftest import NOW, jwt

DELIVERY = {
    "LOGS_INGESTION_ENDPOINT": "https://rule-x1y2.westeurope-1.ingest.monitor.azure.com",
    "LOGS_INGESTION_RULE_ID": "dcr-00000000000000000000000000000000",
}


def parse(**values: str) -> Settings:
    return Settings.parse({**DELIVERY, **values}, now=NOW)


def test_the_fewest_settings_suffice() -> None:
    """A token, the endpoint and the rule are enough; the rest has defaults."""
    settings = parse(ONEPASSWORD_TOKEN=jwt())
    (account,) = settings.accounts
    assert (account.name, account.events_url) == ("", "https://events.1password.com")
    assert settings.destination == Destination(
        DELIVERY["LOGS_INGESTION_ENDPOINT"], DELIVERY["LOGS_INGESTION_RULE_ID"], "https://monitor.azure.com/.default"
    )
    assert (settings.lookback_days, settings.errors) == (7, ())


def test_each_further_name_is_one_more_account() -> None:
    """Suffixes name accounts, each with its own address if it wants one."""
    settings = parse(
        ONEPASSWORD_TOKEN=jwt(),
        ONEPASSWORD_TOKEN_ACME=jwt(aud=["events.1password.eu"]),
        ONEPASSWORD_TOKEN_LAB=jwt(aud=["com.1password.streamingservice"]),
        ONEPASSWORD_EVENTS_URL_LAB="https://events.ent.1password.com/",
    )
    assert [(account.name, account.events_url) for account in settings.accounts] == [
        ("", "https://events.1password.com"),
        ("ACME", "https://events.1password.eu"),
        ("LAB", "https://events.ent.1password.com"),
    ]
    assert settings.account("ACME").token_setting == "ONEPASSWORD_TOKEN_ACME"


def test_a_text_audience_is_read_like_a_list() -> None:
    """RFC 7519 lets `aud` be a single string."""
    assert parse(ONEPASSWORD_TOKEN=jwt(aud="events.1password.ca")).accounts[0].events_url.endswith(".ca")


def test_all_problems_are_reported_in_one_message() -> None:
    """An operator fixes everything in one go, not one deployment after the other."""
    with pytest.raises(SettingsError) as caught:
        Settings.parse(
            {
                "LOGS_INGESTION_ENDPOINT": "rule.ingest.monitor.azure.com",
                "LOGS_INGESTION_RULE_ID": "my-rule",
                "LOGS_INGESTION_SCOPE": "monitor",
                "FIRST_RUN_LOOKBACK_DAYS": "121",
                "POLL_SCHEDULE": "hourly",
                "ONEPASSWORD_TOKEN_ACME": "cut-off",
            },
            now=NOW,
        )
    assert [problem.split()[0] for problem in caught.value.problems] == [
        "LOGS_INGESTION_ENDPOINT",
        "LOGS_INGESTION_RULE_ID",
        "LOGS_INGESTION_SCOPE",
        "ONEPASSWORD_TOKEN_ACME",
        "FIRST_RUN_LOOKBACK_DAYS",
        "POLL_SCHEDULE",
    ]


@pytest.mark.parametrize("name", ["LOGS_INGESTION_ENDPOINT", "LOGS_INGESTION_RULE_ID"])
def test_delivery_has_to_be_configured(name: str) -> None:
    """Without a place to deliver to nothing is polled at all."""
    values = {**DELIVERY, "ONEPASSWORD_TOKEN": jwt()}
    del values[name]
    with pytest.raises(SettingsError, match=f"{name} is missing"):
        Settings.parse(values, now=NOW)


def test_an_account_has_to_be_configured() -> None:
    """Without one there is nothing to poll."""
    with pytest.raises(SettingsError, match="ONEPASSWORD_TOKEN is missing: give it the Events API bearer token"):
        parse(ONEPASSWORD_TOKEN=" ")


@pytest.mark.parametrize(
    ("token", "says"),
    [
        (
            "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/t)",
            "Key Vault reference that Azure did not",
        ),
        ("eyJhbGciOiJFUzI1NiJ9.eyJhdWQiOlsiZXZl", "cut off when it was copied"),
        ("a.b_-.c", "is damaged"),
        (jwt()[:40] + "\n" + jwt()[40:], "has characters in it that no token has"),
        (f'"{jwt()}"', "has characters in it that no token has"),
        ("a.W10.c", "is damaged"),
        (jwt(exp=NOW.timestamp()), "expired on 2026-11-22 12:00 UTC"),
        (jwt(aud=["com.1password.streamingservice"]), "names no host: set ONEPASSWORD_EVENTS_URL"),
        (jwt(aud=[]), "names no host: set ONEPASSWORD_EVENTS_URL"),
        (jwt(aud=["evil.example/path?x"]), "names a host that is none"),
    ],
    ids=[
        "unresolved",
        "truncated",
        "no base64",
        "line break",
        "quoted",
        "no object",
        "expired",
        "legacy",
        "no audience",
        "no host",
    ],
)
def test_an_unusable_token_is_explained_and_never_quoted(token: str, says: str) -> None:
    """The message names the setting, what is wrong and what to do, and keeps the secret."""
    settings = parse(ONEPASSWORD_TOKEN=token)
    (error,) = settings.errors
    assert str(error).startswith("Fix these app settings: ONEPASSWORD_TOKEN ")
    assert says in str(error)
    assert token not in str(error)
    assert settings.accounts == ()
    with pytest.raises(SettingsError) as caught:
        settings.account("")
    assert caught.value is error


@pytest.mark.parametrize("exp", [1e300, -1e300, 1_795_348_800_000, 10**400, "soon", None], ids=repr)
def test_an_expiry_that_is_no_time_is_left_to_1password(exp: object) -> None:
    """It alone knows what it meant."""
    (account,) = parse(ONEPASSWORD_TOKEN=jwt(exp=exp)).accounts
    assert account.token.expires is None


def test_one_bad_account_does_not_keep_the_others() -> None:
    """Accounts are independent, down to their settings; what is wrong with one is still reported."""
    settings = parse(
        ONEPASSWORD_TOKEN=jwt(), ONEPASSWORD_TOKEN_ACME="cut-off", ONEPASSWORD_EVENTS_URL_LAB="https://x.y"
    )
    assert [account.name for account in settings.accounts] == [""]
    assert {name: str(error) for name, error in settings.unusable.items()} == {
        "ACME": "Fix these app settings: ONEPASSWORD_TOKEN_ACME is not a whole Events API token (a JWT of three parts "
        "joined by dots): it was probably cut off when it was copied; paste it again",
        "LAB": "Fix these app settings: ONEPASSWORD_TOKEN_LAB is missing, although ONEPASSWORD_EVENTS_URL_LAB is set",
    }
    with pytest.raises(SettingsError, match="ONEPASSWORD_TOKEN_ACME is not a whole Events API token"):
        settings.account("ACME")
    with pytest.raises(SettingsError, match="ONEPASSWORD_TOKEN_OTHER is missing, but a run needs it"):
        settings.account("OTHER")


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "http://localhost:1", "https://events.1password.com"])
def test_plain_http_is_for_loopback_only(url: str) -> None:
    """A simulator on this machine may be plain; everything else is TLS."""
    assert parse(ONEPASSWORD_TOKEN=jwt(), ONEPASSWORD_EVENTS_URL=url).accounts[0].events_url == url


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://events.1password.com",
            "events.1password.com",
            "https://x/api",
            "https://x:y",
            "https://u@x",
            "https://",
        ),
        *("https://x?y", "https://x#y", "https://[x", "https://x y", "https://x\ty", "https://x\u00a0y", "ftp://x"),
        "@Microsoft.KeyVault(SecretUri=https://v.vault.azure.net/secrets/u)",
    ],
)
def test_an_address_that_a_token_must_not_go_to_is_refused(url: str) -> None:
    """A token never leaves over plain HTTP or to half an address."""
    settings = parse(ONEPASSWORD_TOKEN=jwt(), ONEPASSWORD_EVENTS_URL=url)
    (error,) = settings.errors
    assert settings.accounts == ()
    assert str(error) == (
        "Fix these app settings: ONEPASSWORD_EVENTS_URL must be an https:// address without path, such as "
        "https://events.1password.com"
    )


@pytest.mark.parametrize("url", ["http://127.0.0.1:8080", "https://x/y", "https://[x", "@Microsoft.KeyVault(x)", "x"])
def test_events_are_sent_over_tls_only(url: str) -> None:
    """Not even to this machine in any other way."""
    with pytest.raises(SettingsError, match="LOGS_INGESTION_ENDPOINT must be an https:// address without path"):
        parse(ONEPASSWORD_TOKEN=jwt(), LOGS_INGESTION_ENDPOINT=url)


@pytest.mark.parametrize("days", ["-1", "1.5", "x", "121", "²"])
def test_the_lookback_is_a_number_of_days_that_1password_keeps(days: str) -> None:
    """0 to 120, and nothing else is taken instead: a stream that begins too late never asks for what is older."""
    settings = parse(ONEPASSWORD_TOKEN=jwt(), FIRST_RUN_LOOKBACK_DAYS=days)
    assert (settings.lookback_days, len(settings.accounts)) == (None, 1)
    (problem,) = settings.problems
    assert problem == (
        "FIRST_RUN_LOOKBACK_DAYS must be a whole number of days from 0 to 120; until it is, a stream that has no "
        "cursor yet does not begin"
    )


@pytest.mark.parametrize(("days", "read"), [("0", 0), ("120", 120), (" 7 ", 7), ("", 7)])
def test_the_lookback_may_be_all_that_1password_keeps(days: str, read: int) -> None:
    """And nothing; an empty setting is a missing one."""
    settings = parse(ONEPASSWORD_TOKEN=jwt(), FIRST_RUN_LOOKBACK_DAYS=days)
    assert (settings.lookback_days, settings.problems) == (read, ())


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("HISTORY_RETENTION_DAYS", "0", "must be a whole number of days from 1 to 3650"),
        ("HISTORY_RETENTION_DAYS", "9" * 5_000, "must be a whole number of days from 1 to 3650"),
        ("POLL_SCHEDULE", "00:05:00", "must be an NCRONTAB expression of six fields"),
        ("MONITOR_URL", "dfm.example", "must be an address with the hub"),
        ("MONITOR_URL", "javascript:alert(1)", "must be an address with the hub"),
        ("MONITOR_URL", "https://dfm.example/hub?code=1", "must be an address with the hub"),
    ],
)
def test_what_polls_do_without_does_not_keep_them(name: str, value: str, says: str) -> None:
    """It is reported, and the default is used."""
    values = {**DELIVERY, "ONEPASSWORD_TOKEN": jwt(), name: value}
    settings = Settings.parse(values, now=NOW)
    (problem,) = settings.problems
    assert problem.startswith(f"{name} {says}")
    assert (retention_days(values, []), monitor_url(values, []), len(settings.accounts)) == (30, "", 1)


def test_the_monitor_is_where_the_setting_says() -> None:
    """With the hub, and without a slash at the end."""
    problems: list[str] = []
    found = monitor_url({"MONITOR_URL": "https://dfm.example/OnePasswordEvents/"}, problems)
    assert (found, problems) == ("https://dfm.example/OnePasswordEvents", [])


def test_what_only_others_go_by_is_read_without_the_rest() -> None:
    """Housekeeping goes on while no account can be polled."""
    problems: list[str] = []
    assert (retention_days({"HISTORY_RETENTION_DAYS": "90"}, problems), problems) == (90, [])


def test_a_token_shows_in_no_repr() -> None:
    """Whoever logs the settings logs no secret."""
    token = jwt(iat=1)
    assert token not in repr(parse(ONEPASSWORD_TOKEN=token))
