"""Verdicts as tables: of one draft, and of many drafts with totals."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict

from consumer.cli import output
from consumer.domain.review.verdicts import CheckStanding, Verdict
from consumer.flows.drafting.trial import Trial

_SHORT: Mapping[CheckStanding, str] = {
    CheckStanding.KEPT: "",
    CheckStanding.MENDED: "mended",
    CheckStanding.REMOVED: "removed",
    CheckStanding.QUOTED: "quoted",
    CheckStanding.BROKEN: "BROKEN",
}


def of_one(trial: Trial) -> list[dict[str, object]]:
    """Returns a row for each check."""
    return [
        {
            "of": verdict.of.value,
            "check": verdict.check,
            "verdict": verdict.standing.value,
            "times": verdict.times or None,
            "details": "; ".join(verdict.details) or None,
        }
        for verdict in trial.verdicts
    ]


def figures(trial: Trial) -> dict[str, object]:
    """Returns how a draft came about, without its texts."""
    return {
        "status": trial.status.value,
        "model": trial.model,
        "warnings": list(trial.warnings),
        "calls": trial.calls,
        "usage": trial.usage.model_dump(),
        "check": None if trial.check is None else trial.check.model_dump(),
        "dollars": trial.dollars,
        "characters": len(trial.rendered.markdown),
        "bundle_sha256": trial.bundle.sha256,
        "checks": [asdict(verdict) for verdict in trial.verdicts],
    }


def totals(trials: Sequence[Trial]) -> dict[str, object]:
    """Returns sums over all sessions. Dollars are None if one price is not known."""
    priced = [trial.dollars for trial in trials if trial.dollars is not None]
    return {
        "sessions": len(trials),
        "status": dict(Counter(trial.status.value for trial in trials)),
        "with_a_broken_check": sum(bool(trial.broken) for trial in trials),
        "calls": sum(trial.calls for trial in trials),
        "input_tokens": sum(_tokens(trial)[0] for trial in trials),
        "output_tokens": sum(_tokens(trial)[1] for trial in trials),
        "dollars": sum(priced) if len(priced) == len(trials) else None,
        "characters": sum(len(trial.rendered.markdown) for trial in trials),
        "checks": {check: dict(standings) for check, standings in _by_check(trials).items()},
    }


def of_many(trials: Mapping[str, Trial]) -> None:
    """Prints a row for each session and a row of totals, with a column for each check that not all have kept."""
    counted = _by_check(list(trials.values()))
    shown = [check for check, standings in counted.items() if set(standings) != {CheckStanding.KEPT.value}]
    rows = [_row(name, trial, shown) for name, trial in trials.items()]
    summed = totals(list(trials.values()))
    rows.append(
        {
            "session": f"{summed['sessions']} sessions",
            "status": ", ".join(f"{count} {word}" for word, count in _items(summed["status"])),
            "checks kept": f"{sum(standings[CheckStanding.KEPT.value] for standings in counted.values())}"
            f" of {sum(map(Counter.total, counted.values()))}",
            "calls": summed["calls"],
            "tokens in": summed["input_tokens"],
            "tokens out": summed["output_tokens"],
            "dollars": _money(summed["dollars"]),
            "characters": summed["characters"],
            **{check: _counts(counted[check]) for check in shown},
        }
    )
    output.table(rows, columns=tuple(rows[0]), empty="Nothing was drafted.")
    output.say("")
    output.say(f"Kept by all: {', '.join(check for check in counted if check not in shown) or 'nothing'}.")


def _row(name: str, trial: Trial, shown: Sequence[str]) -> dict[str, object]:
    tokens_in, tokens_out = _tokens(trial)
    standing = {_named(verdict): verdict for verdict in trial.verdicts}
    kept = sum(verdict.standing is CheckStanding.KEPT for verdict in trial.verdicts)
    return {
        "session": name,
        "status": trial.status.value,
        "checks kept": f"{kept} of {len(trial.verdicts)}",
        "calls": trial.calls,
        "tokens in": tokens_in,
        "tokens out": tokens_out,
        "dollars": _money(trial.dollars),
        "characters": len(trial.rendered.markdown),
        **{check: _cell(standing[check]) for check in shown},
    }


def _by_check(trials: Sequence[Trial]) -> dict[str, Counter[str]]:
    counted: dict[str, Counter[str]] = {}
    for trial in trials:
        for verdict in trial.verdicts:
            counted.setdefault(_named(verdict), Counter())[verdict.standing.value] += 1
    return counted


def _named(verdict: Verdict) -> str:
    return f"{verdict.of.value} {verdict.check}"


def _cell(verdict: Verdict) -> str:
    return f"{_SHORT[verdict.standing]} {verdict.times}" if verdict.times else ""


def _counts(standings: Counter[str]) -> str:
    return ", ".join(f"{count} {standing}" for standing, count in standings.items() if standing != CheckStanding.KEPT)


def _tokens(trial: Trial) -> tuple[int, int]:
    usage = trial.usage
    read = usage.input_tokens + usage.cache_read_input_tokens + usage.cache_creation_input_tokens
    return read, usage.output_tokens


def _money(dollars: object) -> str | None:
    return f"{dollars:.4f}" if isinstance(dollars, float) else None


def _items(counted: object) -> Sequence[tuple[str, int]]:
    return list(counted.items()) if isinstance(counted, dict) else []
