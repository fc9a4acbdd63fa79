"""How a command ends: each error as one line on standard error, and its exit code. No traceback is ever printed."""

import errno
import logging
import os
import sys
import traceback
from collections.abc import Callable
from pathlib import Path

from consumer.errors import EscalationError, Misconfigured

_BY_SIGNAL = 130  # what typer makes of Ctrl-C
_SILENCE = logging.NullHandler()
"""Else libraries log on standard error beside the one line. `run` puts its own handler in its place."""
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT})


def ended(command: Callable[[], object]) -> int:
    """Runs the command. Returns 0 when done, 1 when failed or stopped, 2 for wrong use or configuration."""
    _print_anything()
    logging.getLogger().addHandler(_SILENCE)
    code = _code_of(command)
    try:
        sys.stdout.flush()
    except OSError as error:
        _forget_output()
        return max(code, _of_the_system(error))
    return code


def _code_of(command: Callable[[], object]) -> int:
    try:
        command()
    except SystemExit as done:
        code = done.code if isinstance(done.code, int) else int(done.code is not None)
        return _stopped() if code == _BY_SIGNAL else code
    except Misconfigured as error:
        return _complain("Wrong configuration:", str(error), code=2)
    except EscalationError as error:
        return _complain("Failed:", str(error), code=1)
    except KeyboardInterrupt:
        return _stopped()
    except OSError as error:
        return _of_the_system(error)
    except Exception as error:  # noqa: BLE001 - the last boundary: whoever typed the command is not to read a traceback
        return _complain("Failed:", _defect(error), code=1)
    return 0


def _stopped() -> int:
    return _complain("Stopped", "by a signal; what was done so far stays done.", code=1)


def _of_the_system(error: OSError) -> int:
    """A file or a pipe that cannot be used. Where the reader has gone, as `| head` does, nobody is told."""
    if isinstance(error, BrokenPipeError):
        _forget_output()
        return 1
    what = error.strerror or type(error).__name__
    where = f"{error.filename}: " if error.filename is not None else ""
    if error.filename is None:
        _forget_output()  # else what is left fails once more
    hint = "; make room, or write elsewhere" if error.errno in _NO_ROOM else ""
    return _complain("Failed:", f"{where}{what}{hint}", code=1)


def _defect(error: BaseException) -> str:
    """Where the program failed, without the error's message, which may quote what was read."""
    frames = traceback.extract_tb(error.__traceback__)
    where = f" at {Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else ""
    return f"unexpected {type(error).__name__}{where}; this is a fault of the program: please report this line"


def _print_anything() -> None:
    """A name that is no text, or a terminal that knows ASCII alone, must not end a command."""
    if sys.stdout is None or sys.stderr is None:  # closed by the shell: `>&-`
        nowhere = Path(os.devnull).open("w", encoding="utf-8")  # noqa: SIM115 - open until the process ends
        sys.stdout, sys.stderr = sys.stdout or nowhere, sys.stderr or nowhere
    for stream in (sys.stdout, sys.stderr):
        if (reconfigure := getattr(stream, "reconfigure", None)) is not None:
            reconfigure(errors="backslashreplace")


def _forget_output() -> None:
    """Hazard: at the end the interpreter writes what is left once more, complains by itself, and exits with 120."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, sys.stdout.fileno())
    except (OSError, ValueError):  # no file of the system: nothing is left to be written
        return
    finally:
        os.close(nowhere)


def _complain(title: str, text: str, *, code: int) -> int:
    """Prints one line. Returns the code."""
    from rich.console import Console  # slow to load

    console = Console(stderr=True, soft_wrap=True, highlight=False)
    try:
        console.print(f"[bold red]{title}[/]", end=" ")
        console.print(" ".join(text.split()), markup=False)
    except OSError:  # nobody listens there either
        return code
    return code
