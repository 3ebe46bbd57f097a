"""The page is sound HTML that needs nothing, and that nothing from outside can change."""

import itertools
import subprocess
import sys
from dataclasses import replace

import pytest

from onepassword_sentinel.status import Status
from status_page.render import render
from tests.status_page.conftest import HOSTILE, MONITOR
from tests.status_page.document import Document, read

HOSTILE_FIELDS = (
    "version",
    "summary",
    "problem",
    "dead letters problem",
    "account",
    "account uuid",
    "event type",
    "key",
    "label",
    "explanation",
    "last failure",
    "backfill",
    "backfill instance",
    "start",
    "end",
    "backfill failure",
    "backfill stream",
    "stream failure",
    "poll instance",
    "poll stream",
    "outcome",
    "poll error",
)


def test_it_is_a_well_formed_document(status: Status) -> None:
    """Every element is closed, ids are unique, there is one main heading, and no level is left out below it."""
    html = render(status, monitor_url=MONITOR)
    found = Document(html)
    ids = [attributes["id"] for _, attributes in found.elements if "id" in attributes]
    levels = [int(tag[1]) for tag, _ in found.elements if tag in {"h1", "h2", "h3", "h4"}]
    assert html.startswith("<!DOCTYPE html>\n<html")
    assert len(ids) == len(set(ids))
    assert {attributes["aria-labelledby"] for attributes in found.of("section")} == set(ids)
    assert (levels[0], levels.count(1)) == (1, 1)
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    assert len(found.of("main")) == 1


def test_it_needs_no_script_and_nothing_from_elsewhere(status: Status) -> None:
    """No element runs code or loads anything, and the style sheet neither."""
    found = read(status)
    assert not {tag for tag, _ in found.elements} & {"script", "img", "iframe", "object", "embed", "form", "base"}
    for _, attributes in found.elements:
        assert not [name for name in attributes if name.startswith("on") or name in {"src", "srcset", "style"}]
        assert attributes.get("href", "data:").startswith("data:")
    assert not [word for word in ("url(", "@import", "http") if word in found.texts["style"][0]]


def test_the_head_says_how_to_treat_it(healthy: Status) -> None:
    """It refreshes itself, fits a phone, leaks no address and wants not to be found."""
    metas = {
        attributes.get("name") or attributes.get("http-equiv"): attributes for attributes in read(healthy).of("meta")
    }
    assert metas["refresh"]["content"] == "60"
    assert metas["referrer"]["content"] == "no-referrer"
    assert metas["robots"]["content"] == "noindex"
    assert metas["viewport"]["content"] == "width=device-width, initial-scale=1"


@pytest.mark.parametrize("field", HOSTILE_FIELDS)
def test_text_from_outside_stays_text(field: str, hostile: Status) -> None:
    """Markup in a name, a sentence or an id is shown, not obeyed."""
    html = render(hostile, monitor_url=MONITOR)
    assert f"{field} {HOSTILE}" in Document(html).text
    assert not [markup for markup in ("<script", "<img", "&amp;amp;amp;") if markup in html]


def test_hostile_text_does_not_leave_its_attribute(hostile: Status) -> None:
    """It is the whole value where it is one, and adds no attribute."""
    found = read(hostile, monitor_url=MONITOR)
    assert f"Backfill backfill {HOSTILE}" in {attributes["aria-label"] for attributes in found.of("progress")}
    assert {name for attributes in found.of("progress") for name in attributes} == {"max", "value", "aria-label"}
    assert {name for attributes in found.of("a") for name in attributes} == {"href", "rel"}


@pytest.mark.parametrize("monitor_url", [MONITOR, f"{MONITOR}/", "HTTP://127.0.0.1:7072"])
def test_instances_link_to_the_monitor(monitor_url: str, healthy: Status) -> None:
    """An id leads to the run, whatever characters it has."""
    polls = (replace(healthy.polls[0], instance_id="a/b?c#d é"),)
    links = read(replace(healthy, polls=polls), monitor_url=monitor_url).of("a")
    base = monitor_url.rstrip("/")
    assert links == [
        {"href": f"{base}/durable-instances/backfill-q3", "rel": "noreferrer"},
        {"href": f"{base}/durable-instances/a%2Fb%3Fc%23d%20%C3%A9", "rel": "noreferrer"},
    ]


@pytest.mark.parametrize(
    "monitor_url", ["", "javascript:alert(1)//", "data:text/html,x", "//evil.example", "https:evil"]
)
def test_there_are_no_links_without_a_monitor(monitor_url: str, healthy: Status) -> None:
    """Only an http or https address is one; the ids are there all the same."""
    found = read(healthy, monitor_url=monitor_url)
    assert found.of("a") == []
    assert healthy.polls[0].instance_id in found.words("code")


def test_a_cold_start_loads_no_templates() -> None:
    """Importing the page imports neither Jinja nor anything of Azure's."""
    program = "import sys, status_page.render; print({'jinja2', 'azure', 'durabletask', 'aiohttp'} & set(sys.modules))"
    printed = subprocess.run([sys.executable, "-c", program], check=True, capture_output=True, text=True)
    assert printed.stdout.strip() == "set()"
