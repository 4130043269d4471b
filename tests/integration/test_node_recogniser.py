"""The recogniser with the real (small) models in this process: real text from real speech."""

import itertools
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from domain.errors import BadAudio, InvalidOptions, NodeBusy, RecognitionCancelled
from domain.node import Health, NodeJob, NodeProgress, NodeResult
from domain.options import RecognitionOptions, VadOptions
from domain.transcript import Track
from engine.engine_state import ModelSource
from engine.recogniser import Recogniser
from engine.samples import RATE
from engine.speech_detection import SpeechDetector
from tests.helpers.speech import (
    NAMESAKE,
    NAMESAKE_TEXT,
    NAMESAKE_TOLD,
    SENTENCES,
    namesake,
    noise,
    say,
    silence,
    talk,
    write_wav,
)

# FunASR's dependencies warn while they are imported, in the thread that loads the model.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
WAIT_SECONDS = 120.0


def started(model: str, data_dir: Path, *, slots: int = 2, load: str = "start") -> Recogniser:
    made = Recogniser(ModelSource(model, "ms", "auto", 8, data_dir), slots=slots, load=load)
    made.start()
    until(lambda: made.health is not Health.LOADING)
    return made


def detected(node: Recogniser, audio: Path, vad: VadOptions) -> tuple[list[tuple[int, int]], float]:
    found = node.detect_speech(job("detect", RecognitionOptions(vad=vad)), audio)
    return list(found.places), found.audio_seconds


def until(condition) -> None:
    end = time.monotonic() + WAIT_SECONDS
    while not condition():
        assert time.monotonic() < end, "it took too long"
        time.sleep(0.02)


@pytest.fixture(scope="module")
def data_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("engine")


@pytest.fixture(scope="module")
def demo(data_dir: Path) -> Iterator[Recogniser]:
    made = started("demo", data_dir)
    assert made.health is Health.READY, made.state.error
    yield made
    made.close()


@pytest.fixture(scope="module")
def sensevoice(data_dir: Path) -> Iterator[Recogniser]:
    made = started("demo-sensevoice", data_dir)
    assert made.health is Health.READY, made.state.error
    yield made
    made.close()


@pytest.fixture(scope="module")
def meeting(data_dir: Path) -> Path:
    """Four sentences with pauses of a second between them."""
    parts = [
        say(text, language, voice) for (language, text, _), voice in zip(SENTENCES[:4], ("f3", "m6") * 2, strict=True)
    ]
    return write_wav(data_dir / "meeting.wav", talk(*parts))


def job(name: str, options: RecognitionOptions | None = None, track: Track = "spoken", **fields) -> NodeJob:
    return NodeJob(f"{name}:{time.monotonic_ns()}", options or RecognitionOptions(), track, **fields)


async def recognise(node: Recogniser, audio: Path, *args, **fields) -> NodeResult:
    last = None
    async for step in node.admit(job("t", *args, **fields), audio).follow():
        last = step
    assert isinstance(last, NodeResult)
    return last


def texts(result: NodeResult) -> list[str]:
    return [segment.text for segment in result.output.segments]


@pytest.mark.parametrize("voice", ["f3", "m6"])
@pytest.mark.parametrize(("language", "text", "heard"), SENTENCES)
async def test_demo_hears_what_was_said(
    demo: Recogniser, tmp_path: Path, language: str, text: str, heard: str, voice: str
) -> None:
    audio = write_wav(tmp_path / "a.wav", talk(say(text, language, voice)))
    result = await recognise(demo, audio)
    assert texts(result) == [heard]
    segment = result.output.segments[0]
    assert "".join(word.text for word in segment.words) == heard.rstrip("。？.").replace(" ", "")
    assert [word.start_ms for word in segment.words] == sorted(word.start_ms for word in segment.words)
    assert segment.start_ms <= segment.words[0].start_ms < segment.words[-1].end_ms <= segment.end_ms
    assert (result.model, result.device, result.output.warnings) == ("demo", "cpu", ())


