"""Memory that is free in the middle of the heap is given back."""

import ctypes
import subprocess
import sys

import pytest

_PROGRAM = """
import psutil
from consumer.adapters.heap import trimming
trim = trimming()
resident = lambda: psutil.Process().memory_info().rss
blocks = [bytes(50_000) for _ in range(2_000)]
kept = blocks[::50]
blocks.clear()
before = resident()
trim()
print(before - resident(), len(kept))
"""
_FREE_BYTES = 50_000 * 1_960


@pytest.mark.skipif(not hasattr(ctypes.CDLL(None), "malloc_trim"), reason="the C library is not GNU's")
def test_what_is_free_between_what_is_used_is_given_back() -> None:
    done = subprocess.run([sys.executable, "-c", _PROGRAM], capture_output=True, text=True, check=True, timeout=60)
    given_back = int(done.stdout.split()[0])
    assert given_back > _FREE_BYTES / 2
