"""Options that many commands share. Light: a command that is called wrongly loads nothing else."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for programs.")]
Tenant = Annotated[str | None, typer.Option(help="Only this tenant; needed where several tenants have the session id.")]
Limit = Annotated[int, typer.Option(min=1, max=1_000_000, help="Show at most this many rows.")]
