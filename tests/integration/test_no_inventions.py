"""Text that nobody said: the whole recogniser, with the demo model and with one that invents whenever it can."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.errors import RecognitionCancelled
from domain.node import Health, NodeProgress, NodeReport, NodeResult
from domain.options import RecognitionOptions
from engine.families import Decoding, Heard
from engine.node_metrics import metrics_text
from engine.recogniser import Recogniser
from engine.samples import RATE, stretch
from engine.segment_queue import Decode, SegmentQueue
from tests.helpers.recogniser import demo_recogniser, job, recognise
from tests.helpers.speech import NAMESAKE, NAMESAKE_TOLD, SENTENCES, namesake, noise, say, silence, talk, write_wav

# FunASR's dependencies warn while they are imported, in the thread that loads the model.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
WAIT_SECONDS = 90.0
HOTWORDS = ("阿里巴巴", "杭州", "上海", "北京")
#: Above this the scripted models hear speech.
LOUD = 500


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recogniser]:
    with demo_recogniser(tmp_path_factory.mktemp("engine")) as made:
        yield made


@pytest.fixture
def scripted(demo: Recogniser) -> Callable[[Decode], AbstractContextManager[Recogniser]]:
    """The recogniser with its model exchanged for the length of a block."""

    @contextmanager
    def exchange(decode: Decode) -> Iterator[Recogniser]:
        real = demo.state.engine
        assert real
        demo.state._engine = replace(real, queue=SegmentQueue(decode))
        try:
            yield demo
        finally:
            demo.state._engine.queue.close()
            demo.state._engine = real

    return exchange


def call_channel(level: float, *, quieter: float = 1.0) -> tuple[np.ndarray, list[tuple[int, int, str]]]:
    """One side of a call, 80 % of it silence with a faint noise; and where what is said, in ms."""
    spoken = [say(text, language, "f3") / quieter for language, text, _ in SENTENCES[:6]]
    gap = 4 * sum(map(len, spoken)) // (len(spoken) + 1)
    pieces, said, at = [np.zeros(gap)], [], gap
    for sound, (_, _, heard) in zip(spoken, SENTENCES, strict=False):
        pieces += [sound, np.zeros(gap)]
        said.append((at // 16, (at + len(sound)) // 16, heard))
        at += len(sound) + gap
    whole = np.concatenate(pieces)
    whole += noise(len(whole) / RATE, level)[: len(whole)]
    return np.clip(whole, -32_768, 32_767).astype(np.int16), said


def has_a_hotword(text: str) -> bool:
    return any(word in text for word in HOTWORDS)


@pytest.mark.parametrize(("level", "quieter"), [(3, 1), (3, 30), (30, 1), (100, 1)])
async def test_a_call_of_silence_holds_its_sentences_and_no_hotword(
    demo: Recogniser, tmp_path: Path, level: float, quieter: float
) -> None:
    sound, said = call_channel(level, quieter=quieter)
    plain = await recognise(demo, tmp_path, sound)
    result = await recognise(demo, tmp_path, sound, RecognitionOptions(hotwords=HOTWORDS))
    assert [s.text for s in result.output.segments] == [s.text for s in plain.output.segments]
    assert [s.text for s in result.output.segments] == [text for _, _, text in said]
    for segment, (start_ms, end_ms, _) in zip(result.output.segments, said, strict=True):
        assert segment.start_ms < end_ms and start_ms < segment.end_ms
        assert segment.suspect is None and not has_a_hotword(segment.text)
    assert result.output.warnings == ()


async def test_what_the_model_writes_into_silence_is_suspect(demo: Recogniser, tmp_path: Path) -> None:
    """Without speech detection, in pieces of three seconds: this model answers to each of them."""
    sound, said = call_channel(30)
    options = RecognitionOptions.of(hotwords=HOTWORDS, vad=False, max_segment_ms=3_000)
    result = await recognise(demo, tmp_path, sound, options)
    for segment in result.output.segments:
        # A sentence's sound ends in half a second of silence.
        is_speech = any(segment.start_ms < end_ms - 600 and start_ms < segment.end_ms for start_ms, end_ms, _ in said)
        assert segment.suspect == (None if is_speech else "no_speech"), segment
        assert is_speech or not has_a_hotword(segment.text)
    assert ("suspect" in result.output.warnings) == any(s.suspect for s in result.output.segments)


def inventing(parts: Sequence[np.ndarray], decoding: Decoding) -> list[Heard]:
    """Reads the hotwords out where nobody speaks."""
    return [Heard("会议现在开始。" if part.std() > LOUD else "".join(decoding.hotwords[:2])) for part in parts]


@pytest.mark.parametrize("level", [3, 30, 100, 400])
async def test_a_model_that_reads_hotwords_into_silence(scripted, tmp_path: Path, level: float) -> None:
    sound, said = call_channel(level)
    half = [(start_ms - 2_900, start_ms - 400) for start_ms, _, _ in said]
    places = sorted([*half, *((start_ms, end_ms) for start_ms, end_ms, _ in said)])
    with scripted(inventing) as node:
        before = node.second_hearings.all().get(("no_speech", "dropped"), 0)
        result = await recognise(node, tmp_path, sound, RecognitionOptions(hotwords=HOTWORDS), places)
        dropped = node.second_hearings.all()["no_speech", "dropped"]
    assert [s.text for s in result.output.segments] == ["会议现在开始。"] * len(said)
    assert dropped == before + len(said)
    line = f'asr_node_second_hearings_total{{reason="no_speech",outcome="dropped"}} {dropped}'
    assert line in metrics_text(NodeReport(Health.READY), node)


async def test_silence_whose_every_text_is_dropped_is_no_speech(scripted, tmp_path: Path) -> None:
    with scripted(inventing) as node:
        options = RecognitionOptions.of(hotwords=HOTWORDS, vad=False)
        result = await recognise(node, tmp_path, noise(20, 30), options)
    assert (result.output.segments, result.output.warnings) == ((), ("no_speech",))


async def test_a_loop_is_suspect_in_progress_result_and_json(scripted, tmp_path: Path) -> None:
    def looping(parts: Sequence[np.ndarray], decoding: Decoding) -> list[Heard]:
        return [Heard("再见" * 60, cut_off=True) for _ in parts]

    with scripted(looping) as node:
        run = node.admit(job(), write_wav(tmp_path / "a.wav", talk(say("会议现在开始"))))
        steps = [step async for step in run.follow()]
    result = steps[-1]
    assert isinstance(result, NodeResult)
    assert [s.suspect for s in result.output.segments] == ["repetition"]
    told = [s for step in steps[:-1] for s in step.segments]
    # Who speaks is known only when everybody has been heard.
    assert told == [replace(s, speaker=None) for s in result.output.segments]
    assert result.output.warnings == ("suspect",)
    assert result.to_json()["output"]["segments"][0]["suspect"] == "repetition"


async def test_a_second_hearing_holds_nobody_up_and_keeps_the_order(
    scripted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The text of the first segment comes before the model has seen the last one, though it is heard three times."""
    first_is_told, asked_again = threading.Event(), threading.Semaphore(0)
    decoded: list[float] = []
    submit = SegmentQueue.submit

    def submit_and_tell(*args, at_once: bool = False) -> object:
        future = submit(*args, at_once=at_once)
        if at_once:
            asked_again.release()
        return future

    def decode(parts: Sequence[np.ndarray], decoding: Decoding) -> list[Heard]:
        seconds = len(parts[0]) / RATE
        decoded.append(seconds)
        if seconds in (1.5, 1.6):  # those after the first take as long as it takes to ask for each of its halves
            assert asked_again.acquire(timeout=WAIT_SECONDS)
        if seconds == 4.0:
            assert first_is_told.wait(WAIT_SECONDS), "the second hearing waits behind the whole recording"
        return [Heard("再见" * 60 if seconds == 2.0 else f"{seconds:.1f}")]

    monkeypatch.setattr(SegmentQueue, "submit", submit_and_tell)
    places = [(0, 2_000), (2_000, 3_500), (3_500, 5_100), (5_200, 6_400), (6_400, 7_600), (10_000, 14_000)]
    told: list[tuple[int, int]] = []
    with scripted(decode) as node:
        sound = write_wav(tmp_path / "a.wav", np.tile(say("今天天气怎么样"), 8)[: 16 * RATE])
        async for step in node.admit(job(None, places), sound).follow():
            if isinstance(step, NodeProgress):
                told += [(s.start_ms, s.end_ms) for s in step.segments]
                if step.segment:
                    first_is_told.set()
    assert told == places
    assert len(decoded) == len(places) + 2 and decoded[-1] == 4.0


