"""Apache Kafka, PostgreSQL and Redis as real processes on loopback, from packages, without Docker.

Law: a server ends with the process that started it, however that process ends. A server listens on 127.0.0.1 alone and
keeps its data in the folder it was given. The demo and the tests use this package; the service itself never imports it.

The files in reading order: servers (all three), kafka, postgres, redis; what they are made of: packages, jars, jvm,
account; how they run: process, watchdog, ports, progress, errors. `locked` holds what locks their doors.
"""

from consumer.adapters.embedded.errors import EmbeddedError
from consumer.adapters.embedded.kafka import Kafka
from consumer.adapters.embedded.locked import Locks
from consumer.adapters.embedded.postgres import Postgres
from consumer.adapters.embedded.progress import ProgressCallback, StartProgress
from consumer.adapters.embedded.redis import Redis
from consumer.adapters.embedded.servers import ServerName, Servers

__all__ = [
    "EmbeddedError",
    "Kafka",
    "Locks",
    "Postgres",
    "ProgressCallback",
    "Redis",
    "ServerName",
    "Servers",
    "StartProgress",
]
