"""What a call costs: by the model's one name, the day of the call and the length of its prompt."""

import json
from datetime import UTC, datetime

import genai_prices
import pytest

from consumer.domain.cost import prices
from consumer.domain.cost.model_ids import plain_id
from schemas.packages import Usage

MILLION = 1_000_000
NOW = datetime(2026, 11, 28, tzinfo=UTC)
SPELLINGS = {
    "claude-sonnet-5-5": [
        "claude-sonnet-5-5",
        "claude-sonnet-5-5-20260801",
        "anthropic.claude-sonnet-5-5",
        "anthropic.claude-sonnet-5-5-v1:0",
        "eu.anthropic.claude-sonnet-5-5-v1:0",
        "us-gov.anthropic.claude-sonnet-5-5-20260801-v1:0",
        "global.anthropic.claude-sonnet-5-5-v1:0:200k",
        "arn:aws:bedrock:eu-central-1:123456789012:inference-profile/eu.anthropic.claude-sonnet-5-5-v1:0",
        "claude-sonnet-5-5@20260801",
        "claude-sonnet-5-5@default",
    ],
    "claude-sonnet-5": ["eu.anthropic.claude-sonnet-5-v1:0", "claude-sonnet-5@20260201"],
    "claude-haiku-5-5": ["apac.anthropic.claude-haiku-5-5-20261001-v1:0", "claude-haiku-5-5@20261001"],
}
OTHERS = ["my-deployment", "gateway/claude-sonnet-5-5", "eu.mistral.large-v1:0", "anthropic.titan-v1:0", ""]


@pytest.mark.parametrize(("name", "spelt"), [(name, spelt) for name, ids in SPELLINGS.items() for spelt in ids])
def test_a_model_has_one_name_and_one_price_wherever_it_runs(name: str, spelt: str) -> None:
    assert plain_id(spelt) == name
    assert prices.price_of(spelt, at=NOW) is prices.price_of(name, at=NOW) is not None


@pytest.mark.parametrize("other", OTHERS)
def test_an_id_of_another_form_stays_as_it_is_and_has_no_price(other: str) -> None:
    assert plain_id(other) == other
    assert prices.price_of(other, at=NOW) is None


def test_a_later_model_has_no_price_of_an_earlier_one() -> None:
    assert prices.price_of("claude-sonnet-5-7", at=NOW) is None


def test_a_price_holds_from_its_day_on() -> None:
    read = Usage(cache_read_input_tokens=MILLION)
    dollars = []
    for at in ("2026-10-06T23:59:59+00:00", "2026-10-07T00:00:00+00:00", "2026-10-07T01:00:00+02:00"):
        price = prices.price_of("claude-sonnet-5-5", at=datetime.fromisoformat(at))
        assert price is not None
        dollars.append(price.of(read))
    assert dollars == pytest.approx([0.2, 0.1, 0.2])


def test_a_long_prompt_is_dear_to_its_last_token() -> None:
    price = prices.price_of("claude-haiku-5-5", at=NOW)
    assert price is not None
    assert price.of(Usage(input_tokens=100_000, output_tokens=1_000)) == pytest.approx(0.0105)
    assert price.of(Usage(input_tokens=60_000, cache_read_input_tokens=40_001)) == pytest.approx(0.03200005)
    assert price.of(Usage(input_tokens=150_000), calls=2) == pytest.approx(0.015), "two calls that are not long"


def test_a_plan_that_was_stored_by_an_earlier_release_keeps_its_price() -> None:
    stored = json.loads('{"input": 2.0, "output": 10.0}')
    assert prices.Price(**stored).of(Usage(cache_read_input_tokens=MILLION)) == pytest.approx(0.2)


@pytest.mark.parametrize("model", prices.PRICES)
@pytest.mark.parametrize("prompt_tokens", [20_000, 100_000, 100_001, 300_000])
def test_the_table_is_that_of_a_kept_library(model: str, prompt_tokens: int) -> None:
    """The library knows today's prices alone, so only the newest row of the table is held against it."""
    usage = Usage(
        input_tokens=prompt_tokens - 9_000,
        cache_read_input_tokens=7_000,
        cache_creation_input_tokens=2_000,
        output_tokens=700,
    )
    kept = genai_prices.calc_price(
        genai_prices.Usage(
            input_tokens=prompt_tokens, cache_read_tokens=7_000, cache_write_tokens=2_000, output_tokens=700
        ),
        model,
        provider_id="anthropic",
    )
    price = prices.price_of(model, at=datetime.now(UTC))
    assert price is not None
    assert price.of(usage) == pytest.approx(float(kept.total_price))
