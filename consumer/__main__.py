"""`python -m consumer` is `escalation-consumer`."""

import os
import sys

from consumer import environment


def main() -> None:
    """Never returns: exits 0 when done, 1 when failed, 2 when used or configured wrongly."""
    if sys.argv[1:] == ["--version"]:
        from consumer.cli.version import show_version

        show_version()
        sys.exit(0)
    environment.settle(os.environ)
    from consumer.cli.main import run_command_line  # loads libraries that look at the environment

    run_command_line()


if __name__ == "__main__":
    main()
