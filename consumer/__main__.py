"""`python -m consumer` is `escalation-consumer`."""

import os

from consumer import environment


def main() -> None:
    """Never returns: exits 0 when done, 1 when failed, 2 when used or configured wrongly."""
    environment.settle(os.environ)
    from consumer.cli.main import run_command_line  # loads libraries that look at the environment

    run_command_line()


if __name__ == "__main__":
    main()