async def test_a_job_is_cancelled_in_its_second_hearing(scripted, tmp_path: Path) -> None:
    hears_again, may_go_on = threading.Event(), threading.Event()
    decoded: list[tuple[str, ...]] = []

    def decode(parts: Sequence[np.ndarray], decoding: Decoding) -> list[Heard]:
        decoded.append(decoding.hotwords)
        if not decoding.hotwords:
            hears_again.set()
            assert may_go_on.wait(WAIT_SECONDS)
        return [Heard("再见" * 60) for _ in parts]

    with scripted(decode) as node:
        work = job(RecognitionOptions(hotwords=HOTWORDS), [(0, 2_000)])
        run = node.admit(work, write_wav(tmp_path / "a.wav", np.tile(say("今天天气怎么样"), 2)[: 2 * RATE]))
        assert hears_again.wait(WAIT_SECONDS)
        assert node.cancel(work.id)
        may_go_on.set()
        with pytest.raises(RecognitionCancelled):
            async for _ in run.follow():
                pass
    assert decoded == [HOTWORDS_IN_ORDER, ()], "the halves are heard no more"


HOTWORDS_IN_ORDER = RecognitionOptions(hotwords=HOTWORDS).hotwords


async def test_a_word_that_only_a_hotword_brings_out_is_kept(demo: Recogniser, tmp_path: Path) -> None:
    result = await recognise(demo, tmp_path, namesake(), RecognitionOptions(hotwords=(NAMESAKE,)))
    assert [(s.text, s.suspect) for s in result.output.segments] == [(NAMESAKE_TOLD, None)]


