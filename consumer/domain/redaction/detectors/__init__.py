"""Finding secrets in free text."""

from consumer.domain.redaction.detectors.rule import Found


def find(text: str) -> list[Found]:
    return []


__all__ = ["Found", "find"]
