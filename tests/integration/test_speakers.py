"""Who speaks, by the small speaker model: two clearly different synthetic voices in one conversation."""

import itertools
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from domain.errors import RecognitionCancelled
from domain.node import Health, NodeJob, NodeResult
from domain.options import RecognitionOptions
from domain.presets import Capabilities
from domain.transcript import ModelSegment
from engine.engine_state import ModelSource
from engine.recogniser import Recogniser
from engine.samples import open_samples
from tests.helpers.house import house
from tests.helpers.parts_pool import RecogniserPool
from tests.helpers.scripted import OTHER_URL, URL
from tests.helpers.speech import SENTENCES, say, silence, talk, write_wav

# FunASR's dependencies warn while they are imported, in the thread that loads the model.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")

#: Both of the untouched voices that the demo models hear rightly: a woman's and a man's.
VOICES = (("f3", 70), ("m6", 30))


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recogniser]:
    made = Recogniser(ModelSource("demo", "ms", "auto", 8, tmp_path_factory.mktemp("engine")), slots=2)
    made.start()
    end = time.monotonic() + 120
    while made.health is Health.LOADING:
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.05)
    assert made.health is Health.READY, made.state.error
    yield made
    made.close()


def speak(text: str, who: int) -> np.ndarray:
    voice, pitch = VOICES[who]
    return say(text, "zh", voice, pitch=pitch)


