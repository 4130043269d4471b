"""Nodes with different models: a request may name one; 重新识别 with another one is another version."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from domain.errors import InvalidOptions
from domain.node import NodeJob, NodeProgress, NodeResult, NodeStatus
from domain.recognition import CacheOutcome, Status
from tests.helpers.house import ME, House, house
from tests.helpers.scripted import OTHER_URL, URL, ScriptedPool
from tests.helpers.sounds import tone, write_sound


@dataclass
class TwoModels(ScriptedPool):
    """The second node has a model of its own."""

    urls: tuple[str, ...] = (URL, OTHER_URL)  # type: ignore[assignment]

    def statuses(self) -> list[NodeStatus]:
        first, second = super().statuses()
        assert second.report
        return [first, replace(second, report=replace(second.report, model="second", fingerprint="f2"))]

    async def recognise(
        self, node_url: str, job: NodeJob, audio: Path, on_progress: Callable[[NodeProgress], Awaitable[None]]
    ) -> NodeResult:
        result = await super().recognise(node_url, job, audio, on_progress)
        return replace(result, model="second", fingerprint="f2") if node_url == OTHER_URL else result


async def again(it: House, recognition_id: str, model: str) -> tuple[str, str | None, str | None]:
    old = await it.history.get(recognition_id, visitor=ME)
    options = old.options.with_changes(model=model)
    begun = await it.transcription.submit_again(recognition_id, options, visitor=ME)
    done = await it.transcription.wait(begun.id, visitor=ME, timeout_seconds=90)
    assert done.status is Status.SUCCEEDED
    return done.id, done.model, done.version_of


async def test_a_request_is_answered_by_the_model_that_it_names(tmp_path: Path) -> None:
    async with house(tmp_path, TwoModels()) as it:
        path = write_sound(tmp_path / "a.wav", tone())
        usual = await it.recognise(path)
        named = await it.recognise(path, model="second")
        assert (usual.model, named.model) == ("scripted", "second")
        assert [url for url, _ in it.pool.jobs] == [URL, OTHER_URL]
        assert named.cache is CacheOutcome.MISS, "another model's text is another answer"
        known = await it.recognise(path, model="scripted")
        assert (known.cache, known.model) == (CacheOutcome.HIT, "scripted"), "however it was chosen"


async def test_another_model_makes_another_version(tmp_path: Path) -> None:
    async with house(tmp_path, TwoModels()) as it:
        first = await it.recognise(write_sound(tmp_path / "a.wav", tone()))
        _, model, version_of = await again(it, first.id, "second")
        assert (model, version_of) == ("second", first.id)


async def test_a_model_that_no_node_has_is_refused_at_the_door(tmp_path: Path) -> None:
    async with house(tmp_path, TwoModels()) as it:
        with pytest.raises(InvalidOptions, match="no node has the model 'third'; there are scripted, second"):
            await it.submit(write_sound(tmp_path / "a.wav", tone()), model="third")
