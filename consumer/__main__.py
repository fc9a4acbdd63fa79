"""`python -m consumer` is `escalation-consumer`."""

from consumer.cli.main import run_command_line


def main() -> None:
    """Never returns: exits 0 when done, 1 when failed, 2 when used or configured wrongly."""
    run_command_line()


if __name__ == "__main__":
    main()
