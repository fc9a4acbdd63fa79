"""Gives memory that is free in the C library's heap back to the system.

Each read of a connection takes a large buffer and leaves its small answer at the beginning of it. The heap grows by
what lies between, though no more of it is used, and looks like a leak to whoever watches the process.
"""

import ctypes
from collections.abc import Callable


def trimming() -> Callable[[], object]:
    """What gives it back, within a few milliseconds; does nothing where the C library is not GNU's."""
    try:
        trim = ctypes.CDLL(None).malloc_trim
    except (AttributeError, OSError, TypeError):
        return lambda: None
    return lambda: trim(0)
