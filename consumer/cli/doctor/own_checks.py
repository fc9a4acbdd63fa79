"""The checks that need no server: the settings, and the prices of the models."""

import os
from collections.abc import Sequence
from datetime import datetime

from consumer import setting_sources
from consumer.domain.cost import prices
from consumer.flows.operation.checkup import Finding, doubtful, sound
from consumer.settings import Settings


class SettingsCheck:
    """Where the settings come from, and variables that look like one."""

    name = "settings"
    after: str | None = None

    def __init__(self, origins: dict[str, setting_sources.SettingOrigin]) -> None:
        self._origins = origins

    async def findings(self) -> Sequence[Finding]:
        kinds = [origin.kind for origin in self._origins.values()]
        said = (
            f"{kinds.count('environment')} from the environment, {kinds.count('file')} from files, "
            f"{kinds.count('default')} by default; none is misspelt"
        )
        doubts = [
            doubtful(sentence, "rename it, or unset it")
            for sentence in setting_sources.lookalikes(Settings, os.environ)
        ]
        return [sound(said), *doubts]


class ModelCostCheck:
    """Whether there is a model, and whether the dated table knows what it costs."""

    name = "cost"
    after: str | None = None

    def __init__(self, settings: Settings, now: datetime) -> None:
        self._settings = settings
        self._now = now

    async def findings(self) -> Sequence[Finding]:
        settings = self._settings
        if settings.model_access is None:
            return [doubtful("there is no key: rules draft every package, free of charge", "set ANTHROPIC_API_KEY")]
        models = dict.fromkeys(filter(None, (settings.model, settings.fallback_model, settings.check_model)))
        unpriced = [model for model in models if prices.price_of(model, at=self._now) is None]
        if unpriced:
            return [
                doubtful(
                    f"no price is known of {', '.join(unpriced)}: its calls count as no money, so that no budget holds",
                    "set ESCALATION_MODEL, ESCALATION_FALLBACK_MODEL and ESCALATION_CHECK_MODEL to known ones, or look "
                    "for a newer release",
                )
            ]
        budget = settings.monthly_budget_usd
        limit = "no monthly budget is set" if budget is None else f"the monthly budget is {budget:g} USD"
        return [sound(f"prices of {prices.AS_OF} are known of all models; {limit}")]


class EncryptionCheck:
    """Whether a connection beyond this machine can be read or answered by others."""

    name = "encryption"
    after: str | None = None

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    async def findings(self) -> Sequence[Finding]:
        if unprotected := self._settings.unprotected:
            return [
                doubtful(sentence, "ESCALATION_REQUIRE_TLS=true makes the start refuse it") for sentence in unprotected
            ]
        kept = "is refused" if self._settings.require_tls else "would only be told (ESCALATION_REQUIRE_TLS)"
        return [sound(f"every connection beyond this machine is verified by TLS; another one {kept}")]
