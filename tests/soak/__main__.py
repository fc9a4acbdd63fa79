"""`python -m tests.soak --minutes 30 --seed 7 --replicas 3 --tenants 3 [--rate 1.5] [--json FILE] [--keep FOLDER]`."""

import argparse
import asyncio
import json
import logging
import os
import secrets
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from tests.soak.plan import Weather
from tests.soak.report import show
from tests.soak.soak import Soak, Terms
from tests.soak.view import View
from tests.support import servers as support
from tests.support.databases import CopiedDatabases
from tests.support.servers import Source, TestServers
from tests.support.stage import Stage


def main() -> int:
    options = _options()
    if options.keep is not None and options.keep.exists():
        print(f"{options.keep} is there already: each run has a folder of its own.", file=sys.stderr)  # noqa: T201
        return 2
    logging.getLogger("aiokafka").setLevel(
        logging.CRITICAL
    )  # the soak's own clients: their broker is killed on purpose
    source = support.choose(os.environ)
    if source is Source.GIVEN:
        print("A soak kills its servers, and the given ones are not ours to kill.", file=sys.stderr)  # noqa: T201
        return 2
    servers = support.make(source, os.environ)
    support.run(servers.start())
    os.environ["NO_PROXY"] = os.environ["no_proxy"] = "127.0.0.1,localhost"
    try:
        summary = asyncio.run(_soaked(servers, options))
    finally:
        support.run(servers.stop())
    if options.json is not None:
        options.json.write_text(json.dumps(summary, indent=1, ensure_ascii=False), encoding="utf-8")
    return 0 if summary["passed"] else 1


async def _soaked(servers: TestServers, options: argparse.Namespace) -> Mapping[str, Any]:
    terms = Terms(
        minutes=options.minutes,
        seed=options.seed,
        tenants=options.tenants,
        rate=options.rate,
        weather=Weather(replicas=options.replicas, storm_seconds=options.storm_seconds),
    )
    console = Console()
    with CopiedDatabases(servers.postgres.dsn).fresh(migrated=True) as dsn:
        folder = options.keep or Path(tempfile.mkdtemp(prefix="soak-"))
        folder.mkdir(parents=True, exist_ok=True)
        stage = Stage(
            bootstrap_servers=servers.kafka.bootstrap_servers,
            dsn=dsn,
            redis_url=servers.redis.url,
            prefix=f"soak{secrets.token_hex(3)}.",
            folder=folder,
        )
        console.print(f"Logs are in {folder}", highlight=False)
        soak = Soak(servers, stage, folder, terms)
        async with stage:
            with View(soak.figures, minutes=terms.minutes, seed=terms.seed) as view:
                summary = await soak.run(view)
    show(console, dict(summary))
    return summary


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=30.0)
    parser.add_argument("--seed", type=int, default=secrets.randbelow(10_000))
    parser.add_argument("--replicas", type=int, default=3)
    parser.add_argument("--tenants", type=int, default=3)
    parser.add_argument("--rate", type=float, default=1.5, help="new sessions a second")
    parser.add_argument("--storm-seconds", type=float, default=25.0, help="from one quiet phase to the next")
    parser.add_argument("--json", type=Path, help="write the report to this file")
    parser.add_argument("--keep", type=Path, help="the folder for the logs of the replicas")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
