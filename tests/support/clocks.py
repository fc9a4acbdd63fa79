"""A process whose clock is wrong, and may jump while it runs; the monotonic clock is right, as on a real machine."""

import shutil
import struct
import subprocess
from pathlib import Path

import pytest

_SHIM = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/time.h>
#include <time.h>
static const long long *seconds;
static int (*real)(clockid_t, struct timespec *);
__attribute__((constructor)) static void begin(void) {
    real = dlsym(RTLD_NEXT, "clock_gettime");
    void *shared = mmap(0, 8, PROT_READ, MAP_SHARED, open("%s", O_RDONLY), 0);
    seconds = shared == MAP_FAILED ? 0 : shared;
}
int clock_gettime(clockid_t clock, struct timespec *now) {
    if (!real) begin();
    int failed = real(clock, now);
    if (!failed && seconds && (clock == CLOCK_REALTIME || clock == CLOCK_REALTIME_COARSE)) now->tv_sec += *seconds;
    return failed;
}
int gettimeofday(struct timeval *restrict now, void *restrict zone) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    now->tv_sec = precise.tv_sec;
    now->tv_usec = precise.tv_nsec / 1000;
    return 0;
}
time_t time(time_t *out) {
    struct timespec precise;
    clock_gettime(CLOCK_REALTIME, &precise);
    if (out) *out = precise.tv_sec;
    return precise.tv_sec;
}
"""


class WrongClock:
    """`variables` belong into the environment of a process. `jump` moves its clock, also while it runs.

    Skips the test where there is no C compiler: no other way moves the clock of compiled libraries, too.
    """

    def __init__(self, folder: Path, *, seconds: int) -> None:
        compiler = shutil.which("cc")
        if compiler is None:
            pytest.skip("there is no C compiler on this machine")
        folder.mkdir()
        self._file = folder / "seconds"
        self._file.write_bytes(struct.pack("q", seconds))
        (folder / "clock.c").write_text(_SHIM % self._file)
        library = folder / "clock.so"
        subprocess.run([compiler, "-shared", "-fPIC", "-o", library, folder / "clock.c", "-ldl"], check=True)
        self.variables = {"LD_PRELOAD": str(library)}

    def jump(self, seconds: int) -> None:
        """From now on the clock is wrong by so many seconds."""
        with self._file.open("r+b") as file:
            file.write(struct.pack("q", seconds))