@pytest.mark.parametrize(("language", "text", "heard"), [SENTENCES[0], SENTENCES[3], SENTENCES[8]])
async def test_sensevoice_hears_it_too(
    sensevoice: Recogniser, tmp_path: Path, language: str, text: str, heard: str
) -> None:
    result = await recognise(sensevoice, write_wav(tmp_path / "a.wav", talk(say(text, language))))
    assert texts(result) == [heard]
    words = result.output.segments[0].words
    assert "".join(word.text for word in words) == heard.rstrip("。？.").replace(" ", "")
    assert result.output.language == language


@pytest.mark.parametrize("model", ["demo", "sensevoice"])
async def test_a_meeting_in_order(request: pytest.FixtureRequest, meeting: Path, model: str) -> None:
    node: Recogniser = request.getfixturevalue(model)
    run = node.admit(job("meeting"), meeting)
    steps = [step async for step in run.follow()]
    assert steps[0] == NodeProgress(0, 4)
    result = steps[-1]
    assert isinstance(result, NodeResult)
    assert texts(result) == [heard for _, _, heard in SENTENCES[:4]]
    told = [segment for step in steps if isinstance(step, NodeProgress) for segment in step.segments]
    # Who speaks is known only when everybody has been heard.
    assert told == [replace(segment, speaker=None) for segment in result.output.segments]
    times = [(segment.start_ms, segment.end_ms) for segment in result.output.segments]
    assert times == sorted(times)
    assert all(left[1] <= right[0] for left, right in itertools.pairwise(times))


async def test_a_model_without_itn_says_that_it_spoke(demo: Recogniser, meeting: Path) -> None:
    written = await recognise(demo, meeting, track="written")
    assert written.output.track == "spoken"
    assert "二十五" in "".join(texts(written))


@pytest.mark.parametrize(
    ("max_segment_ms", "end_silence_ms"), [(1_000, 800), (1_500, 800), (30_000, 800), (30_000, 2_000)]
)
def test_the_sliders_have_their_effect(
    demo: Recogniser, meeting: Path, max_segment_ms: int, end_silence_ms: int
) -> None:
    found, seconds = detected(demo, meeting, VadOptions(True, max_segment_ms, end_silence_ms))
    assert all(end - start <= max_segment_ms for start, end in found)
    assert seconds == pytest.approx(found[-1][1] / 1000, abs=1.5)
    if max_segment_ms < 2_000:
        assert len(found) > 4
    else:
        assert len(found) == (4 if end_silence_ms == 800 else 1)


def test_two_users_with_different_sliders_at_once(demo: Recogniser, meeting: Path) -> None:
    settings = [VadOptions(True, 1_000, 500), VadOptions(True, 30_000, 2_000)]
    alone = [detected(demo, meeting, vad)[0] for vad in settings]
    assert alone[0] != alone[1]
    start = threading.Barrier(2)

    def detect(which: int) -> list[list[tuple[int, int]]]:
        start.wait(10)
        return [detected(demo, meeting, settings[which])[0] for _ in range(4)]

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(detect, range(2)))
    assert both == [[alone[0]] * 4, [alone[1]] * 4]


def test_detection_across_the_chunks_of_a_long_recording(demo: Recogniser, meeting: Path, tmp_path: Path) -> None:
    sentence = talk(say("今天天气怎么样"), gap_seconds=1.5)
    audio = write_wav(tmp_path / "long.wav", np.tile(sentence, 35))
    found, seconds = detected(demo, audio, VadOptions())
    assert seconds > 120
    assert len(found) == 35
    expected = [(found[0][0] + i * len(sentence) / 16) for i in range(35)]
    assert [start for start, _ in found] == pytest.approx(expected, abs=60)


def varied_talk(seconds: float) -> np.ndarray:
    """Sentences, pauses and noise of every length."""
    dice = np.random.default_rng(7)
    spoken = [say(text, language, voice) for language, text, _ in SENTENCES for voice in ("f3", "m6")]
    parts: list[np.ndarray] = []
    while sum(map(len, parts)) < seconds * RATE:
        run = [spoken[place] for place in dice.integers(len(spoken), size=dice.integers(1, 6))]
        parts.append(talk(*run, gap_seconds=dice.uniform(0.1, 2.5), level=dice.uniform(0, 150)))
    return np.concatenate(parts)


