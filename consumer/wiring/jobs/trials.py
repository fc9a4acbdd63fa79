"""Trial drafts for the commands: the journal answers what it holds, the model everything else."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from consumer.adapters.journal import Journal
from consumer.errors import Permanent
from consumer.flows.drafting.trial import TrialDrafter
from consumer.settings import Settings
from consumer.wiring.model import open_model
from consumer.wiring.values import model_choice


@dataclass(frozen=True, slots=True, kw_only=True)
class JournaledDrafter:
    """A drafter that asks the model, and the journal that answers in its place where it can."""

    drafter: TrialDrafter
    journal: Journal


@asynccontextmanager
async def journaled_drafter(settings: Settings, answers: Path, *, fresh: bool) -> AsyncIterator[JournaledDrafter]:
    """`answers` is the journal's file. With `fresh` the model is asked again. Raises Permanent without a key."""
    async with open_model(settings) as model:
        if model is None:
            raise Permanent("There is no ANTHROPIC_API_KEY.")
        journal = Journal(answers, model.model, fresh=fresh)
        drafter = TrialDrafter(model=journal, choice=model_choice(settings), pace=model.pace, clock=time.monotonic)
        yield JournaledDrafter(drafter=drafter, journal=journal)