@pytest.fixture(scope="module")
def conversation(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    """Sixteen utterances with pauses, and whose each is."""
    who = [0, 1, 0, 1, 1, 0, 1, 0, 0, 1, 0, 1, 0, 0, 1, 1]
    return write_wav(tmp_path_factory.mktemp("talk") / "talk.wav", spoken_by(who)), who


def spoken_by(who: list[int]) -> np.ndarray:
    """An utterance of each."""
    chinese = [text for language, text, _ in SENTENCES if language == "zh"]
    return talk(*(speak(chinese[place % len(chinese)], person) for place, person in enumerate(who)))


async def recognise(node: Recogniser, audio: Path, speakers: int) -> tuple[ModelSegment, ...]:
    return (await result_of(node, audio, speakers)).output.segments


async def result_of(node: Recogniser, audio: Path, speakers: int) -> NodeResult:
    job = NodeJob(f"t:{time.monotonic_ns()}", RecognitionOptions(speakers=speakers), "spoken")
    last = None
    async for step in node.admit(job, audio).follow():
        last = step
    assert isinstance(last, NodeResult)
    return last


@pytest.mark.parametrize("speakers", [0, 2])
async def test_two_voices_are_told_apart(demo: Recogniser, conversation: tuple[Path, list[int]], speakers: int) -> None:
    audio, who = conversation
    segments = await recognise(demo, audio, speakers)
    assert len(segments) == len(who)
    right = [segment.speaker == str(person + 1) for segment, person in zip(segments, who, strict=True)]
    print(f"{sum(right)} of {len(right)} segments have the right speaker")
    assert np.mean(right) >= 0.9


@pytest.mark.parametrize("speakers", [0, 2])
async def test_a_longer_talk_too(demo: Recogniser, tmp_path: Path, speakers: int) -> None:
    """Enough windows for spectral clustering."""
    who = [0, 1, 1, 0, 0, 1, 0, 1] * 5
    segments = await recognise(demo, write_wav(tmp_path / "long.wav", spoken_by(who)), speakers)
    assert len(segments) == len(who)
    right = [segment.speaker == str(person + 1) for segment, person in zip(segments, who, strict=True)]
    print(f"{sum(right)} of {len(right)} segments have the right speaker")
    assert np.mean(right) >= 0.9


@pytest.mark.parametrize("person", [0, 1])
@pytest.mark.parametrize("utterances", [1, 8, 40])
async def test_one_voice_is_one_speaker(demo: Recogniser, tmp_path: Path, person: int, utterances: int) -> None:
    audio = write_wav(tmp_path / "one.wav", spoken_by([person] * utterances))
    assert {segment.speaker for segment in await recognise(demo, audio, 0)} == {"1"}


async def test_a_long_talk_over_two_nodes_is_the_text_and_the_people_of_one_node(
    demo: Recogniser, tmp_path: Path
) -> None:
    audio = write_wav(tmp_path / "long.wav", spoken_by([0, 1, 1, 0] * 7))
    nodes = RecogniserPool((URL,), "demo", node=demo, capabilities=Capabilities(("auto", "zh"), speakers=True))
    async with house(tmp_path, nodes, long_seconds=30) as home:
        whole = (await home.recognise(audio, use_cache=False)).transcript
        assert [job.segments for _, job in nodes.jobs] == [None]
        nodes.urls = (URL, OTHER_URL)
        await nodes.refresh()
        shared = (await home.recognise(audio, use_cache=False)).transcript
    parts = [job for _, job in nodes.jobs if job.segments]
    assert len(parts) >= 2
    assert {segment.speaker for segment in whole.segments} == {"1", "2"}
    assert shared == whole


async def test_nobody_is_told_apart_when_nobody_asks(demo: Recogniser, conversation: tuple[Path, list[int]]) -> None:
    assert {segment.speaker for segment in await recognise(demo, conversation[0], 1)} == {None}


async def test_two_without_a_pause_are_one_stretch_and_two_segments(demo: Recogniser, tmp_path: Path) -> None:
    """The detector hears no end between them: the words' own times tell where to cut."""
    sentences = ("服务器已经启动", "把空调调到二十五度")
    both = np.concatenate([speak(sentences[0], 0), silence(0.25), speak(sentences[1], 1)])
    segments = await recognise(demo, write_wav(tmp_path / "both.wav", talk(both)), 2)
    assert [segment.speaker for segment in segments] == ["1", "2"]
    assert [segment.text.strip("，。") for segment in segments] == list(sentences)
    assert all(a.end_ms <= b.start_ms for a, b in itertools.pairwise(segments))


async def test_the_node_says_that_it_can(demo: Recogniser) -> None:
    model = demo.state.model
    assert model is not None
    assert model.preset.capabilities.speakers
    assert any(part.startswith("speaker/") for part in demo.state.fingerprint.parts)


def test_hearing_voices_can_be_stopped(demo: Recogniser, conversation: tuple[Path, list[int]]) -> None:
    engine = demo.state.engine
    assert engine is not None
    assert engine.speakers is not None
    samples = open_samples(conversation[0])
    calls = 0

    def stop() -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise RecognitionCancelled

    with pytest.raises(RecognitionCancelled):
        engine.speakers.vectors(samples, [(n * 750, n * 750 + 1_500) for n in range(40)] * 2, stop)
    vectors = engine.speakers.vectors(samples, [(0, 1_500), (0, 400)])
    assert vectors.shape[0] == 2
    assert np.isfinite(vectors).all()


def test_noise_is_nobody(demo: Recogniser, conversation: tuple[Path, list[int]]) -> None:
    engine = demo.state.engine
    assert engine is not None
    assert engine.speakers is not None
    samples = open_samples(conversation[0])
    segments = [ModelSegment(0, 900, "嗯", suspect="no_speech"), ModelSegment(900, 2_400, "会议现在开始")]
    assert [item.speaker for item in engine.speakers.name(samples, segments, 0)] == [None, "1"]
    assert engine.speakers.name(samples, segments[:1], 0) == segments[:1]
    assert engine.speakers.name(samples, [], 0) == []


async def test_a_speaker_model_that_fails_does_not_cost_the_text(
    demo: Recogniser, conversation: tuple[Path, list[int]], monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = await result_of(demo, conversation[0], 2)
    engine = demo.state.engine
    assert engine is not None and engine.speakers is not None

    def fail(*_: object) -> np.ndarray:
        raise RuntimeError("CUDA error: an illegal memory access was encountered")

    monkeypatch.setattr(engine.speakers, "vectors", fail)
    unnamed = await result_of(demo, conversation[0], 2)
    assert unnamed.output.warnings == ("speakers_failed",) and whole.output.warnings == ()
    assert {segment.speaker for segment in unnamed.output.segments} == {None}
    assert "".join(s.text for s in unnamed.output.segments) == "".join(s.text for s in whole.output.segments)
    assert (await result_of(demo, conversation[0], 1)).output.warnings == (), "nobody asked who speaks"
