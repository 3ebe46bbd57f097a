"""How long waits last before they give up, and that nothing but the limit depends on it."""

import os
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest

from local import patience


@pytest.fixture(autouse=True)
def measured_anew(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Forget the session's factor, and afterwards the test's."""
    monkeypatch.delenv(patience.VARIABLE)
    patience.factor.cache_clear()
    yield
    patience.factor.cache_clear()


@pytest.mark.parametrize(
    ("wall", "cpu", "load", "cores", "factor"),
    [
        (1, 1, 0, 2, 1.0),
        (0.5, 0.5, 0, 8, 1.0),
        (2, 2, 0, 2, 2.0),
        (1, 1, 0, 1, 2.0),
        (1, 1, 4, 2, 3.0),
        (3, 1, 0, 2, 3.0),
        (9, 9, 9, 1, 10.0),
    ],
    ids=["reference", "faster", "half as fast", "one core", "four busy loops", "load of this moment", "bounded"],
)
def test_the_machines_speed_and_load_set_the_factor(
    monkeypatch: pytest.MonkeyPatch, wall: float, cpu: float, load: float, cores: int, factor: float
) -> None:
    """A slow or crowded machine gets more, none gets less than the reference, none more than ten times that."""
    unit = patience._REFERENCE_SECONDS
    monkeypatch.setattr(patience, "_calibrate", lambda: (wall * unit, cpu * unit))
    monkeypatch.setattr(os, "getloadavg", lambda: (load, 0.0, 0.0))
    monkeypatch.setattr(os, "process_cpu_count", lambda: cores)
    assert patience.factor() == pytest.approx(factor)
    assert patience.within(30) == pytest.approx(30 * factor)


def test_the_environment_overrides_the_measurement(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody may know better, in either direction; a typing mistake is not taken for a number."""
    monkeypatch.setenv(patience.VARIABLE, "0.5")
    assert patience.within(30) == 15
    patience.factor.cache_clear()
    monkeypatch.setenv(patience.VARIABLE, "0")
    with pytest.raises(ValueError, match="must be a positive number"):
        patience.factor()


async def test_a_wait_ends_with_its_condition_or_its_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """What has happened is seen; what never happens is given up after the scaled limit."""
    monkeypatch.setenv(patience.VARIABLE, "1")
    looks = iter([False, False, True])
    await patience.until(lambda: next(looks))
    with pytest.raises(TimeoutError):
        await patience.until(lambda: False, 0.01)


async def test_waits_for_the_clock_end_behind_the_time() -> None:
    """Also where the event loop's clock and the wall clock do not agree to the millisecond."""
    time_to_come = datetime.now(UTC) + timedelta(milliseconds=5)
    await patience.until_past(time_to_come)
    assert datetime.now(UTC) > time_to_come
    second = datetime.now(UTC).replace(microsecond=0)
    await patience.next_second()
    assert datetime.now(UTC) >= second + timedelta(seconds=1)