@pytest.mark.parametrize("vad", [VadOptions(), VadOptions(True, 1_500, 400)])
def test_detection_by_the_minute_finds_what_detection_in_one_piece_finds(demo: Recogniser, vad: VadOptions) -> None:
    assert demo.state.engine
    model, sound = demo.state.engine.detector._model, varied_talk(280)
    whole = SpeechDetector(model, chunk_ms=3_600_000).detect(sound, vad)
    assert len(whole) > 30
    assert SpeechDetector(model).detect(sound, vad) == whole
    assert SpeechDetector(model, chunk_ms=7_000).detect(sound, vad) == whole


def test_a_detector_that_is_quite_sure_hears_on(demo: Recogniser) -> None:
    assert demo.state.engine
    detector = demo.state.engine.detector
    last = detector._model.model.encoder.out_linear2.linear
    usual = last.weight.data.clone()
    try:
        last.weight.data *= 1_000  # every probability is 0 or 1 then
        sound = np.concatenate([silence(0.5), say("打开空调"), silence(0.5)])
        assert detector.detect(sound, VadOptions())
    finally:
        last.weight.data = usual


def test_a_short_detection_passes_a_long_one_and_changes_nothing_in_it(demo: Recogniser) -> None:
    assert demo.state.engine
    detector = demo.state.engine.detector
    long, short = varied_talk(200), talk(say("打开空调"), say("会议现在开始"))
    own, others = VadOptions(True, 1_500, 400), VadOptions(True, 30_000, 2_000)
    expected, expected_short = detector.detect(long, own), detector.detect(short, others)
    passed: list[list[tuple[int, int]]] = []

    def let_pass() -> None:
        thread = threading.Thread(target=lambda: passed.append(detector.detect(short, others)), daemon=True)
        thread.start()
        thread.join(20)
        assert not thread.is_alive(), "the short one waits for the long one"

    assert detector.detect(long, own, let_pass) == expected
    assert passed == [expected_short] * 4


async def test_given_segments_skip_the_detection(demo: Recogniser, meeting: Path) -> None:
    found, _ = detected(demo, meeting, VadOptions())
    result = await recognise(demo, meeting, segments=(found[1], found[2], (99_000, 99_500)))
    assert texts(result) == [SENTENCES[1][2], SENTENCES[2][2]]
    assert [(s.start_ms, s.end_ms) for s in result.output.segments] == found[1:3]


async def test_a_detection_takes_a_slot_is_listed_and_ends_when_it_is_cancelled(
    demo: Recogniser, long_talk: Path
) -> None:
    assert demo.state.engine
    begun, go_on = threading.Event(), threading.Event()
    turns = demo.state.engine.detector._turns
    turns.submit(lambda: (begun.set(), go_on.wait(WAIT_SECONDS)))
    begun.wait(WAIT_SECONDS)
    with ThreadPoolExecutor(2) as threads:
        jobs = [NodeJob(f"d{number}", RecognitionOptions()) for number in range(2)]
        both = [threads.submit(demo.detect_speech, one, long_talk) for one in jobs]
        until(lambda: set(demo.running()) == {"d0", "d1"})
        with pytest.raises(NodeBusy):
            demo.detect_speech(job("d2"), long_talk)
        assert demo.cancel("d0") and not demo.cancel("d2")
        go_on.set()
        with pytest.raises(RecognitionCancelled):
            both[0].result(WAIT_SECONDS)
        assert len(both[1].result(WAIT_SECONDS).places) == 60
    assert demo.running() == ()