def varied_clips() -> list[np.ndarray]:
    """Ten sentences, six ways each: voices, speeds, levels and noises, with and without pauses around them."""
    clips = []
    for language, text, _ in SENTENCES:
        for voice, speed, share, level in (
            ("f3", 160, 1.0, 0),
            ("m6", 160, 0.03, 2),
            ("f3", 130, 0.3, 30),
            ("m6", 200, 1.0, 300),
            ("f3", 180, 0.01, 3),
            ("m6", 160, 0.5, 1_000),
        ):
            sound = (say(text, language, voice, speed) * share).astype(np.int16)
            clips.append(talk(sound, gap_seconds=0.6, level=level) if level else sound)
    return clips


@pytest.mark.long
async def test_what_was_said_is_never_doubted(demo: Recogniser, tmp_path: Path) -> None:
    clips = varied_clips()
    assert len(clips) == 60
    before = demo.second_hearings.all()
    engine = demo.state.engine
    assert engine
    for options in (RecognitionOptions(), RecognitionOptions(hotwords=HOTWORDS)):
        for clip in clips:
            result = await recognise(demo, tmp_path, clip, options)
            for segment in result.output.segments:
                part = stretch(clip, segment.start_ms, segment.end_ms)
                plain = Decoding("auto", options.hotwords, "spoken")
                assert segment.text == engine.queue.submit("t", part, plain).result(WAIT_SECONDS).text
                assert segment.suspect is None
    assert demo.second_hearings.all() == before


async def test_zeros_said_one_by_one_are_no_loop(scripted, tmp_path: Path) -> None:
    said = "零零零零零零零零，对对对对，好的好的，no no no。"
    with scripted(lambda parts, decoding: [Heard(said) for _ in parts]) as node:
        before = node.second_hearings.all()
        result = await recognise(node, tmp_path, np.concatenate([silence(0.3), *[say("今天天气怎么样")] * 3]))
        assert node.second_hearings.all() == before
    assert [(s.text, s.suspect) for s in result.output.segments] == [(said, None)]
