"""`--version`. Light: `__main__` asks for it before anything else is loaded."""

from importlib.metadata import version


def show_version() -> None:
    print(f"escalation-consumer {version('escalation-consumer')}")