async def test_without_detection_the_whole_recording_is_cut_at_pauses(demo: Recogniser, tmp_path: Path) -> None:
    audio = write_wav(tmp_path / "a.wav", talk(say("打开空调"), say("语音识别测试"), gap_seconds=0.6))
    options = RecognitionOptions.of(vad=False, max_segment_ms=3_000)
    result = await recognise(demo, audio, options)
    assert texts(result) == ["打开空调。", "语音识别测试。"]
    assert result.output.segments[0].start_ms == 0
    whole = await recognise(demo, write_wav(tmp_path / "b.wav", say("打开空调")), RecognitionOptions.of(vad=False))
    assert texts(whole) == ["打开空调。"]


@pytest.mark.parametrize("vad", [True, False])
@pytest.mark.parametrize("sound", ["silence", "silence with an offset", "50 ms"])
async def test_no_speech_is_no_error_and_no_word(demo: Recogniser, tmp_path: Path, sound: str, vad: bool) -> None:
    samples = {"silence": silence(3), "silence with an offset": silence(3) + 500, "50 ms": say("打开空调")[:800]}[sound]
    result = await recognise(demo, write_wav(tmp_path / "a.wav", samples), RecognitionOptions.of(vad=vad))
    assert (texts(result), result.output.warnings) == ([], ("no_speech",))


async def test_faint_noise_is_no_speech(demo: Recogniser, tmp_path: Path) -> None:
    result = await recognise(demo, write_wav(tmp_path / "a.wav", noise(3, 30)))
    assert (texts(result), result.output.warnings) == ([], ("no_speech",))


@pytest.mark.parametrize("model", ["demo", "sensevoice"])
async def test_the_shortest_sound_that_reaches_a_model(
    request: pytest.FixtureRequest, tmp_path: Path, model: str
) -> None:
    audio = write_wav(tmp_path / "a.wav", say("打开空调")[4_000:5_600])
    result = await recognise(request.getfixturevalue(model), audio, RecognitionOptions.of(vad=False))
    assert result.audio_seconds == 0.1


@pytest.mark.parametrize("samples", [0, 320])
def test_almost_nothing_is_refused(demo: Recogniser, tmp_path: Path, samples: int) -> None:
    audio = write_wav(tmp_path / "a.wav", say("打开空调")[:samples])
    for call in (lambda: demo.admit(job("t"), audio), lambda: detected(demo, audio, VadOptions())):
        with pytest.raises(BadAudio) as caught:
            call()
        assert caught.value.details["reason"] == "too_short"
    assert demo.running() == ()


async def test_a_hotword_changes_what_is_heard(demo: Recogniser, tmp_path: Path) -> None:
    audio = write_wav(tmp_path / "a.wav", namesake())
    assert texts(await recognise(demo, audio)) == [NAMESAKE_TEXT]
    told = ("北京", NAMESAKE, "Kubernetes")
    assert texts(await recognise(demo, audio, RecognitionOptions(hotwords=told))) == [NAMESAKE_TOLD]


def test_a_language_that_it_does_not_know_is_refused(demo: Recogniser, meeting: Path) -> None:
    with pytest.raises(InvalidOptions):
        demo.admit(job("t", RecognitionOptions(language="ja")), meeting)


@pytest.fixture(scope="module")
def long_talk(data_dir: Path) -> Path:
    return write_wav(data_dir / "long.wav", np.tile(talk(say("今天天气怎么样")), 60))


async def test_a_job_is_cancelled_between_segments(demo: Recogniser, long_talk: Path) -> None:
    work = job("long")
    run = demo.admit(work, long_talk)
    seen = 0
    with pytest.raises(RecognitionCancelled):
        async for step in run.follow():
            assert isinstance(step, NodeProgress)
            seen = step.segment
            if seen:
                demo.cancel(work.id)
    assert 0 < seen < 60
    assert demo.running() == ()
    assert not demo.cancel(work.id)
    assert not demo.cancel("no such job")


async def test_a_repeated_id_joins_and_then_gets_the_kept_result(demo: Recogniser, long_talk: Path) -> None:
    work = job("joined")
    ended: list[str] = []
    first = demo.admit(work, long_talk, lambda: ended.append("first"))
    second = demo.admit(work, Path("no longer there"), lambda: ended.append("second"))
    assert first is second
    assert ended == ["second"]
    result = [step async for step in first.follow()][-1]
    assert ended == ["second", "first"]
    again = [step async for step in demo.admit(work, Path("no longer there")).follow()][-1]
    assert again == result


