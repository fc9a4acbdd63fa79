"""README.md is true: its tables are generated, the tests it names exist, its links lead somewhere."""

import re

from tests.support import readme

ROOT = readme.README.parent
TEXT = readme.README.read_text(encoding="utf-8")


def test_the_tables_are_up_to_date() -> None:
    assert readme.written(TEXT) == TEXT, "run `python -m tests.support.readme`"


def test_every_link_leads_somewhere() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", TEXT)
    assert links
    assert [link for link in links if not (ROOT / link).exists()] == []


def test_every_guarantee_names_a_test_that_exists() -> None:
    guarantees = TEXT.partition("## What is guaranteed")[2].partition("\n## ")[0]
    rows = [line for line in guarantees.splitlines() if line.startswith("| ") and "---" not in line][1:]
    assert len(rows) >= 10
    for row in rows:
        named = re.findall(r"`(tests/[\w/]+\.py)(?:::(\w+))?`", row)
        assert named, row
        for path, function in named:
            assert (ROOT / path).is_file(), path
            if function:
                assert re.search(rf"^(?:async )?def {function}\(", (ROOT / path).read_text(), re.MULTILINE), function


def test_every_make_target_it_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    targets = set(re.findall(r"make (\w+)", TEXT)) - {"it"}
    assert targets
    assert [name for name in sorted(targets) if not re.search(rf"^{name}:", makefile, re.MULTILINE)] == []
