"""Rows of runs and entities in the task hub's table, as many as a large tenant has, without running them."""

from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta
from typing import Any, Final

from local.extension import ExtensionEngine
from tests.e2e.conftest import Environment

_AT_ONCE: Final = 8


def plant(env: Environment, like: str, ids: Iterable[str], *, earlier: timedelta = timedelta(0)) -> None:
    """Copy a run's or an entity's row for each id, its times so much earlier."""
    engine = env.host.engine
    assert isinstance(engine, ExtensionEngine)
    with engine.storage.table(f"{engine.hub}Instances") as instances:
        row: dict[str, Any] = dict(instances.get_entity(like, ""))
        for name, value in row.items():
            if isinstance(value, datetime):
                row[name] = value - earlier
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            for _ in pool.map(lambda name: instances.create_entity({**row, "PartitionKey": name}), ids):
                pass
