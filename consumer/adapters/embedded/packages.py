"""Where the packages of the `embedded` extra keep their files."""

import importlib.util
from pathlib import Path

from consumer.adapters.embedded import errors


def folder(package: str) -> Path:
    """Found without importing the package: two of the three write files or register exit hooks when imported.

    Raises `ExtraMissing`.
    """
    found = importlib.util.find_spec(package)
    if found is None or found.origin is None:
        raise errors.ExtraMissing(package)
    return Path(found.origin).parent
