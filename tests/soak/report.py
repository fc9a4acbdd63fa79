"""What a run says in the end."""

from dataclasses import asdict
from typing import Any

from rich.console import Console

from tests.soak.bills import Bills
from tests.soak.figures import Figures
from tests.soak.tenants import Tenant
from tests.soak.verdict import Verdict

_SHOWN = 40


def report(
    figures: Figures, verdict: Verdict, bills: Bills, tenants: list[Tenant], *, seed: int, seconds: float, real: bool
) -> dict[str, Any]:
    """As data, for a file."""
    return {
        "passed": not verdict.complaints,
        "seed": seed,
        "seconds": round(seconds),
        "faults": dict(sorted(figures.faults.items())),
        "sessions": figures.sessions,
        "real_histories": real,
        "records": figures.records,
        "requests": len(figures.requested),
        "answered": len(figures.answered),
        "outcomes": dict(figures.outcomes.most_common()),
        "planted_poison": verdict.planted,
        "dead_letters": verdict.dead_letters,
        "commands": dict(figures.commands.most_common()),
        "settled_in_seconds": [round(each, 1) for each in figures.settled_in],
        "spend": {
            tenant.tenant_id: {
                "wish": tenant.wish,
                "budget_usd": tenant.budget_usd,
                "paid_usd": round(bills.usd[tenant.tenant_id], 4),
                "of_it_for_answers_that_were_cut": round(bills.lost_usd[tenant.tenant_id], 4),
                "calls": bills.calls[tenant.tenant_id],
            }
            for tenant in tenants
        },
        "steady_replica": {
            "samples": [
                {name: value for name, value in asdict(sample).items() if name not in ("types", "containers")}
                for sample in figures.samples
            ],
            "trends": {
                name: line and {"per_request": line.slope, "error": line.error, "share": line.share}
                for name, line in verdict.trends.items()
            },
        },
        "log_lines": dict(verdict.lines.most_common()),
        "complaints": verdict.complaints,
    }


def show(console: Console, summary: dict[str, Any]) -> None:
    faults = ", ".join(f"{count} {kind}" for kind, count in summary["faults"].items())
    console.print(
        f"\nSeed {summary['seed']}, {summary['seconds']} s, {sum(summary['faults'].values())} faults: {faults}"
    )
    console.print(
        f"{summary['records']} records of {summary['sessions']} sessions; "
        f"{summary['answered']} of {summary['requests']} requests answered: {summary['outcomes']}"
    )
    console.print(f"{summary['planted_poison']} poisoned records, {summary['dead_letters']} dead letters")
    console.print(f"Spend: {summary['spend']}")
    console.print(f"Commands: {summary['commands']}; quiet after {summary['settled_in_seconds']} s")
    for name, line in summary["steady_replica"]["trends"].items():
        if line is not None:
            grown = f"{line['per_request']:+.4f} ± {line['error']:.4f} a request, {line['share']:+.1%} in all"
            console.print(f"Steady replica, {name}: {grown}")
    for complaint in summary["complaints"][:_SHOWN]:
        console.print(f"- {complaint}", markup=False)
    console.print("PASSED" if summary["passed"] else f"FAILED: {len(summary['complaints'])} complaints")
