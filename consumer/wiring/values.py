"""Turns settings into the values that domain and flows take."""

import hashlib
import os
import socket

from consumer.domain.package.package import Sender
from consumer.domain.request.schedule import RevisionRules
from consumer.flows.drafting.calls.choice import ModelChoice
from consumer.flows.retention import DAY_SECONDS, RetentionRules
from consumer.settings import Settings
from schemas.topics import Topics


def sender(settings: Settings) -> Sender:
    return Sender(topics=Topics(settings.topic_prefix), source=settings.source)


def consumer_group(settings: Settings) -> str:
    """The name of the consumer group, with the topic prefix."""
    return settings.topic_prefix + settings.consumer_group


def process_name(settings: Settings) -> str:
    """The name of this process for others to see; with an instance id it is the name of the one before, too."""
    instance = settings.instance_id
    return f"{socket.gethostname()}:{os.getpid()}" if instance is None else f"instance {instance}"


def work_name(settings: Settings) -> str:
    """The name of the connections for work: leases are held under it. With an instance id it is this replica's own."""
    instance = settings.instance_id
    return "work" if instance is None else f"work-{hashlib.sha256(instance.encode()).hexdigest()[:16]}"


def revision_rules(settings: Settings) -> RevisionRules:
    return RevisionRules(
        after_seconds=settings.revise_after_seconds,
        window_seconds=settings.revise_window_seconds,
        limit=settings.revise_limit,
    )


def retention_rules(settings: Settings, *, days: float | None = None) -> RetentionRules | None:
    """The rules of the settings, with `days` in place of ESCALATION_RETENTION_DAYS if given; None keeps everything."""
    if not (days if days is not None else settings.retention_days):
        return None
    keys = settings.key_retention_days
    return RetentionRules(
        content_seconds=(settings.retention_days if days is None else days) * DAY_SECONDS,
        keys_seconds=keys * DAY_SECONDS if keys else None,
        window_seconds=settings.revise_window_seconds,
    )


def model_choice(settings: Settings) -> ModelChoice:
    return ModelChoice(
        name=settings.model,
        other_name=settings.fallback_model,
        max_tokens=settings.model_max_tokens,
        reader_name=settings.check_model,
    )
