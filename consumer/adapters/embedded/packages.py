"""Locates the files of the packages of the `embedded` extra."""

import importlib.util
from pathlib import Path

from consumer.adapters.embedded import errors


def folder(package: str) -> Path:
    """Returns the package's folder without importing it: two of the three write files or register exit hooks on import.

    Raises `ExtraMissing` when the package is not installed.
    """
    spec = importlib.util.find_spec(package)
    if spec is None or spec.origin is None:
        raise errors.ExtraMissing(package)
    return Path(spec.origin).parent
