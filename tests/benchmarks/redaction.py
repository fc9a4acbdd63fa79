"""What redaction costs for one text: ``python -m tests.benchmarks.redaction``.

Aims: 20 µs for 500 characters without anything suspicious, 100 µs with. Processor time, the best of several rounds, so
that a busy machine matters less.
"""

import sys
import time
import timeit
from collections.abc import Callable

from consumer.domain.redaction import Redactor
from tests.support.remembered import remembered

CLEAN = (
    "User reports Outlook 365 (build 16.0.17328) crashes at start since 2025-03-04, error 0x80070005 in event "
    "1000 on WS-114 (10.2.3.44). Checked: Office repair, new profile, safe mode works. GPO 'Add-ins' applied: "
    "yes. Ran sfc /scannow and DISM, no findings; disk C: has 41 GB free. VPN is up, DNS resolves "
    "mail.contoso.example to 52.97.1.2. The ticket was moved from team V5 to team N12, owner in Sweden. Next: "
    "collect a dump with procdump, compare to WS-115 where it works, ask user when it began."
)
SUSPICIOUS = CLEAN.replace("Office repair", "password was reset, token valid")
SECRET = CLEAN.replace("Office repair", "temp password is Harbor!Pike9")
ROUNDS, CALLS = 15, 300


def cost_us(call: Callable[[], object]) -> float:
    return min(timeit.repeat(call, number=CALLS, repeat=ROUNDS, timer=time.process_time)) / CALLS * 1e6


def main() -> None:
    redactor = Redactor(b"benchmark" * 4)
    door = redactor.scope("tenant", "session")
    door.text(SECRET)
    known = remembered(door)
    sweeper = door.sweeper(known)
    long = (CLEAN + "\n") * 2000
    figures: dict[str, float] = {
        "500 characters, nothing suspicious (aim 20)": cost_us(lambda: redactor.scope("t", "s").text(CLEAN)),
        "500 characters, suspicious words (aim 100)": cost_us(lambda: redactor.scope("t", "s").text(SUSPICIOUS)),
        "500 characters with a secret": cost_us(lambda: redactor.scope("t", "s").text(SECRET)),
        "500 characters swept for one known secret": cost_us(lambda: sweeper.text(CLEAN)),
        "making a sweeper": cost_us(lambda: door.sweeper(known)),
    }
    for name, us in figures.items():
        sys.stdout.write(f"{name:48} {us:8.1f} us\n")
    started = time.process_time()
    redactor.scope("t", "s").text(long)
    sys.stdout.write(f"{'1 MB, nothing suspicious':48} {(time.process_time() - started) * 1e3:8.1f} ms\n")


if __name__ == "__main__":
    main()
