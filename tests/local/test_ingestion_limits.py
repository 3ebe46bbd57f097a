"""The limits a minute of the Logs Ingestion API."""

from local.ingestion.limits import MinuteBudget


class Clock:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        """The seconds that it shows."""
        return self.now


def test_requests_a_minute() -> None:
    """The request over the limit has to wait until the oldest one is a minute old."""
    clock = Clock()
    budget = MinuteBudget(requests=2, size=1000, clock=clock)
    assert budget.take(1) == 0
    clock.now += 20
    assert budget.take(1) == 0
    assert budget.take(1) == 40
    clock.now += 40
    assert budget.take(1) == 0
    assert budget.take(1) == 20


def test_bytes_a_minute() -> None:
    """What does not fit is refused and not counted; what is smaller may still fit."""
    clock = Clock()
    budget = MinuteBudget(requests=100, size=1000, clock=clock)
    assert budget.take(900) == 0
    assert budget.take(200) == 60
    assert budget.take(100) == 0
    assert budget.take(1) == 60
    clock.now += 60
    assert budget.take(1000) == 0


def test_a_wait_is_never_zero() -> None:
    """A refusal always names at least a second, also for what can never fit."""
    clock = Clock()
    budget = MinuteBudget(requests=1, size=10, clock=clock)
    assert budget.take(11) == 60
    assert budget.take(1) == 0
    clock.now += 59.999
    assert budget.take(1) == 1