async def test_a_cancelled_id_may_be_sent_again(demo: Recogniser, meeting: Path, long_talk: Path) -> None:
    work = job("again")
    run = demo.admit(work, long_talk)
    demo.cancel(work.id)
    until(lambda: run.is_finished)
    steps = [step async for step in demo.admit(work, meeting).follow()]
    assert isinstance(steps[-1], NodeResult)


async def test_a_full_node_refuses_and_a_short_job_passes_a_long_one(
    demo: Recogniser, meeting: Path, long_talk: Path
) -> None:
    long, short = job("long"), job("short")
    run = demo.admit(long, long_talk)
    steps = run.follow()
    async for step in steps:
        assert isinstance(step, NodeProgress)
        if step.segment:
            break
    quick = demo.admit(short, meeting)
    with pytest.raises(NodeBusy) as caught:
        demo.admit(job("third"), meeting)
    assert caught.value.details["reason"] == "slots"
    assert set(demo.running()) == {long.id, short.id}
    assert [step async for step in quick.follow()]
    assert not run.is_finished
    demo.cancel(long.id)
    with pytest.raises(RecognitionCancelled):
        async for _ in steps:
            pass


async def test_on_demand_the_first_job_loads_the_model(data_dir: Path, meeting: Path) -> None:
    node = started("demo-sensevoice", data_dir, load="demand")
    try:
        assert node.health is Health.READY
        assert node.state.fingerprint.value
        assert node.state.engine is None
        assert len(texts(await recognise(node, meeting))) == 4
    finally:
        node.close()


async def test_a_draining_node_ends_what_it_has_and_takes_nothing(data_dir: Path, meeting: Path) -> None:
    node = started("demo", data_dir)
    try:
        run = node.admit(job("last"), meeting)
        node.drain()
        assert node.health is Health.DRAINING
        for call in (lambda: node.admit(job("more"), meeting), lambda: detected(node, meeting, VadOptions())):
            with pytest.raises(NodeBusy) as caught:
                call()
            assert caught.value.details["reason"] == "draining"
        assert isinstance([step async for step in run.follow()][-1], NodeResult)
    finally:
        node.close()


def test_a_model_that_is_not_here_is_a_failed_node(data_dir: Path, meeting: Path) -> None:
    node = started("sensevoice-small", data_dir)
    assert node.health is Health.FAILED
    assert "download it first" in node.state.error
    with pytest.raises(NodeBusy) as caught:
        node.admit(job("t"), meeting)
    assert caught.value.details["reason"] == "failed"
    node.close()


def test_a_device_that_is_not_here_is_a_failed_node(data_dir: Path) -> None:
    node = Recogniser(ModelSource("demo", "ms", "cuda:99", 8, data_dir))
    node.start()
    until(lambda: node.health is not Health.LOADING)
    assert node.health is Health.FAILED
    assert "'cuda:99'" in node.state.error and "GPUs" in node.state.error
    node.close()


async def test_a_directory_that_asks_for_its_code_does_not_get_it_run(
    data_dir: Path, tmp_path: Path, meeting: Path
) -> None:
    import shutil

    from engine.local_models import SHIPPED

    directory = Path(shutil.copytree(SHIPPED / "demo-sensevoice", tmp_path / "my-model"))
    trap = tmp_path / "sprung"
    (directory / "model.py").write_text(f"open({str(trap)!r}, 'w')")
    (directory / "requirements.txt").write_text("no-such-package==0\n")
    with (directory / "config.yaml").open("a") as config:
        config.write(f"\ntrust_remote_code: true\nremote_code: {directory / 'model.py'}\n")
    node = started(str(directory), data_dir)
    try:
        result = await recognise(node, meeting)
        assert (result.model, len(texts(result))) == ("my-model", 4)
        assert not trap.exists()
    finally:
        node.close()
