"""The start does not block the event loop."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
PROGRAM = """
import asyncio
from consumer.wiring.model import open_model
from consumer.settings import read_settings

async def main():
    turns = 0

    async def turn():
        nonlocal turns
        while True:
            await asyncio.sleep(0.005)
            turns += 1

    turning = asyncio.create_task(turn())
    async with open_model(read_settings()) as model:
        assert model is not None
        print(turns)
    turning.cancel()

asyncio.run(main())
"""


def test_the_event_loop_turns_while_the_sdk_is_loaded() -> None:
    """Otherwise /livez and /readyz are silent meanwhile: on a busy machine for ten seconds and more."""
    environment = {"ANTHROPIC_API_KEY": "sk-ant-test-only"}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM], cwd=ROOT, env=environment, check=True, capture_output=True, text=True
    )
    assert int(done.stdout) > 20
