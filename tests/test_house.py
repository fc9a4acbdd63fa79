"""The rules of the house that no linter knows, and proof that each check sees a violation."""

import ast
import gc
import os
import re
import shutil
import subprocess
import sys
import textwrap
import tomllib
from collections import Counter
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path
from statistics import median

import grimp
import pytest

ROOT = Path(__file__).resolve().parents[1]
PACKAGES = ("consumer", "schemas")
# Each SDK has one door. A folder ends with a dot.
DOORS = {
    "aiokafka": ("consumer.adapters.kafka.",),
    "asyncpg": ("consumer.adapters.postgres.",),
    "redis": ("consumer.adapters.redis.",),
    "anthropic": ("consumer.adapters.anthropic.",),
    "azure": ("consumer.adapters.anthropic.",),
    "aiohttp": ("consumer.adapters.http.", "consumer.cli.demo."),
    "aiohttp_sse": ("consumer.adapters.http.console.",),
    "itsdangerous": ("consumer.adapters.http.console.",),
    "jinja2": ("consumer.adapters.http.console.",),
    "jgo": ("consumer.adapters.embedded.",),
    "opentelemetry": ("consumer.adapters.tracing.",),
    "psutil": ("consumer.adapters.embedded.",),
    "typer": ("consumer.cli.", "consumer.__main__"),
    "rich": ("consumer.cli.",),
}
WIDE = {"COLUMNS": "200"}  # no wrapped lines in what is read back
LONGEST_FILE_LINES = 320
USUAL_FILE_LINES = 110
MOST_FILES_IN_A_FOLDER = 14
SHARED_NAMES = {"main": "each program has its entry point"}
"""Public names that several modules may define, and why."""
EMPTY_NAMES = frozenset({"one", "found", "told"})
"""Names that say nothing of the thing that they name."""
WIRED_BY = ("consumer.adapters.", "consumer.wiring.", "consumer.cli.demo.")
"""Where objects of adapters are made."""
# At least one for each import contract of pyproject.toml.
WRONG_ARROWS = {
    "consumer/domain/arrow.py": "import asyncio, consumer.flows",
    "consumer/domain/bundle/arrow.py": "import consumer.domain.writing.prompt",
    "consumer/adapters/arrow.py": "import consumer.adapters.embedded",
    "consumer/adapters/postgres/core/arrow.py": "import consumer.adapters.postgres.intake.inbox",
    "consumer/flows/operation/arrow.py": "import asyncpg, consumer.adapters.embedded",
    "consumer/flows/intake/arrow.py": "import consumer.flows.relay",
    "schemas/arrow.py": "import consumer",
}

AT_THE_TOP = {
    ".ci", ".dockerignore", ".env.example", ".gitignore", "CHANGELOG.md", "CONTRIBUTING.md", "Dockerfile", "LICENSE",
    "Makefile", "README.md", "SECURITY.md", "consumer", "deploy", "docker-compose.yml", "docs", "pyproject.toml",
    "requirements-audit.lock", "requirements-clouds.lock", "requirements-run.lock", "requirements.lock", "schemas",
    "tests",
}  # fmt: skip


def tracked(*patterns: str) -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z", "--", *patterns], cwd=ROOT, check=True, capture_output=True)
    paths = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    return [path for path in paths if path.is_file()]


class TestWords:
    def test_a_public_name_means_one_thing(self) -> None:
        homes = _homes(*PACKAGES)
        assert len(homes) > 500
        shared = {name: modules for name, modules in homes.items() if len(modules) > 1}
        assert {name: modules for name, modules in shared.items() if name not in SHARED_NAMES} == {}
        assert set(SHARED_NAMES) <= set(shared), "an exception that nobody needs"

    def test_a_second_class_of_one_name_is_seen(self, tmp_path: Path) -> None:
        for module in ("here", "there"):
            (tmp_path / f"{module}.py").write_text("class Outcome:\n    pass\n", encoding="utf-8")
        assert _homes(str(tmp_path))["Outcome"] == ["here", "there"]

    def test_what_has_a_noun_has_it_as_its_name(self) -> None:
        assert list(_bound("for one in found:\n    told = lambda one: one\n")) == [("one", 1), ("told", 2), ("one", 2)]
        empty = {
            f"{path.relative_to(ROOT)}:{line}": name
            for path in tracked("consumer/*.py", "tests/*.py")
            for name, line in _bound(_text(path))
            if name.strip("_") in EMPTY_NAMES
        }
        assert empty == {}


