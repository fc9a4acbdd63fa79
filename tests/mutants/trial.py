"""The trial of one mutant: its test runs in a copy of the checkout, and has to fail by an assertion of its own."""

import ast
import asyncio
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from consumer.adapters.embedded import Servers
from tests.mutants.copy import CheckoutCopy
from tests.mutants.mutant import GuardMutant
from tests.mutants.witness import Testimony
from tests.support.servers import ADDRESSES, SWITCH, Source

LONGEST_SECONDS = 600.0
_KILLS_SERVERS = "kills_servers"


class Verdict(StrEnum):
    NOTICED = "noticed"
    """The test failed by an assertion, or by the error that the mutant names."""
    ALIVE = "alive"
    """The test passed."""
    UNPROVEN = "unproven"
    """It failed in another way: that shows a broken program and not a test that notices."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    verdict: Verdict
    seconds: float
    said: str
    """The first line of what failed."""


class Trials:
    """Runs tests in a copy of the checkout, on servers that all of them share."""

    def __init__(self, copy: CheckoutCopy, addresses: Mapping[str, str]) -> None:
        """Tests that kill servers start their own ones."""
        self._copy = copy
        self._addresses = addresses

    def of(self, mutant: GuardMutant) -> Outcome:
        began = time.monotonic()
        with self._copy.holding(mutant):
            code, testimonies = self._run([mutant.test])
        seconds = time.monotonic() - began
        if code is None:
            return Outcome(verdict=Verdict.UNPROVEN, seconds=seconds, said="it did not end in time")
        verdict, said = _judged(mutant, code, testimonies)
        return Outcome(verdict=verdict, seconds=seconds, said=said)

    def unharmed(self, tests: Sequence[str]) -> list[Testimony]:
        """Runs the tests without any mutant, and returns what failed or was skipped."""
        failed: list[Testimony] = []
        for kills in (False, True):
            group = [test for test in tests if self._kills_servers(test) is kills]
            if group:
                code, testimonies = self._run(group, seconds=LONGEST_SECONDS * len(group))
                failed += testimonies
                if code and not testimonies:
                    raise RuntimeError(f"pytest ended with {code}: {' '.join(group)}")
        return failed

    def _kills_servers(self, test: str) -> bool:
        path, *names = test.partition("[")[0].split("::")
        return kills_servers((self._copy.root / path).read_text(encoding="utf-8"), names)

    def _run(self, tests: Sequence[str], *, seconds: float = LONGEST_SECONDS) -> tuple[int | None, list[Testimony]]:
        """Pytest's exit code (None: not in time), and how tests failed."""
        with tempfile.TemporaryDirectory(prefix="mutant-") as folder:
            witness = Path(folder) / "witness"
            witness.touch()
            options = ["-q", "-p", "no:cacheprovider", "-p", "tests.mutants.witness", "--witness", str(witness)]
            given = {} if any(map(self._kills_servers, tests)) else {SWITCH: Source.SHARED.value, **self._addresses}
            with subprocess.Popen(
                [sys.executable, "-m", "pytest", *options, *tests],
                cwd=self._copy.root,
                env=os.environ | {"PYTHONPATH": str(self._copy.root)} | given,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
            ) as pytest:
                code: int | None
                try:
                    code = pytest.wait(seconds)
                except subprocess.TimeoutExpired:
                    pytest.kill()
                    code = None
            return code, [Testimony(**json.loads(line)) for line in witness.read_text(encoding="utf-8").splitlines()]


def _judged(mutant: GuardMutant, code: int, testimonies: Sequence[Testimony]) -> tuple[Verdict, str]:
    called = [said for said in testimonies if said.phase == "call" and not said.skipped]
    for said in called:
        if said.error == mutant.red_by if mutant.red_by else said.by_assertion:
            return Verdict.NOTICED, f"{said.error}: {said.said}"
    if code == 0 and not testimonies:
        return Verdict.ALIVE, ""
    others = [f"{said.phase}: {said.error}: {said.said}" for said in testimonies]
    return Verdict.UNPROVEN, others[0] if others else f"pytest ended with {code}"


def kills_servers(source: str, names: Sequence[str]) -> bool:
    """Whether a test, its class or its module has the mark; such a test needs servers of its own.

    `source` is the module's, `names` are those of the class, if any, and the test.
    """
    body = ast.parse(source).body
    assigned = [node for node in body if isinstance(node, ast.Assign)]
    marks = [ast.unparse(node.value) for node in assigned if ast.unparse(node.targets[0]) == "pytestmark"]
    for name in names:
        node = next((node for node in body if getattr(node, "name", None) == name), None)
        marks += [ast.unparse(decorator) for decorator in getattr(node, "decorator_list", ())]
        body = getattr(node, "body", [])
    return any(_KILLS_SERVERS in mark for mark in marks)


class SharedServers:
    """Servers for all trials, in a `with` block."""

    def __init__(self) -> None:
        self._servers: Servers | None = None

    def __enter__(self) -> Mapping[str, str]:
        self._servers = Servers()
        asyncio.run(self._servers.start())
        addresses = (self._servers.kafka.bootstrap_servers, self._servers.postgres.dsn, self._servers.redis.url)
        return dict(zip(ADDRESSES.values(), addresses, strict=True))

    def __exit__(self, *_: object) -> None:
        if self._servers is not None:
            asyncio.run(self._servers.stop())
