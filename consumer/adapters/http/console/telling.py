"""How figures are said to people: times, spans, money, counts. Each returns plain text; the templates escape it."""

from datetime import UTC, datetime

UNKNOWN = "\N{EN DASH}"
SPLIT_SECONDS = 10.0
_SPANS = ((86_400, "d"), (3600, "h"), (60, "min"), (1, "s"))


def say_span(seconds: float | None) -> str:
    """Two units at most: `0.4 s`, `45 s`, `3 min 20 s`, `2 d 4 h`."""
    if seconds is None:
        return UNKNOWN
    if abs(seconds) < SPLIT_SECONDS:
        return f"{abs(seconds):.1f} s" if round(abs(seconds), 1) % 1 else f"{abs(seconds):.0f} s"
    left = round(abs(seconds))
    parts: list[str] = []
    for size, unit in _SPANS:
        count, left = divmod(left, size)
        if count or parts:
            parts.append(f"{count} {unit}" if count else "")
        if len(parts) == 2:
            break
    return " ".join(part for part in parts if part) or "0 s"


def say_time(at: datetime | None) -> str:
    """In UTC, to the second."""
    return UNKNOWN if at is None else at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")


def say_usd(usd: float | None) -> str:
    """Cents from a dollar on, else what one package may cost: a hundredth of a cent."""
    if usd is None:
        return UNKNOWN
    return f"${usd:,.2f}" if usd == 0 or abs(usd) >= 1 else f"${usd:.4f}"


def say_count(count: float | None) -> str:
    return UNKNOWN if count is None else f"{count:,.0f}"


def say_share(part: float, whole: float) -> str:
    return UNKNOWN if not whole else f"{100 * part / whole:.0f} %"