@pytest.mark.skipif(not (ROOT / ".git").exists(), reason="not a git checkout")
class TestFiles:
    def test_no_file_names_a_package_registry(self) -> None:
        hosts = re.compile(r"(pypi|pythonhosted|maven|npmjs|crates|debian)[a-z0-9.-]*\.(org|io|com|net)")
        assert hosts.search("https://" + "pypi" + ".org/simple")
        assert [path for path in tracked() if hosts.search(_text(path))] == []

    def test_no_file_names_a_place_on_one_machine(self) -> None:
        places = re.compile(r"(^|[\s\"'(=])/(work|root|home/[a-z]+)/", flags=re.MULTILINE)
        assert places.search("cd " + "/wo" + "rk/main")
        assert [path for path in tracked() if places.search(_text(path))] == []

    def test_a_file_holds_one_noun(self) -> None:
        sizes = {path: len(_text(path).splitlines()) for path in tracked("consumer/*.py", "schemas/*.py")}
        assert len(sizes) > 200
        assert {str(path): lines for path, lines in sizes.items() if lines > LONGEST_FILE_LINES} == {}
        assert median(sizes.values()) <= USUAL_FILE_LINES

    def test_the_top_holds_what_belongs_there(self) -> None:
        """What a command leaves in the tree is not taken in with a change."""
        assert {path.relative_to(ROOT).parts[0] for path in tracked()} == AT_THE_TOP

    def test_a_folder_can_be_looked_over(self) -> None:
        rooms = Counter(path.parent for path in tracked("consumer/*.py"))
        assert len(rooms) > 20
        assert {str(room): files for room, files in rooms.items() if files > MOST_FILES_IN_A_FOLDER} == {}

    def test_a_package_names_its_modules(self) -> None:
        """A package's docstring names its modules in reading order, beside its law."""
        rooms = [path for path in tracked("consumer/*.py") if path.name == "__init__.py"]
        assert len(rooms) > 20
        for room in rooms:
            law = ast.get_docstring(_tree(_text(room))) or ""
            modules = {path.stem for path in room.parent.glob("*.py")} - {"__init__", "__main__"}
            assert not {name for name in modules if not re.search(rf"\b{name}\b", law)}, room

    def test_the_design_draws_the_rooms_of_the_domain_as_they_are(self) -> None:
        design = (ROOT / "consumer" / "DESIGN.md").read_text(encoding="utf-8")
        drawn = dict(
            re.findall(r"^    (\w+)/ +(.+)$", design.partition("  domain/")[2].partition("  flows/")[0], re.MULTILINE)
        )
        rooms = {room: {path.stem for path in (ROOT / "consumer" / "domain" / room).glob("*.py")} for room in drawn}
        assert len(rooms) > 10
        for room, modules in rooms.items():
            assert modules - {"__init__"} <= set(re.findall(r"\w+", drawn[room])), room

    def test_the_design_names_files_that_are_there(self) -> None:
        """Its table says where each rule of the contract lives."""
        design = (ROOT / "consumer" / "DESIGN.md").read_text(encoding="utf-8")
        table = design.partition("## Rule of the contract")[2].partition("## The tables")[0]
        named = re.findall(r"`([\w/]+(?:\.py|\.sql|/))`", table)
        assert len(named) > 50
        homes = (ROOT, ROOT / "consumer", ROOT / "consumer" / "domain")
        assert [name for name in named if not any((home / name).exists() for home in homes)] == []

    def test_packages_are_locked_with_checksums(self) -> None:
        for name in (
            "requirements.lock",
            "requirements-run.lock",
            "requirements-clouds.lock",
            "requirements-audit.lock",
        ):
            blocks = re.split(r"\n(?=[a-z0-9])", (ROOT / name).read_text(encoding="utf-8"))
            assert len(blocks) > 20
            assert [block for block in blocks if "==" not in block or "--hash=sha256:" not in block] == []


