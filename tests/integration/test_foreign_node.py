"""An unmodified Gradio speech app as a node: real app, real ``gradio_client``, the mapping from the settings."""

import asyncio
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from checks import checks
from cluster.dispatch import Limits
from cluster.left_calls import LeftCalls
from cluster.local_board import LocalBoard
from cluster.pool import Pool
from domain.errors import NodeBusy, NodeUnreachable, RecognitionFailed
from domain.ids import new_id
from domain.node import Availability, NodeIntent, NodeJob, NodeProgress
from domain.node_setting import parse_node
from domain.options import RecognitionOptions
from settings import load_settings
from tests.helpers.node_process import MemoryRegistry, NodeProcess, NoObserver, eventually, node_process, write_tone

APP = Path(__file__).parents[1] / "helpers" / "foreign_app.py"
LIMITS = Limits(60.0, 60.0, 60.0)


def foreign_app(*, port: int = 0, **env: str) -> Any:
    return node_process([sys.executable, str(APP)], port=port, **env)


@pytest.fixture(scope="module")
def app() -> Iterator[NodeProcess]:
    with foreign_app() as running:
        yield running


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    return write_tone(tmp_path / "tone.wav")


def setting(url: str, **fields: Any) -> dict[str, Any]:
    return {"url": url, "model": "old-webui", "app": "fun-asr-webui", **fields}


def make_pool(intent: NodeIntent, limits: Limits = LIMITS) -> Pool:
    return Pool(
        [intent], token="secret", registry=MemoryRegistry(), observer=NoObserver(), limits=lambda job, audio: limits
    )


@pytest_asyncio.fixture
async def pool(app: NodeProcess) -> AsyncIterator[Pool]:
    pool = make_pool(parse_node(setting(app.url, name="老版")))
    await pool.start()
    await pool.refresh()
    yield pool
    await pool.stop()


def a_job(*words: str, language: str = "auto", itn: bool = True) -> NodeJob:
    return NodeJob(f"{new_id()}:0", RecognitionOptions(hotwords=words, language=language, itn=itn))


async def ignore(_: NodeProgress) -> None:
    return


def ask(url: str, endpoint: str) -> list[list[Any]]:
    data = (
        httpx.post(f"{url}/gradio_api/run/{endpoint}", json={"data": []}, trust_env=False, timeout=60)
        .raise_for_status()
        .json()
    )
    return data["data"][0]


def findings(**settings: Any) -> str:
    (found,) = [check for name, check in checks(load_settings(**settings)) if name.startswith("node")]
    try:
        return found()
    except Exception as error:
        return f"BAD {error}"


async def test_the_app_gets_what_the_mapping_says_and_its_text_is_a_result(
    pool: Pool, app: NodeProcess, audio: Path
) -> None:
    (status,) = pool.statuses()
    assert status.availability is Availability.READY and status.report
    assert status.report.model == pool.default_model() == "old-webui"
    assert status.report.capabilities.hotwords and status.report.capabilities.languages == ("auto", "zh", "en", "ja")
    result = await pool.recognise(app.url, a_job("王小明", "李雷", language="zh", itn=False), audio, ignore)
    (segment,) = result.output.segments
    assert (segment.start_ms, segment.end_ms, segment.text) == (0, 1000, "中文 三点半 李雷/王小明")
    assert (result.output.track, result.output.language, result.audio_seconds) == ("spoken", "zh", 1.0)
    assert (result.model, result.fingerprint) == ("old-webui", status.report.fingerprint)
    await pool.recognise(app.url, a_job(), audio, ignore)
    # The cluster's secret is none of a stranger's business.
    assert ask(app.url, "seen")[-2:] == [
        [1.0, "中文", ["李雷", "王小明"], False, None],
        [1.0, "自动", [""], True, None],
    ]


async def test_a_mapping_by_names_may_take_another_text(app: NodeProcess, audio: Path) -> None:
    mapping = {
        "endpoint": "transcribe",
        "inputs": {"audio": "audio", "itn": "use_itn"},
        "outputs": {"normalized": 1},
        "constants": {"language": "英文", "hotwords": "固定"},
    }
    intent = parse_node(setting(app.url, app=mapping, token="for the app"))
    pool = make_pool(intent)
    await pool.start()
    job = NodeJob(f"{new_id()}:0", RecognitionOptions(), "written")
    result = await pool.try_out(intent, job, audio)
    assert (result.output.track, result.output.segments[0].text) == ("written", "英文 3:30 固定")
    assert ask(app.url, "seen")[-1] == [1.0, "英文", ["固定"], True, "for the app"]
    await pool.stop()


async def test_silence_is_no_speech(pool: Pool, app: NodeProcess, audio: Path) -> None:
    result = await pool.recognise(app.url, a_job("silence"), audio, ignore)
    assert (result.output.segments, result.output.warnings) == ((), ("no_speech",))


async def test_garbage_is_no_transcript(app: NodeProcess, audio: Path, pool: Pool) -> None:
    mapping = {"endpoint": "numbers", "inputs": {"audio": 0}, "outputs": {"text": "text"}}
    with pytest.raises(NodeUnreachable, match="not a text") as caught:
        await pool.try_out(parse_node(setting(app.url, app=mapping)), a_job(), audio)
    assert caught.value.details["reason"] == "garbage"


