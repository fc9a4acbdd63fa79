"""The unprivileged account that PostgreSQL runs under when this process is root."""

import os
import pwd
import stat
from dataclasses import dataclass
from pathlib import Path

from consumer.adapters.embedded import errors

_NAMES = ("nobody", "daemon")


@dataclass(frozen=True, slots=True, kw_only=True)
class Account:
    uid: int
    gid: int

    def reaches(self, path: Path) -> bool:
        """Returns whether the account may pass through every folder above `path`. Changes no permission."""
        return all(self._may_enter(parent) for parent in path.absolute().parents)

    def own(self, folder: Path) -> None:
        """Creates the folder if it is missing and gives it to the account alone."""
        folder.mkdir(parents=True, exist_ok=True)
        os.chown(folder, self.uid, self.gid)
        folder.chmod(0o700)

    def _may_enter(self, folder: Path) -> bool:
        status = folder.stat()
        if status.st_uid == self.uid:
            return bool(status.st_mode & stat.S_IXUSR)
        if status.st_gid == self.gid:
            return bool(status.st_mode & stat.S_IXGRP)
        return bool(status.st_mode & stat.S_IXOTH)


def needed() -> Account | None:
    """Returns None when this process is not root. Raises AccountMissing when the system has no such account."""
    if os.geteuid() != 0:
        return None
    for name in _NAMES:
        try:
            entry = pwd.getpwnam(name)
        except KeyError:
            continue
        return Account(uid=entry.pw_uid, gid=entry.pw_gid)
    raise errors.AccountMissing
