"""Images by digest: none stands without one, and a registry is asked as registries are."""

import re
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import yaml

from tests.supply import images, pinning
from tests.support.compose import ROOT

DIGEST = "sha256:" + "ab" * 32


class Registry(ThreadingHTTPServer):
    """Answers as a registry does: 401 with the address of a token first, then the digest in a header."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.asked: list[str] = []
        self.digest = DIGEST


class _Answers(BaseHTTPRequestHandler):
    server: Registry

    def do_HEAD(self) -> None:
        self.server.asked.append(self.path)
        if self.headers["Authorization"] != "Bearer for-anybody":
            self.send_response(401)
            scope = f'realm="{self.server.url}/token",service="registry",scope="repository:x:pull"'
            self.send_header("WWW-Authenticate", f"Bearer {scope}")
        else:
            assert "image.index" in self.headers["Accept"]
            self.send_response(200)
            self.send_header("Docker-Content-Digest", self.server.digest)
        self.end_headers()

    def do_GET(self) -> None:
        assert "scope=repository%3Ax%3Apull" in self.path
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b'{"token": "for-anybody"}')

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 -- the name is the library's
        pass


@pytest.fixture
def registry() -> Iterator[Registry]:
    with Registry() as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True, name="registry")
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def copied(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The files that name images, where they may be changed."""
    for name in ("Dockerfile", "docker-compose.yml"):
        (tmp_path / name).write_bytes((ROOT / name).read_bytes())
    monkeypatch.setattr(images, "ROOT", tmp_path)
    return tmp_path


def test_every_image_is_pinned_by_a_digest() -> None:
    assert images.unpinned() == set()
    assert all(re.fullmatch(r"sha256:[0-9a-f]{64}", image.digest) for image in images.named())


def test_every_image_stands_in_one_place() -> None:
    tagged = [image.tagged for image in images.named()]
    assert len(tagged) == len(set(tagged))
    composed = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))["services"].values()
    others = {service["image"].partition("@")[0] for service in composed} - {images.OURS}
    assert others | {"python:3.13-slim"} == set(tagged), "a way of naming images that is not seen"


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("FROM python:3 AS base\nFROM base AS build\nFROM base\n", [("python:3", "")]),
        (f"    image: a/b:1@{DIGEST} # why\n", [("a/b:1", DIGEST)]),
        ("  - image: 'host:5000/x:2'\n    image: registry.example/escalation-consumer:1\n", [("host:5000/x:2", "")]),
        ("# image: x:1\n", []),
    ],
)
def test_an_image_is_seen_however_it_is_named(text: str, seen: list[tuple[str, str]]) -> None:
    assert [(image.tagged, image.digest) for image in images.in_text(Path("x"), text)] == seen


def test_a_dry_run_writes_nothing(copied: Path, registry: Registry, capsys: pytest.CaptureFixture[str]) -> None:
    before = (copied / "docker-compose.yml").read_bytes()
    assert pinning.main([f"--registry={registry.url}"]) == 0
    out = capsys.readouterr().out
    assert f"redis:8-alpine@{DIGEST} in place of sha256:" in out
    assert "WRITE=1" in out
    assert (copied / "docker-compose.yml").read_bytes() == before


def test_digests_are_written_where_the_images_stand(copied: Path, registry: Registry) -> None:
    kept = yaml.safe_load((copied / "docker-compose.yml").read_text(encoding="utf-8"))
    assert pinning.main(["--write", f"--registry={registry.url}"]) == 0
    assert {image.digest for image in images.named()} == {DIGEST}
    assert (copied / "Dockerfile").read_text(encoding="utf-8").startswith(f"FROM python:3.13-slim@{DIGEST} AS base\n")
    assert "/v2/library/redis/manifests/8-alpine" in registry.asked
    assert "/v2/grafana/grafana/manifests/12.1.0" in registry.asked
    for service in kept["services"].values():
        if service["image"] != images.OURS:
            service["image"] = f"{service['image'].partition('@')[0]}@{DIGEST}"
    assert yaml.safe_load((copied / "docker-compose.yml").read_text(encoding="utf-8")) == kept, "nothing else changed"
    # A later run renews them.
    registry.digest = "sha256:" + "cd" * 32
    assert pinning.main(["--write", f"--registry={registry.url}"]) == 0
    assert {image.digest for image in images.named()} == {registry.digest}


def test_nothing_is_written_when_a_registry_does_not_answer(
    copied: Path, registry: Registry, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (copied / "docker-compose.yml").read_bytes()
    registry.digest = "latest"
    assert pinning.main(["--write", f"--registry={registry.url}"]) == 1
    assert "the answer names no digest" in capsys.readouterr().out
    assert pinning.main(["--write", "--registry=http://127.0.0.1:9"]) == 1
    assert "--registry=URL" in capsys.readouterr().err
    assert (copied / "docker-compose.yml").read_bytes() == before
