"""The service, which tells of its memory when asked: `python -m tests.soak.replica run`.

At SIGUSR1 it collects its garbage and adds a line to the file that SOAK_CENSUS names. Else it is `python -m consumer`.
"""

import asyncio
import gc
import json
import os
import signal
import sys
from collections import Counter
from pathlib import Path

from consumer.cli.main import run_command_line

CENSUS = "SOAK_CENSUS"
_TYPES = 60


def _tell(*_: object) -> None:
    gc.collect()
    objects = Counter(f"{type(each).__module__}.{type(each).__qualname__}" for each in gc.get_objects())
    try:
        tasks = Counter(task.get_name().split("-")[0] for task in asyncio.all_tasks())
    except RuntimeError:  # no loop turns at the very begin and end
        tasks = Counter()
    line = {
        "blocks": sys.getallocatedblocks(),
        "objects": sum(objects.values()),
        "types": dict(objects.most_common(_TYPES)),
        "tasks": dict(tasks),
    }
    with Path(os.environ[CENSUS]).open("a", encoding="utf-8") as file:
        file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    signal.signal(signal.SIGUSR1, _tell)
    sys.argv[0] = "escalation-consumer"
    run_command_line()
