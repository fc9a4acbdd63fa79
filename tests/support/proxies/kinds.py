"""What the service asks its servers, kind by kind. A kind that is not here is noticed by the tests of proxies."""

from collections.abc import Mapping
from dataclasses import dataclass

KAFKA, POSTGRES, REDIS, MODEL = "kafka", "postgres", "redis", "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Kind:
    """One kind of request."""

    in_doubt: str
    """What nobody knows when its answer is lost."""
    repeats: bool = True
    """Whether the server may get it twice. Where a connection has a state, a second copy would be another request."""
    always: bool = True
    """Whether every scenario has it. The others come with chance: a rebalance, a retry, the end."""


_NOTHING = "nothing: it only asks"


def _kafka() -> dict[str, Kind]:
    return {
        "Produce": Kind(in_doubt="whether the events are appended"),
        "Fetch": Kind(in_doubt=_NOTHING),
        "ListOffsets": Kind(in_doubt=_NOTHING),
        "Metadata": Kind(in_doubt=_NOTHING),
        "OffsetCommit": Kind(in_doubt="whether the position of reading is committed"),
        "OffsetFetch": Kind(in_doubt=_NOTHING),
        "FindCoordinator": Kind(in_doubt=_NOTHING),
        "JoinGroup": Kind(in_doubt="whether the group has another member"),
        "SyncGroup": Kind(in_doubt="who has which partitions"),
        "Heartbeat": Kind(in_doubt="whether the group still counts this member"),
        "LeaveGroup": Kind(in_doubt="whether the group still counts this member"),
        "ApiVersions": Kind(in_doubt=_NOTHING),
        "InitProducerId": Kind(in_doubt="whose epoch is the newest"),
        "AddPartitionsToTxn": Kind(in_doubt="whether the transaction has the partitions"),
        "AddOffsetsToTxn": Kind(in_doubt="whether the transaction has the group"),
        "TxnOffsetCommit": Kind(in_doubt="whether the transaction has the outbox position"),
        "EndTxn": Kind(in_doubt="whether the transaction is committed"),
        "DescribeConfigs": Kind(in_doubt=_NOTHING, always=False),
        "CreateTopics": Kind(in_doubt="whether the topics are there", always=False),
        "ListGroups": Kind(in_doubt=_NOTHING, always=False),
        "DescribeGroups": Kind(in_doubt=_NOTHING, always=False),
    }


def _postgres() -> dict[str, Kind]:
    stateful = {"repeats": False}
    return {
        "question of TLS": Kind(in_doubt=_NOTHING, **stateful),
        "connect": Kind(in_doubt="whether a session is open", **stateful),
        "prepare": Kind(in_doubt="whether the statement has a name", **stateful),
        "set": Kind(in_doubt="whether the session is bounded"),
        "begin": Kind(in_doubt="whether a transaction is open", **stateful),
        "commit": Kind(in_doubt="whether the transaction is committed"),
        "rollback": Kind(in_doubt="whether the transaction is undone", always=False),
        "savepoint": Kind(in_doubt="nothing: the transaction is lost", always=False, **stateful),
        "read": Kind(in_doubt=_NOTHING),
        "write": Kind(in_doubt="whether it is done", **stateful),
        "read in transaction": Kind(in_doubt="nothing: the transaction is lost"),
        "write in transaction": Kind(in_doubt="nothing: the transaction is lost", **stateful),
        "copy": Kind(in_doubt="nothing: the transaction is lost", **stateful),
        "listen": Kind(in_doubt="whether hints come"),
        "notification": Kind(in_doubt="whether there is work"),
        "forget statement": Kind(in_doubt=_NOTHING, always=False, **stateful),
        "end of a failed statement": Kind(in_doubt=_NOTHING, always=False, **stateful),
        "cancel": Kind(in_doubt="whether the statement still runs", always=False),
        "terminate": Kind(in_doubt="whether the session is over", always=False),
    }


def _redis() -> dict[str, Kind]:
    return {
        "HELLO": Kind(in_doubt=_NOTHING, always=False),
        "CLIENT": Kind(in_doubt=_NOTHING, always=False),
        "GET": Kind(in_doubt=_NOTHING, always=False),
        "HMGET": Kind(in_doubt=_NOTHING),
        "EVAL": Kind(in_doubt="whether the draft is kept"),
        "MULTI": Kind(in_doubt=_NOTHING, repeats=False),
        "EXEC": Kind(in_doubt="whether the writer is admitted", repeats=False),
        "HDEL": Kind(in_doubt="whether the writer is still admitted", always=False),
        "DEL": Kind(in_doubt="whether the session is forgotten", always=False),
        "UNLINK": Kind(in_doubt="whether the session is forgotten", always=False),
        "SET": Kind(in_doubt="whether the others hold back", always=False),
        "EXISTS": Kind(in_doubt=_NOTHING, always=False),
        "PTTL": Kind(in_doubt=_NOTHING, always=False),
        "PING": Kind(in_doubt=_NOTHING, always=False),
        "INFO": Kind(in_doubt=_NOTHING, always=False),
    }


def _model() -> dict[str, Kind]:
    return {
        "draft": Kind(in_doubt="whether it was paid for"),
        "check": Kind(in_doubt="whether it was paid for"),
        "question": Kind(in_doubt=_NOTHING, always=False),
    }


KINDS: Mapping[str, Mapping[str, Kind]] = {KAFKA: _kafka(), POSTGRES: _postgres(), REDIS: _redis(), MODEL: _model()}
"""By server."""
