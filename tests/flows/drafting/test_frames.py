"""The number of frames from the loop to the model: a reader has to keep each in mind."""

import asyncio
import sys
from collections.abc import Iterator
from types import CoroutineType, FrameType
from typing import Any

import pytest
from anthropic.resources.messages import AsyncMessages

from tests.flows.drafting.steps import a_session, packages
from tests.support.model_server import Menu, ModelServer
from tests.support.replicas import Replicas
from tests.support.tables import Tables

MOST_FRAMES = 9


def running(frame: FrameType | None) -> Iterator[str]:
    """This project's functions in the stack of a task that runs, the innermost first."""
    while frame is not None:
        yield from ours(frame)
        frame = frame.f_back


def waiting(task: "asyncio.Task[Any]") -> Iterator[str]:
    """This project's functions in the stack of a task that waits, the outermost first."""
    coroutine: Any = task.get_coro()
    while isinstance(coroutine, CoroutineType):
        if coroutine.cr_frame is not None:
            yield from ours(coroutine.cr_frame)
        coroutine = coroutine.cr_await


def ours(frame: FrameType) -> Iterator[str]:
    if str(frame.f_globals.get("__name__", "")).startswith("consumer."):
        yield frame.f_code.co_qualname


async def test_a_piece_of_work_passes_few_frames_from_the_loop_to_the_sdk(
    replicas: Replicas, tables: Tables, model: ModelServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The first call, its repair, and the check of the repaired answer."""
    paths: list[list[str]] = []
    create = AsyncMessages.create

    async def seen(self: AsyncMessages, **arguments: Any) -> Any:
        works = [task for task in asyncio.all_tasks() if task.get_name() == "drafting-work"]
        if works:  # not the warm-up
            paths.append([*running(sys._getframe(1)), *waiting(works[0])])
        return await create(self, **arguments)

    monkeypatch.setattr(AsyncMessages, "create", seen)
    model.script(Menu(model).says("garbage"))
    await a_session(tables)
    await tables.add_request()
    async with replicas.start():
        await packages(tables)
    assert [path[2] for path in paths] == ["ModelCalls.ask", "ModelCalls.ask", "SecondReader._ask"]
    for path in paths:
        assert path[:2] == ["Anthropic.draft", "AccountedModel.draft"]
        assert path[-3:] == ["Drafting._guarded", "Worker.do", "Worker._with_model"], path
        assert len(path) <= MOST_FRAMES + 3 * ("SecondReader._ask" in path), path
