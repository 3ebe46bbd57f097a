"""Dead letters read back from what their blobs say of themselves."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from onepassword_sentinel.event_types import EventType
from onepassword_sentinel.kept_letters import KeptLetter
from tests.core.conftest import NOW
from tests.core.scripted import OLD, letter


def test_what_is_written_of_a_letter_is_read_back() -> None:
    """Every field but the event, which is read by itself."""
    written = letter(1, backfill_id="b1", detail="said “bad”", time=NOW)
    read = KeptLetter.read(written.name, written.metadata, size=17, written=OLD)
    assert read == KeptLetter(
        name=written.name,
        key="ACC-auditevents",
        stream="auditevents",
        event_type="auditevents",
        backfill_id="b1",
        uuid="U1",
        reason="refused",
        status=400,
        detail='said "bad"',
        time=NOW,
        size=17,
    )
    assert read.known_type is EventType.AUDIT_EVENTS
    assert read.as_cut(EventType.AUDIT_EVENTS, written.event, "long") == replace(
        written, reason="cut", status=0, detail="long"
    )


@given(
    name=st.text(),
    metadata=st.dictionaries(
        st.sampled_from(["stream", "event_type", "reason", "status", "time", "uuid"]), st.none() | st.text()
    ),
)
def test_whatever_is_said_of_a_letter_can_be_listed(name: str, metadata: dict[str, str | None]) -> None:
    """Nothing that somebody wrote there is an error; it only is not replayed."""
    read = KeptLetter.read(name, metadata, size=0, written=OLD)
    assert (read.name, read.event_type, read.reason) == (
        name,
        metadata.get("event_type") or "",
        metadata.get("reason") or "",
    )
    assert 0 <= read.status < 1000
    assert read.time.tzinfo is not None
    assert read.known_type is None
