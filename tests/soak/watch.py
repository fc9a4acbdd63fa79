"""Looks at the replicas and the tables while the run goes on."""

import asyncio
from contextlib import suppress

import asyncpg
import psutil
from prometheus_client.parser import text_string_to_metric_families

from tests.soak.figures import Figures, Sample
from tests.soak.fleet import Fleet
from tests.support.service import ServiceProcess
from tests.support.stage import Stage

LOOK_SECONDS = 2.0
_MEGABYTE = 1_000_000
DATABASE_AWAY = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)
_NEW_PACKAGES = """
SELECT p.package_id::text AS package_id, p.tenant_id, p.session_id, p.created_at,
       ARRAY(SELECT e.version FROM session_events AS e
             WHERE (e.tenant_id, e.session_id) = (p.tenant_id, p.session_id) AND e.arrival <= p.arrivals) AS versions
FROM packages AS p WHERE p.created_at > now() - interval '3 minutes' AND p.package_id <> ALL($1::uuid[])
"""


class Watch:
    """`run` ends when it is cancelled."""

    def __init__(self, stage: Stage, fleet: Fleet, figures: Figures) -> None:
        self._stage = stage
        self._fleet = fleet
        self._figures = figures
        self.remembered: dict[str, frozenset[int]] = {}
        """For each package the versions that it rests on: retention deletes both before the oracle looks."""

    async def run(self) -> None:
        while True:
            self._fleet.look()
            await self._look_at_replicas()
            await self.remember()
            await asyncio.sleep(LOOK_SECONDS)

    async def remember(self) -> None:
        """Nothing while PostgreSQL is away: nothing is deleted then either."""
        with suppress(OSError, TimeoutError, *DATABASE_AWAY):
            connection = await asyncpg.connect(self._stage.dsn, timeout=3, command_timeout=10)
            try:
                for row in await connection.fetch(_NEW_PACKAGES, list(self.remembered)):
                    self.remembered[row["package_id"]] = frozenset(row["versions"])
            finally:
                connection.terminate()

    async def _look_at_replicas(self) -> None:
        looks = await asyncio.gather(*(self._look_at(name, process) for name, process in self._fleet.up))
        self._figures.replicas = {name: seen for name, seen in looks if seen}
        lags = [seen["lag"] for _, seen in looks if "lag" in seen]
        self._figures.lag = sum(lags) if lags else None

    async def _look_at(self, name: str, process: ServiceProcess) -> tuple[str, dict[str, float]]:
        seen: dict[str, float] = {}
        with suppress(psutil.Error, AssertionError):
            it = psutil.Process(process.pid)
            seen |= {"rss_mb": it.memory_info().rss / _MEGABYTE, "descriptors": it.num_fds()}
        page = await process.get("/metrics")
        if page is not None:
            seen |= metrics_of(page[1])
        return name, seen

    async def sample(self, *, seconds: float) -> Sample | None:
        """The steady replica now; None when it does not answer."""
        _, seen = await self._look_at("steady", self._fleet.steady)
        census = await self._fleet.asked()
        if census is None or "tasks" not in seen:
            return None
        return Sample(
            seconds=seconds,
            answered=len(self._figures.answered),
            rss_mb=seen["rss_mb"],
            descriptors=int(seen["descriptors"]),
            tasks=int(seen["tasks"]),
            blocks=census["blocks"],
            objects=census["objects"],
            statements=census["statements"],
            containers={identity: (kind, length) for identity, (kind, length) in census["containers"].items()},
            types=census["types"],
            named_tasks=census["tasks"],
        )


def metrics_of(page: str) -> dict[str, float]:
    """Lag and tasks, where they are known."""
    seen: dict[str, float] = {}
    for family in text_string_to_metric_families(page):
        match family.name:
            case "escalation_lag_records":
                seen["lag"] = sum(sample.value for sample in family.samples)
            case "escalation_tasks" if family.samples:
                seen["tasks"] = family.samples[0].value
    return seen
