"""The command line of the demo. It imports what needs the `embedded` extra only when it is called."""

import sys
from typing import Annotated

import typer

_EVERY = "all"


def demo(
    show: Annotated[str, typer.Option(help="How many packages to show in full: a number, or `all`.")] = _EVERY,
    timeout: Annotated[float, typer.Option(help="Seconds to wait for every outcome.", min=1)] = 120.0,
    keep: Annotated[bool, typer.Option("--keep", help="Leave everything running until Ctrl-C.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the published events as JSON instead.")] = False,
) -> None:
    """Start real Kafka, PostgreSQL and Redis and the service, send sample sessions, show the packages."""
    if show != _EVERY and not show.isdecimal():
        raise typer.BadParameter("must be a number or `all`", param_hint="--show")
    from consumer.cli.demo.play import Options, run_demo

    most = None if show == _EVERY else int(show)
    sys.exit(run_demo(Options(show=most, timeout_seconds=timeout, keep=keep, as_json=as_json)))
