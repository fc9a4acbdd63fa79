"""Kills the service at every point, or at some: `python -m tests.support.killing [PART OF A KILL'S NAME]`."""

import argparse
import asyncio
import os
import secrets
import sys
import tempfile
import time
from pathlib import Path

from tests.support import servers as support
from tests.support.databases import CopiedDatabases
from tests.support.killing import acts
from tests.support.killing.mother import open_mother
from tests.support.killing.siege import Report, Siege


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.support.killing", description=__doc__)
    parser.add_argument("kill", nargs="?", default="", help="only the kills with this in their name; without it, all")
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000), help="which passes are chosen")
    parser.add_argument("--lanes", type=int, default=4, help="services at a time")
    parser.add_argument("--act", action="append", choices=[*acts.ACTS], help="only this act; may be repeated")
    parser.add_argument("--most", type=int, help="at most so many kills")
    given = parser.parse_args()
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    servers = support.make(support.choose(os.environ), os.environ)
    support.run(servers.start())
    try:
        report = asyncio.run(_siege(servers, given))
    finally:
        support.run(servers.stop())
    _say(f"{len(report.done)} kills in {report.seconds:.0f} s, {len(report.unmet)} not met, {len(report.wrong)} wrong")
    for wrong in report.wrong:
        _say(f"\n{wrong}")
    sys.exit(bool(report.wrong))


async def _siege(servers: support.TestServers, given: argparse.Namespace) -> Report:
    databases = CopiedDatabases(servers.postgres.dsn)
    with tempfile.TemporaryDirectory() as folder:
        async with open_mother() as mother:
            siege = Siege(
                servers=servers,
                databases=lambda: databases.fresh(migrated=True),
                mother=mother,
                folder=Path(folder),
                seed=given.seed,
                lanes=given.lanes,
                tell=_say,
            )
            _say(f"seed {given.seed}")
            await siege.record([acts.ACTS[name] for name in given.act or acts.ACTS])
            unreached = siege.report.unreached()
            _say(f"{len(unreached)} points are not passed:\n" + "\n".join(sorted(unreached)))
            await siege.kill(siege.plan(only=given.kill)[: given.most])
            return siege.report


def _say(line: str) -> None:
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {line}\n")


if __name__ == "__main__":
    main()
