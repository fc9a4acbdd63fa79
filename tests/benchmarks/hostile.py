"""The slowest of hostile records to decode (`make bench-hostile`): `python -m tests.benchmarks.hostile [--all]`.

Every legal record is to be decoded in 250 ms. Printed are processor milliseconds, the best of several runs, for records
of 1 MiB and for half of it: what grows linearly takes half the time. With `--all` each lead-in of each detector and
each labelled case is a kind of its own (minutes).
"""

import argparse
import sys
import time

from rich.console import Console
from rich.table import Table

from consumer.domain.arrival.decode import decode
from consumer.domain.arrival.limits import MAX_BYTES
from consumer.domain.events import Record
from tests.support import hostile
from tests.support.wire import REDACTOR, TOPICS

SHOWN = 25
RUNS = 3


def seconds(record: Record, *, runs: int = RUNS) -> float:
    """Processor time of the fastest of several runs."""
    times = []
    for _ in range(runs):
        started = time.process_time()
        decode(record, TOPICS, REDACTOR)
        times.append(time.process_time() - started)
    return min(times)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--all", action="store_true")
    parser.add_argument("--kb", type=int, default=MAX_BYTES // 1024)
    options = parser.parse_args()
    kinds = hostile.kinds()
    if options.all:
        kinds += [*hostile.lead_ins(), *hostile.labelled()]
    rows = []
    for kind in kinds:
        whole, half = kind.make(options.kb * 1024), kind.make(options.kb * 512)
        result = type(decode(whole, TOPICS, REDACTOR).arrival).__name__
        rows.append((seconds(whole), seconds(half), len(whole.value or b""), result, kind.name))
    table = Table("Kind", "bytes", "result", "ms", "half: ms", title=f"The slowest of {len(rows)} kinds")
    for took, half_took, size, result, name in sorted(rows, reverse=True)[:SHOWN]:
        table.add_row(name, f"{size:,}", result, f"{took * 1e3:.0f}", f"{half_took * 1e3:.0f}")
    Console().print(table)
    return 0


if __name__ == "__main__":
    sys.exit(main())
