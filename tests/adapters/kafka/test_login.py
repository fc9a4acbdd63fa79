"""How a client logs in to Kafka: certificates, passwords and tokens are those of the moment, and failures are told."""

import asyncio
import json
import ssl
import sys
import time
from pathlib import Path

import pytest

from consumer.adapters.kafka.client import KafkaConnection, connection
from consumer.adapters.kafka.login import NoToken, RenewedContext, RenewedPassword, TlsFiles, TokenProvider
from consumer.settings import read_settings
from tests.support.certificates import Authority, TokenSigner


def provider(*command: str, text: str | None = None, seconds: float = 4.0) -> TokenProvider:
    return TokenProvider(held=lambda: text, command=command, seconds=seconds)


def printing(text: str, counter: Path | None = None) -> tuple[str, ...]:
    """A command that prints the text, and leaves a sign in `counter` each time."""
    noting = "" if counter is None else f"open({str(counter)!r}, 'a').write('x');"
    return sys.executable, "-c", f"{noting}print({text!r})"


@pytest.fixture(scope="module")
def signer(tmp_path_factory: pytest.TempPathFactory) -> TokenSigner:
    return TokenSigner(tmp_path_factory.mktemp("keys"))


class TestCommand:
    async def test_a_token_is_kept_until_shortly_before_it_expires(self, signer: TokenSigner, tmp_path: Path) -> None:
        runs = tmp_path / "runs"
        long = provider(*printing(signer.token("me", seconds=600), runs))
        assert await long.token() == await long.token()
        assert len(runs.read_text()) == 1
        short = provider(*printing(signer.token("me", seconds=40), runs))
        await short.token()
        short._clock = lambda: time.time() + 30
        await short.token()
        assert len(runs.read_text()) == 3

    async def test_json_of_a_token_endpoint_is_read(self, tmp_path: Path) -> None:
        runs = tmp_path / "runs"
        answer = json.dumps({"access_token": "opaque-1", "expires_in": 300, "token_type": "Bearer"})
        made = provider(*printing(answer, runs))
        assert [await made.token(), await made.token()] == ["opaque-1"] * 2
        assert len(runs.read_text()) == 1

    async def test_a_token_that_tells_no_end_is_fetched_for_each_connection(self, tmp_path: Path) -> None:
        runs = tmp_path / "runs"
        made = provider(*printing("opaque-2", runs))
        await made.token()
        await made.token()
        assert len(runs.read_text()) == 2

    async def test_many_connections_at_once_run_it_once(self, signer: TokenSigner, tmp_path: Path) -> None:
        runs = tmp_path / "runs"
        made = provider(*printing(signer.token("me"), runs))
        await asyncio.gather(*(made.token() for _ in range(5)))
        assert len(runs.read_text()) == 1

    async def test_one_that_hangs_is_ended_with_its_children(self, tmp_path: Path) -> None:
        mark = tmp_path / "child"
        child = f"import time; time.sleep(1.5); open({str(mark)!r}, 'w')"
        program = f"import subprocess, sys, time; subprocess.Popen([sys.executable, '-c', {child!r}]); time.sleep(60)"
        begun = time.monotonic()
        with pytest.raises(NoToken, match="has not ended within 1 s"):
            await provider(sys.executable, "-c", program, seconds=1.0).token()
        assert time.monotonic() - begun < 4
        await asyncio.sleep(1.5)
        assert not mark.exists()

    @pytest.mark.parametrize(
        ("command", "reason"),
        [
            ((sys.executable, "-c", "print('hunter2'); raise SystemExit(3)"), "ended with code 3"),
            (("/no/such/program",), "cannot be run: No such file"),
            (printing("two words hunter2"), "no token"),
            (printing("x\x01auth=hunter2"), "no token"),
            (printing(""), "no token"),
            (printing('{"token": "hunter2"}'), "no `access_token`"),
            (printing('{"access_token": "a", "expires_in": "hunter2"}'), "no number"),
            ((sys.executable, "-c", "while True: print('hunter2' * 1000)"), "more than 64 KiB"),
        ],
    )
    async def test_a_failure_says_why_and_quotes_nothing(self, command: tuple[str, ...], reason: str) -> None:
        with pytest.raises(NoToken, match=reason) as refused:
            await provider(*command).token()
        assert "hunter2" not in str(refused.value)

    async def test_one_failure_is_logged_once(self, signer: TokenSigner) -> None:
        made = provider(*printing(signer.token("me", seconds=-60)))
        texts = set()
        for _ in range(2):
            with pytest.raises(NoToken) as refused:
                await made.token()
            texts.add(refused.value.reason)
        assert len(texts) == 1, "a text that changes each time is told each time"

    async def test_an_expired_token_is_refused_before_it_is_sent(self, signer: TokenSigner) -> None:
        expired = signer.token("me", seconds=-60)
        with pytest.raises(NoToken, match=r"expired at 20\d\d-"):
            await provider(text=expired).token()
        with pytest.raises(NoToken, match=r"expired at 20\d\d-"):
            await provider(*printing(expired)).token()


class TestRenewal:
    def test_a_new_certificate_counts_from_the_next_connection_on(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        issued = authority.issue("me")
        files = TlsFiles(authorities=str(authority.certificate), certificate=str(issued.both), key=None)
        context = RenewedContext.of(files, lambda: None)
        first = context.current()
        assert context.current() is first
        issued.both.write_text("half of a file")
        assert context.current() is first, "what cannot be used changes nothing"
        authority.issue("me")
        assert context.current() is not first
        assert isinstance(context.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname="a"), ssl.SSLObject)

    def test_the_host_name_is_checked(self, tmp_path: Path) -> None:
        authority = Authority(tmp_path)
        files = TlsFiles(authorities=str(authority.certificate), certificate=None, key=None)
        context = RenewedContext.of(files, lambda: None)
        for each in (context, context.current()):
            assert each.check_hostname
            assert each.verify_mode is ssl.CERT_REQUIRED

    def test_the_password_is_that_of_the_moment(self) -> None:
        held = ["first"]
        password = RenewedPassword.of(lambda: held[0])
        held[0] = "second"
        assert password.encode("utf-8") == b"second"

    def test_each_client_of_plain_gets_the_password_of_its_start(
        self, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
    ) -> None:
        file = tmp_path / "password"
        file.write_text("first\n")
        for name, value in {
            "SECURITY_PROTOCOL": "SASL_PLAINTEXT",
            "SASL_USERNAME": "me",
            "SASL_PASSWORD_FILE": str(file),
        }.items():
            monkeypatch.setenv(f"ESCALATION_KAFKA_{name}", value)
        made = connection(read_settings())
        assert dict(**made)["sasl_plain_password"] == "first"
        file.write_text("the second")
        assert dict(**made)["sasl_plain_password"] == "the second"
        file.unlink()
        assert dict(**made)["sasl_plain_password"] == "the second"
        assert "second" not in repr(made)

    def test_plain_settings_stay_as_they_are(self) -> None:
        made = KafkaConnection({"client_id": "x"})
        assert (dict(made), len(made)) == ({"client_id": "x"}, 1)
