"""Stands for kafka-acls.sh: understands what deploy/kafka/acls.sh says, and adds those rights at the real broker.

The jars of the embedded broker hold no tools. A program notes how it was called; `bindings` reads its notes.
"""

import argparse
from collections.abc import Iterable, Iterator
from pathlib import Path

from aiokafka.client import AIOKafkaClient
from aiokafka.protocol.admin import CreateAclsRequest

TOPIC, GROUP, TRANSACTIONAL_ID = 2, 3, 5
_OPERATIONS = {"Read": 3, "Write": 4, "Create": 5, "Describe": 8, "DescribeConfigs": 10}
_LITERAL, _ALLOW = 3, 3
_END = "--end--"

Binding = tuple[int, str, str, int]
"""The kind of a resource, its name, who may, and the number of the operation."""


def program(notes: Path) -> str:
    """The text of a program that notes its arguments, as kafka-acls.sh would be given them."""
    return f"""#!/bin/sh\nprintf '%s\\n' "$@" '{_END}' >>'{notes}'\n"""


async def add(bootstrap_servers: str, wanted: Iterable[Binding]) -> None:
    """Raises AssertionError where the broker refuses one."""
    client = AIOKafkaClient(bootstrap_servers=bootstrap_servers)
    await client.bootstrap()
    try:
        for kind, name, principal, operation in wanted:
            request = CreateAclsRequest(kind, name, _LITERAL, principal, "*", operation, _ALLOW)
            answer = await client.send(client.get_random_node(), request)
            assert [code for code, _ in answer.creation_responses] == [0], answer
    finally:
        await client.close()


def bindings(notes: str) -> Iterator[Binding]:
    """Raises SystemExit for what kafka-acls.sh would not take."""
    parser = argparse.ArgumentParser(exit_on_error=True)
    parser.add_argument("--bootstrap-server", required=True)
    parser.add_argument("--add", action="store_true", required=True)
    parser.add_argument("--allow-principal", required=True)
    parser.add_argument("--operation", action="append", required=True, choices=list(_OPERATIONS))
    parser.add_argument("--topic", action="append", default=[])
    parser.add_argument("--group", action="append", default=[])
    parser.add_argument("--transactional-id", action="append", default=[])
    for call in notes.split(f"{_END}\n")[:-1]:
        given = parser.parse_args(call.splitlines())
        named = {TOPIC: given.topic, GROUP: given.group, TRANSACTIONAL_ID: given.transactional_id}
        for kind, names in named.items():
            for name in names:
                for operation in given.operation:
                    yield kind, name, given.allow_principal, _OPERATIONS[operation]
