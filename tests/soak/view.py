"""What a run shows while it lasts: a table that is drawn again each second, or a line now and then."""

import time
from typing import Self

from rich.console import Console
from rich.live import Live
from rich.table import Table

from tests.soak.figures import Figures

LINE_SECONDS = 10.0


class View:
    """`with View(…) as view:`, and `view.draw()` each second."""

    def __init__(self, figures: Figures, *, minutes: float, seed: int) -> None:
        self._figures = figures
        self._minutes = minutes
        self._seed = seed
        self._begun = time.monotonic()
        self._console = Console()
        self._live = Live(console=self._console, auto_refresh=False) if self._console.is_terminal else None
        self._said_at = 0.0

    def __enter__(self) -> Self:
        if self._live is not None:
            self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        if self._live is not None:
            self._live.stop()

    def draw(self) -> None:
        if self._live is not None:
            self._live.update(self._table(), refresh=True)
        elif time.monotonic() - self._said_at >= LINE_SECONDS:
            self._said_at = time.monotonic()
            self._console.print(self._line(), highlight=False, soft_wrap=True)

    def _line(self) -> str:
        figures = self._figures
        replicas = " ".join(
            f"{name}:{seen.get('rss_mb', 0):.0f}MB/{seen.get('descriptors', 0):.0f}fd/{seen.get('tasks', 0):.0f}t"
            for name, seen in sorted(figures.replicas.items())
        )
        return (
            f"{self._elapsed()} {figures.phase}: {figures.faults.total()} faults, {len(figures.answered)} of "
            f"{len(figures.requested)} requests answered, lag {_known(figures.lag)}, {replicas}"
            + (f", {len(figures.complaints)} complaints" if figures.complaints else "")
        )

    def _elapsed(self) -> str:
        minutes, seconds = divmod(int(time.monotonic() - self._begun), 60)
        return f"{minutes:02}:{seconds:02}"

    def _table(self) -> Table:
        figures = self._figures
        table = Table(title=f"Soak, seed {self._seed}: {self._elapsed()} of {self._minutes:g} minutes, {figures.phase}")
        table.add_column("what")
        table.add_column("now", justify="right")
        rows: list[tuple[str, str]] = [
            ("sessions sent", str(figures.sessions)),
            ("requests sent / answered", f"{len(figures.requested)} / {len(figures.answered)}"),
            ("lag of intake, records", _known(figures.lag)),
            ("replicas up", str(len(figures.replicas))),
            *(
                (
                    f"  replica {name}: MB, descriptors, tasks",
                    " ".join(_known(seen.get(each)) for each in ("rss_mb", "descriptors", "tasks")),
                )
                for name, seen in sorted(figures.replicas.items())
            ),
            ("faults", str(figures.faults.total())),
            *((f"  {kind}", str(count)) for kind, count in sorted(figures.faults.items())),
            ("complaints", str(len(figures.complaints))),
        ]
        for row in rows:
            table.add_row(*row)
        return table


def _known(figure: float | None) -> str:
    return "?" if figure is None else f"{figure:.0f}"
