"""What operators, tenants and producers do meanwhile: poison, policies, feedback, redrives, replays, trimming."""

import asyncio
import json
import random
import subprocess
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from tests.soak import poison
from tests.soak.figures import Figures
from tests.soak.load import Load
from tests.soak.plan import FaultKind
from tests.soak.tenants import Tenant, policy_event
from tests.support.stage import Stage
from tests.support.wire import feedback_on

_COMMAND_SECONDS = 90
_REDRIVEN = ("undecodable", "invalid", "too_large")
"""A conflict of a session that was trimmed meanwhile is none any more: the oracle could not tell what has to be."""


class Deeds:
    """Each runs to its end in a task of its own."""

    def __init__(
        self, stage: Stage, load: Load, tenants: list[Tenant], figures: Figures, *, retention_days: float
    ) -> None:
        self._stage = stage
        self._load = load
        self._tenants = tenants
        self._figures = figures
        self._retention_days = retention_days
        self._number = 0
        self._hostile = poison.slow_kinds()
        self._one_command = asyncio.Semaphore(1)

    async def do(self, kind: FaultKind, lot: int) -> None:
        chance = random.Random(lot)
        self._number += 1
        match kind:
            case FaultKind.POISON:
                _, record = poison.poison(self._stage.topics, chance, self._number)
                await self._load.send(record)
            case FaultKind.HOSTILE:
                _, record = poison.slow(self._stage.topics, self._hostile, chance, self._number)
                await self._load.send(record)
            case FaultKind.POLICY:
                await self.set_policy(chance.choice(self._tenants), chance)
            case FaultKind.FEEDBACK:
                await self._give_feedback(chance)
            case FaultKind.REDRIVE:
                await self._command("dead-letters", "redrive", "--reason", chance.choice(_REDRIVEN), "--yes", "--json")
            case FaultKind.REPLAY:
                await self._replay(chance)
            case _:
                await self._command("trim", "--days", f"{self._retention_days:.9f}", "--json")

    async def set_policy(self, tenant: Tenant, chance: random.Random) -> None:
        event = policy_event(tenant, chance)
        topic = self._stage.topics.policies
        await self._load.send((topic, tenant.tenant_id.encode(), json.dumps(event).encode(), ()))

    async def _give_feedback(self, chance: random.Random) -> None:
        if not self._figures.packages:
            return
        package = chance.choice(self._figures.packages)
        outcome = chance.choice(["posted", "accepted", "edited", "rejected", "failed"])
        event = feedback_on(package, outcome, time=datetime.now(UTC).isoformat(), comment="The third step is wrong.")
        topic = self._stage.topics.feedback
        await self._load.send((topic, package["session_id"].encode(), json.dumps(event).encode(), ()))

    async def _replay(self, chance: random.Random) -> None:
        scope = chance.choice([("--status", "fallback"), ("--rejected",), ("--tenant", self._tenants[0].tenant_id)])
        planned = await self._command("replay", "plan", *scope, "--limit", "20", "--json")
        plan_id = planned and planned.get("plan_id")
        if plan_id:
            await self._command("replay", "apply", str(plan_id), "--publish", "--json")

    async def _command(self, *arguments: str) -> dict[str, Any] | None:
        """Its JSON. While a server is away it may fail with a sentence, but never with a traceback."""
        async with self._one_command:
            try:
                async with asyncio.timeout(_COMMAND_SECONDS * 2):
                    done = await self._stage.command(*arguments)
            except (TimeoutError, subprocess.TimeoutExpired):
                self._figures.commands[f"{arguments[0]} cut off"] += 1
                return None
        self._figures.commands[f"{' '.join(arguments[:2])}: {done.code}"] += 1
        if done.code not in (0, 1) or "Traceback" in done.errors + done.output:
            self._figures.complaints.append(f"{' '.join(arguments)} ended with {done.code}: {done.errors[-1500:]}")
        with suppress(ValueError):
            answer = json.loads(done.output)
            return answer if isinstance(answer, dict) else None
        return None
