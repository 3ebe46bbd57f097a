"""How far a backfill is, from what its cursors remember."""

from datetime import datetime


def percent_of_window(newest: datetime | None, start: datetime, end: datetime) -> float:
    """Say where in the window the newest delivered event lies. Only a finished stream is at 100."""
    if newest is None or newest <= start or end <= start:
        return 0.0
    return min(round(100 * (newest - start) / (end - start), 1), 99.9)
