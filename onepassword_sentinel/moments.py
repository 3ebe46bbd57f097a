"""Points in time as text: RFC 3339, always with a zone."""

from datetime import UTC, datetime


def parse_moment(text: str) -> datetime:
    """Read a point in time; the answer is in UTC.

    Raises:
        ValueError: it is none, or has no zone; the message says what is expected, to be put behind a name.

    """
    try:
        # Python does not look at what follows a NUL.
        moment = datetime.fromisoformat("" if "\0" in text else text)
    except ValueError as error:
        raise ValueError("must be a time such as 2026-11-01T00:00:00Z") from error
    if moment.tzinfo is None:
        raise ValueError("must say its zone: 2026-11-01T00:00:00Z, or with an offset such as +01:00")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError("lies outside the years 1 to 9999") from error


def format_moment(moment: datetime) -> str:
    """Write a point in time in UTC, as 1Password and Azure take it."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")