class TestArrows:
    def test_each_sdk_has_one_door(self) -> None:
        graph = grimp.build_graph(*PACKAGES, include_external_packages=True, cache_dir=None)
        for sdk, doors in DOORS.items():
            if sdk in graph.modules:
                users = graph.find_modules_that_directly_import(sdk)
                assert [user for user in users if not f"{user}.".startswith(doors)] == [], sdk

    def test_only_the_demo_starts_servers(self) -> None:
        graph = grimp.build_graph(*PACKAGES, cache_dir=None)
        inside = {"consumer.adapters.embedded", *graph.find_descendants("consumer.adapters.embedded")}
        users = {user for module in inside for user in graph.find_modules_that_directly_import(module)} - inside
        assert {user for user in users if not user.startswith("consumer.cli.demo")} == set()

    def test_no_modules_import_each_other(self) -> None:
        graph = grimp.build_graph(*PACKAGES, cache_dir=None)
        arrows = {module: graph.find_modules_directly_imported_by(module) for module in graph.modules}
        assert len(arrows) > 200
        TopologicalSorter(arrows).prepare()  # raises CycleError with the circle

    def test_objects_of_adapters_are_made_in_one_place(self) -> None:
        """The service, the commands and the tests of drafting get them from `consumer.wiring`."""
        made = dict(_made_of_adapters())
        assert any(module.startswith("consumer.wiring.") for module in made), "the walk sees something"
        assert {module: names for module, names in made.items() if not module.startswith(WIRED_BY)} == {}

    def test_starting_the_service_loads_nothing_of_the_demo(self) -> None:
        """The service runs without the extra. (The client of Redis loads psutil where the extra `traces` is there.)"""
        program = (
            "import sys, consumer.__main__, consumer.cli.main\n"
            "assert 'consumer.cli' in sys.modules\n"
            "print([name for name in sys.modules if name.startswith(('consumer.adapters.embedded', 'jgo'))])"
        )
        result = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True)
        assert result.stdout.strip() == "[]"

    def test_every_contract_sees_an_arrow_that_goes_the_wrong_way(self, tmp_path: Path) -> None:
        for package in PACKAGES:
            shutil.copytree(ROOT / package, tmp_path / package, ignore=shutil.ignore_patterns("__pycache__"))
        shutil.copy(ROOT / "pyproject.toml", tmp_path)
        for module, line in WRONG_ARROWS.items():
            (tmp_path / module).write_text(f"{line}\n", encoding="utf-8")
        linter = Path(sys.executable).with_name("lint-imports")
        result = subprocess.run(
            [linter, "--no-logo", "--no-cache"],
            cwd=tmp_path,
            env=dict(os.environ) | WIDE,
            check=False,
            capture_output=True,
            text=True,
        )
        contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
        broken = re.findall(r"^(.*) BROKEN", result.stdout, flags=re.MULTILINE)
        assert broken == [contract["name"] for contract in contracts], result.stdout


