""".env.example, made from the settings. `python -m tests.support.env_example` writes it."""

import textwrap
from pathlib import Path

from consumer.cli import settings_table

EXAMPLE = Path(__file__).resolve().parents[2] / ".env.example"
_HEAD = """\
# Every setting of the service, with its default. Copy this to .env and take the # away from what you set.
# docker-compose.yml sets the three addresses itself; POSTGRES_PASSWORD (default: escalation) is for its database too.
"""
_WIDTH = 120


def page() -> str:
    parts = [_HEAD]
    for row in settings_table.setting_rows():
        words = row.meaning if row.allowed in {"", "-"} else f"{row.meaning} Allowed: {row.allowed}."
        default = "" if row.default == "-" else row.default
        parts.append(
            "\n".join(
                [
                    *textwrap.wrap(words, _WIDTH - 2, initial_indent="# ", subsequent_indent="# "),
                    f"#{row.variable}={default}",
                    "",
                ]
            )
        )
    return "\n".join(parts)


if __name__ == "__main__":
    EXAMPLE.write_text(page(), encoding="utf-8")