@pytest.mark.parametrize(
    ("word", "kind", "reason"), [("refuse", RecognitionFailed, "app"), ("crash", NodeUnreachable, "garbage")]
)
async def test_what_the_app_says_is_no_code_of_ours(
    pool: Pool, app: NodeProcess, audio: Path, word: str, kind: type[Exception], reason: str
) -> None:
    with pytest.raises(kind) as caught:
        await pool.recognise(app.url, a_job(word), audio, ignore)
    assert type(caught.value) is kind
    assert caught.value.details["reason"] == reason  # pyright: ignore
    assert word != "refuse" or "显存不足" in str(caught.value)
    # The app is as good as before.
    await pool.recognise(app.url, a_job(), audio, ignore)


@pytest.mark.parametrize("leaves", ["cancelled", "past its limit"])
async def test_a_call_that_nobody_waits_for_keeps_its_slot_until_it_has_ended(
    app: NodeProcess, audio: Path, leaves: str
) -> None:
    pool, board = (
        make_pool(parse_node(setting(app.url)), LIMITS if leaves == "cancelled" else Limits(0.5, 60, 60)),
        LocalBoard(),
    )
    left = LeftCalls(board)
    pool.on_change, pool.on_left = board.observe, left.hold
    await pool.start()
    await pool.refresh()
    before = len(ask(app.url, "seen"))
    task = asyncio.create_task(pool.recognise(app.url, a_job("wait"), audio, ignore))
    await eventually(lambda: len(ask(app.url, "seen")) > before)
    if leaves == "cancelled":
        task.cancel()
    with pytest.raises(asyncio.CancelledError if leaves == "cancelled" else NodeUnreachable):
        await asyncio.wait_for(task, 60)
    await pool.refresh()
    (status,) = pool.statuses()
    # Busy is not dead.
    assert (status.availability, status.failures, status.in_flight) == (Availability.BUSY, 0, 1)
    assert (await board.load())[app.url][0] == 1
    with pytest.raises(NodeBusy):
        await pool.recognise(app.url, a_job(), audio, ignore)
    ask(app.url, "go_on")
    await eventually(lambda: pool.statuses()[0].availability is Availability.READY)
    assert pool.statuses()[0].in_flight == 0

    async def free() -> bool:
        return (await board.load())[app.url][0] == 0

    await eventually(free)
    await pool.recognise(app.url, a_job("plain"), audio, ignore)
    await pool.stop()
    await left.close()


async def test_stopping_does_not_wait_for_what_nobody_can_stop(app: NodeProcess, audio: Path) -> None:
    def working() -> set[threading.Thread]:
        # Those that the interpreter waits for at its end.
        return {thread for thread in threading.enumerate() if not thread.daemon and "asyncio" not in thread.name}

    pool, before, seen = make_pool(parse_node(setting(app.url))), working(), len(ask(app.url, "seen"))
    await pool.start()
    task = asyncio.create_task(pool.recognise(app.url, a_job("wait"), audio, ignore))
    await eventually(lambda: len(ask(app.url, "seen")) > seen)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
    await pool.stop()
    try:
        await eventually(lambda: not working() - before, 10)
    finally:
        ask(app.url, "go_on")


async def test_an_app_that_dies_and_comes_back_with_another_api_says_so(audio: Path) -> None:
    with foreign_app() as first:
        intent = parse_node(setting(first.url, name="老版"))
        pool = make_pool(intent)
        await pool.start()
        with pytest.raises(NodeUnreachable) as caught:
            await pool.recognise(first.url, a_job("die"), audio, ignore)
        assert caught.value.details["reason"] == "broken"
        await eventually(lambda: pool.statuses()[0].availability is Availability.UNREACHABLE)
        with foreign_app(port=int(first.url.rpartition(":")[2]), FOREIGN_ENDPOINT="asr") as second:
            assert second.url == first.url
            await eventually(lambda: pool.statuses()[0].availability is Availability.FAILED)
            fault = "the app has no endpoint /transcribe; it has /asr, /numbers, /go_on, /seen"
            assert pool.statuses()[0].reason == fault
            with pytest.raises(NodeUnreachable) as caught:
                await pool.try_out(intent, a_job(), audio)
            assert caught.value.details["reason"] == "mapping" and fault in caught.value.message
            assert await asyncio.to_thread(findings, nodes=[setting(first.url)]) == f"BAD {fault}"
        await pool.stop()


def test_doctor_names_each_fault_and_what_is_there_instead(app: NodeProcess) -> None:
    assert findings(nodes=[setting(app.url)]).startswith("fits /transcribe of Gradio 6")
    mapping = {
        "preset": "fun-asr-webui",
        "inputs": {"audio": "language", "hotwords": "words"},
        "outputs": {"text": 2},
        "constants": {"beam": 3},
    }
    said = findings(nodes=[setting(app.url, app=mapping)]).removeprefix("BAD ").splitlines()
    there = "/transcribe has audio, language, hotwords, use_itn"
    assert said == [
        f"inputs.hotwords names 'words', but {there}",
        f"constants.beam names 'beam', but {there}",
        "/transcribe wants audio, which has no default: name it in inputs or constants",
        "/transcribe wants hotwords, which has no default: name it in inputs or constants",
        "inputs.audio names language, which is a Dropdown; audio can take a recording",
        "outputs.text names 2, but /transcribe returns 2 values: 识别结果, 规整后文本",
    ]
    preset = {"preset": "fun-asr-webui", "languages": {"zh": "国语"}}
    assert findings(nodes=[setting(app.url, app=preset)]) == (
        "BAD languages.zh is '国语', but language takes 自动, 中文, 英文, 日文"
    )