class TestTripwires:
    def test_each_tripwire_is_tripped(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("ANTHROPIC_API_KEY", "HTTPS_PROXY", "ESCALATION_TOPIC_PREFIX", "DATABASE_URL"):
            monkeypatch.setenv(name, "the caller's")
        body = """
            import asyncio, os, warnings

            async def test_leak():
                asyncio.create_task(asyncio.sleep(60))

            async def test_no_leak():
                await asyncio.create_task(asyncio.sleep(0))

            def test_warning():
                warnings.warn("careful")

            def test_environment():
                assert "the caller's" not in os.environ.values()
        """
        result = _pytest(tmp_path, body)
        assert "1 failed, 3 passed, 1 error" in result.stdout  # a leak is found after its test has passed
        assert "test_it.py::test_leak - AssertionError: tasks still running" in result.stdout
        assert "test_it.py::test_warning - UserWarning: careful" in result.stdout

    def test_given_servers_are_never_killed(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("KAFKA_BOOTSTRAP_SERVERS", "DATABASE_URL", "REDIS_URL"):
            monkeypatch.setenv(name, "x://127.0.0.1:9")
        body = (
            "import pytest\n\n\n@pytest.mark.kills_servers\n"
            "async def test_it(redis_server):\n    await redis_server.kill()\n"
        )
        result = _pytest(tmp_path, body)
        assert "servers: given" in result.stdout
        assert "1 skipped" in result.stdout

    def test_a_switch_that_says_something_else_is_refused(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("ESCALATION_TEST_SERVERS", "podman")
        result = _pytest(tmp_path, "def test_it():\n    pass\n")
        assert result.returncode == pytest.ExitCode.USAGE_ERROR
        assert "ESCALATION_TEST_SERVERS is 'podman'; it takes auto, given, shared, docker, embedded" in result.stderr


def _pytest(folder: Path, body: str) -> "subprocess.CompletedProcess[str]":
    """Runs pytest with the conftest of this project and one test."""
    (folder / "test_it.py").write_text(textwrap.dedent(body), encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-p", "tests.conftest", "-p", "no:cacheprovider", "-rsfE"]
    return subprocess.run(
        [*command, "-c", ROOT / "pyproject.toml", "--rootdir", folder, folder / "test_it.py"],
        cwd=ROOT,
        env=dict(os.environ) | WIDE,
        check=False,
        capture_output=True,
        text=True,
    )


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="ignore")


def _tree(source: str) -> ast.Module:
    """Parses without collecting garbage meanwhile.

    Hazard: Python 3.11 fails with `AST constructor recursion depth mismatch` when what is collected runs code, as the
    futures do that other tests' clients left behind.
    """
    gc.disable()
    try:
        return ast.parse(source)
    finally:
        gc.enable()


def _homes(*roots: str) -> dict[str, list[str]]:
    """The modules that define each public class or function."""
    homes: dict[str, list[str]] = {}
    for root in roots:
        folder = ROOT / root
        for path in sorted(folder.rglob("*.py")):
            for node in _tree(_text(path)).body:
                if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and node.name[0] != "_":
                    homes.setdefault(node.name, []).append(path.stem)
    return homes


def _bound(source: str) -> Iterator[tuple[str, int]]:
    """Every name that is given to a variable, a parameter or a function, with its line."""
    for node in ast.walk(_tree(source)):
        match node:
            case ast.Name(id=name, ctx=ast.Store()):
                yield name, node.lineno
            case ast.arg(arg=name) | ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, node.lineno
            case ast.MatchAs(name=str(name)):
                yield name, node.lineno
            case _:
                pass


def _made_of_adapters() -> Iterator[tuple[str, list[str]]]:
    """Each module and the adapter classes it calls."""
    for path in sorted((ROOT / "consumer").rglob("*.py")):
        tree = _tree(_text(path))
        classes = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("consumer.adapters")
            for alias in node.names
            if alias.name[0].isupper() and not alias.name.isupper()
        }
        calls = [
            node.func.id for node in ast.walk(tree) if isinstance(node, ast.Call) and isinstance(node.func, ast.Name)
        ]
        if made := sorted(classes.intersection(calls)):
            yield ".".join(path.relative_to(ROOT).with_suffix("").parts), made
