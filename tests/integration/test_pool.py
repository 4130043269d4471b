"""The pool against node processes that refuse, lie, hang, die and come back: real ``gradio_client``, real sockets."""

import asyncio
import ssl
import threading
import time
from collections.abc import AsyncIterator, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import httpx
import pytest
import pytest_asyncio

from checks import checks
from cluster.availability import Observation
from cluster.dispatch import Limits
from cluster.health import HealthProbe
from cluster.local_board import LocalBoard
from cluster.pool import Pool
from domain.errors import BadAudio, FingerprintMismatch, NodeBusy, NodeUnreachable, RecognitionFailed
from domain.ids import new_id
from domain.node import Availability, Health, NodeIntent, NodeJob, NodeProgress, NodeReport, NodeResult, Origin
from domain.node_setting import parse_node
from domain.options import RecognitionOptions
from domain.ticket import Grant, Ticket, Waiting, WaitReason
from settings import load_settings
from tests.helpers.node_process import (
    CuttableLink,
    MemoryRegistry,
    NodeProcess,
    NoObserver,
    eventually,
    fake_node,
    write_tone,
)


@pytest.fixture(scope="module")
def node() -> Iterator[NodeProcess]:
    with fake_node(FAKE_TOKEN="secret") as running:
        yield running


@pytest.fixture(scope="module")
def other_node() -> Iterator[NodeProcess]:
    with fake_node(FAKE_TOKEN="secret", FAKE_FINGERPRINT="fp-2") as running:
        yield running


@pytest.fixture
def audio(tmp_path: Path) -> Path:
    return write_tone(tmp_path / "tone.wav")


def make_pool(*urls: str, **options: Any) -> Pool:
    settings: dict[str, Any] = {"token": "secret", "registry": MemoryRegistry(), "observer": NoObserver(), **options}
    return Pool([NodeIntent(url, f"n{number}") for number, url in enumerate(urls)], **settings)


@pytest_asyncio.fixture
async def pool(node: NodeProcess) -> AsyncIterator[Pool]:
    pool = make_pool(node.url)
    await pool.start()
    await pool.refresh()
    yield pool
    await pool.stop()


def a_job(*words: str) -> NodeJob:
    return NodeJob(f"{new_id()}:0", RecognitionOptions(hotwords=words))


async def ignore(_: NodeProgress) -> None:
    return


def post(url: str, path: str) -> Any:
    return httpx.post(
        url + path, headers={"x-asr-node-token": "secret"}, trust_env=False, timeout=60
    ).raise_for_status()


def calls(url: str) -> list[str]:
    return httpx.get(url + "/test/calls", headers={"x-asr-node-token": "secret"}, trust_env=False, timeout=60).json()


def running(url: str) -> list[str]:
    return httpx.get(url + "/healthz", trust_env=False, timeout=60).json()["running"]


async def test_a_job_runs_and_tells_each_segment_once(pool: Pool, node: NodeProcess, audio: Path) -> None:
    steps: list[NodeProgress] = []

    async def note(step: NodeProgress) -> None:
        steps.append(step)

    result = await pool.recognise(node.url, a_job(), audio, note)
    assert result.output.segments[0].text == "你好"
    assert (result.model, result.fingerprint, result.audio_seconds) == ("demo", "fp-1", 1.0)
    assert [segment.text for step in steps for segment in step.segments] == ["第1句", "第2句", "第3句"]
    assert steps[-1].segment == steps[-1].of == 3


@pytest.mark.parametrize(
    ("word", "kind", "reason"),
    [
        ("busy", NodeBusy, "full"),
        ("failed", RecognitionFailed, "model"),
        ("bad", BadAudio, "too_short"),
        ("garbage", NodeUnreachable, "garbage"),
        ("empty", NodeUnreachable, "garbage"),
        ("crash", NodeUnreachable, "garbage"),
        ("liar", FingerprintMismatch, None),
    ],
)
async def test_what_a_node_says_becomes_a_typed_error(
    pool: Pool, node: NodeProcess, audio: Path, word: str, kind: type[Exception], reason: str | None
) -> None:
    with pytest.raises(kind) as caught:
        await pool.recognise(node.url, a_job(word), audio, ignore)
    assert type(caught.value) is kind
    assert caught.value.details.get("reason") == reason  # pyright: ignore
    # The node is as good as before.
    await pool.recognise(node.url, a_job(), audio, ignore)


async def test_an_error_message_comes_through_unchanged(pool: Pool, node: NodeProcess, audio: Path) -> None:
    with pytest.raises(RecognitionFailed) as caught:
        await pool.recognise(node.url, a_job("failed"), audio, ignore)
    assert caught.value.message == "<b>& \"quoted\" 'text'</b>"


async def test_many_jobs_at_once_do_not_disturb_each_other(pool: Pool, node: NodeProcess, audio: Path) -> None:
    jobs = [a_job(*(["slow"] if number % 3 == 0 else ["busy"] if number % 3 == 1 else [])) for number in range(9)]
    results = await asyncio.gather(
        *(pool.recognise(node.url, job, audio, ignore) for job in jobs), return_exceptions=True
    )
    assert [type(result) for result in results] == [NodeResult, NodeBusy, NodeResult] * 3


async def test_the_event_loop_is_free_while_a_node_works(pool: Pool, node: NodeProcess, audio: Path) -> None:
    task = asyncio.create_task(pool.recognise(node.url, a_job("slow"), audio, ignore))
    turns = 0
    while not task.done():
        await asyncio.sleep(0.01)
        turns += 1
    assert turns > 20


async def test_cancelling_the_task_cancels_the_job_on_the_node(pool: Pool, node: NodeProcess, audio: Path) -> None:
    job = a_job("hang")
    task = asyncio.create_task(pool.recognise(node.url, job, audio, ignore))
    await eventually(lambda: job.id in running(node.url))
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await eventually(lambda: job.id not in running(node.url))


async def test_an_error_of_the_caller_ends_the_job_and_comes_back_as_it_was(
    pool: Pool, node: NodeProcess, audio: Path
) -> None:
    async def broken(_: NodeProgress) -> None:
        raise LookupError("the caller's own")

    job = a_job("hang")
    with pytest.raises(LookupError, match="the caller's own"):
        await pool.recognise(node.url, job, audio, broken)
    await eventually(lambda: job.id not in running(node.url))


@pytest.mark.parametrize(
    ("word", "limits", "message"),
    [
        ("hang", Limits(1.0, 60.0, 60.0), "did not finish"),
        # It has told its first step, and then nothing.
        ("hang", Limits(60.0, 60.0, 0.5), "said nothing"),
        ("mute", Limits(60.0, 0.5, 60.0), "said nothing"),
    ],
)
async def test_a_job_past_a_limit_is_cancelled_and_may_go_elsewhere(
    node: NodeProcess, audio: Path, word: str, limits: Limits, message: str
) -> None:
    pool = make_pool(node.url, limits=lambda job, audio: limits)
    await pool.start()
    job = a_job(word)
    with pytest.raises(NodeUnreachable, match=message) as caught:
        await asyncio.wait_for(pool.recognise(node.url, job, audio, ignore), 30)
    assert caught.value.details["reason"] == "timeout"
    await eventually(lambda: job.id not in running(node.url))
    await pool.stop()


@pytest.mark.parametrize(("word", "aside"), [("plain", False), ("large", True)])
async def test_a_result_is_read_once_and_a_large_one_in_a_thread(
    pool: Pool, node: NodeProcess, audio: Path, monkeypatch: pytest.MonkeyPatch, word: str, aside: bool
) -> None:
    read_in: list[bool] = []
    read = NodeResult.from_json

    def note(data: dict[str, Any]) -> NodeResult:
        read_in.append(threading.current_thread() is not threading.main_thread())
        return read(data)

    monkeypatch.setattr(NodeResult, "from_json", note)
    result = await pool.recognise(node.url, a_job(word), audio, ignore)
    assert len(result.output.segments) == (300 if aside else 1)
    assert read_in == [aside]


async def test_a_cut_connection_joins_the_run_under_way(node: NodeProcess, audio: Path) -> None:
    async with CuttableLink(node.url) as link:
        pool = make_pool(link.url)
        await pool.start()
        job, texts = a_job("slow"), list[str]()

        async def note(step: NodeProgress) -> None:
            texts.extend(segment.text for segment in step.segments)
            if texts == ["第1句"]:
                link.cut()

        result = await pool.recognise(link.url, job, audio, note)
        assert result.output.segments[0].text == "你好"
        assert texts == ["第1句", "第2句", "第3句"]
        assert calls(node.url).count(job.id) == 2
        await pool.stop()


async def test_a_node_that_dies_while_it_works(audio: Path) -> None:
    with fake_node(FAKE_TOKEN="secret") as mortal:
        pool = make_pool(mortal.url)
        await pool.start()
        with pytest.raises(NodeUnreachable) as caught:
            await pool.recognise(mortal.url, a_job("die"), audio, ignore)
        assert caught.value.details["reason"] == "broken"
        with pytest.raises(NodeUnreachable) as caught:
            await pool.recognise(mortal.url, a_job(), audio, ignore)
        assert caught.value.details["reason"] == "refused"
        await eventually(lambda: pool.statuses()[0].availability is Availability.UNREACHABLE)
        await pool.stop()


async def test_a_node_that_comes_back_with_other_endpoints_is_called_rightly(audio: Path) -> None:
    with fake_node(FAKE_TOKEN="secret") as first:
        pool = make_pool(first.url)
        await pool.start()
        await pool.recognise(first.url, a_job(), audio, ignore)
        first.kill()
        with fake_node(port=int(first.url.rpartition(":")[2]), FAKE_TOKEN="secret", FAKE_SHIFT="1") as second:
            assert second.url == first.url
            result = await pool.recognise(first.url, a_job(), audio, ignore)
            assert result.output.segments[0].text == "你好"
        await pool.stop()


async def test_a_wrong_token_is_told_and_the_node_gets_no_work(node: NodeProcess, audio: Path) -> None:
    pool = make_pool(node.url, token="wrong")
    await pool.start()
    await pool.refresh()
    status = pool.statuses()[0]
    assert status.availability is Availability.QUARANTINED
    assert "ASR_NODE_TOKEN" in status.reason
    with pytest.raises(NodeUnreachable) as caught:
        await pool.recognise(node.url, a_job(), audio, ignore)
    assert caught.value.details["reason"] == "token"
    await pool.stop()


async def test_health_ejects_after_two_failures_and_one_probe_readmits(pool: Pool, node: NodeProcess) -> None:
    def availability() -> Availability:
        return pool.statuses()[0].availability

    assert availability() is Availability.READY
    try:
        for word, expected in (("loading", Availability.LOADING), ("draining", Availability.DRAINING)):
            post(node.url, f"/test/health/{word}")
            await pool.refresh()
            assert availability() is expected
        post(node.url, "/test/health/garbage")
        await eventually(lambda: availability() is Availability.UNREACHABLE)
        assert "not that of a node" in pool.statuses()[0].reason
    finally:
        post(node.url, "/test/health/ready")
    await pool.refresh()
    assert availability() is Availability.READY
    assert pool.statuses()[0].failures == 0


async def test_another_fingerprint_is_quarantined_until_it_is_promoted(
    node: NodeProcess, other_node: NodeProcess
) -> None:
    registry = MemoryRegistry(demo="fp-1")
    pool = make_pool(node.url, other_node.url, registry=registry)
    await pool.start()
    await pool.refresh()
    await pool.refresh()
    good, odd = pool.statuses()
    assert good.availability is Availability.READY
    assert odd.availability is Availability.QUARANTINED
    assert "weights: fp-2, expected fp-1" in odd.reason
    await registry.expect("demo", "fp-2")
    await pool.refresh()
    assert [status.availability for status in pool.statuses()] == [Availability.QUARANTINED, Availability.READY]
    await pool.stop()


async def test_the_first_fingerprint_is_adopted_and_a_child_of_ones_own_trusted(node: NodeProcess) -> None:
    for trust, before, after in ((False, {}, "fp-1"), (True, {"demo": "old"}, "fp-1"), (False, {"demo": "old"}, "old")):
        registry = MemoryRegistry(**before)
        pool = make_pool(node.url, registry=registry)
        if trust:
            await pool.set_intent(NodeIntent(node.url, "own", origin=Origin.OWN))
        await pool.start()
        await pool.refresh()
        assert registry.expected == {"demo": after}
        assert pool.default_model() == "demo"
        await pool.stop()


async def test_the_board_learns_of_nodes_and_grants(node: NodeProcess) -> None:
    pool, board = make_pool(node.url), LocalBoard()
    pool.on_change = board.observe
    ticket = Ticket("t", "u", "demo", 5.0)
    await board.post(ticket)
    assert await board.wait("t", 0) == Waiting(0, None, WaitReason.NO_NODE)
    await pool.start()
    assert await board.wait("t", 60) == Grant("t", node.url, "n0")
    intent = NodeIntent(node.url, "n0", drain=True)
    await pool.set_intent(intent)
    await board.post(Ticket("t2", "u", "demo", 5.0))
    place = await board.wait("t2", 0)
    assert isinstance(place, Waiting) and place.reason is WaitReason.ALL_DRAINING
    await pool.remove(node.url)
    assert pool.statuses() == []
    await pool.stop()


async def test_who_was_gone_and_answers_again_is_known_to_be_back(node: NodeProcess) -> None:
    probe = HealthProbe(ssl.create_default_context())
    now = time.monotonic()
    first = await probe.poll(node.url, "secret", Observation())
    assert first.back_since is None
    missed = await probe.poll(node.url, "secret", replace(first, failures=1))
    assert missed.back_since is None
    back = await probe.poll(node.url, "secret", replace(first, failures=2))
    assert back.back_since is not None and back.back_since >= now
    later = await probe.poll(node.url, "secret", back)
    assert later.back_since == back.back_since
    await probe.close()


async def test_the_members_are_taken_over_and_a_child_of_ones_own_stays(
    node: NodeProcess, other_node: NodeProcess, audio: Path
) -> None:
    pool = make_pool(node.url)
    await pool.set_intent(NodeIntent("http://127.0.0.1:9", "own", origin=Origin.OWN))
    await pool.start()
    await pool.take([NodeIntent(other_node.url, "二号", weight=2.0)])
    assert {status.name: status.intent.weight for status in pool.statuses()} == {"own": 1.0, "二号": 2.0}
    await pool.refresh()
    assert (await pool.recognise(other_node.url, a_job(), audio, ignore)).model == "demo"
    # With another secret the way to it is another one, which it refuses.
    await pool.take([NodeIntent(other_node.url, "二号", token="wrong")])
    await pool.refresh()
    await pool.refresh()
    assert "refuses the node token" in pool.statuses()[-1].reason
    with pytest.raises(NodeUnreachable) as caught:
        await pool.recognise(other_node.url, a_job(), audio, ignore)
    assert caught.value.details["reason"] == "token"
    await pool.take([])
    assert [status.name for status in pool.statuses()] == ["own"]
    await pool.stop()


async def test_a_node_that_is_not_part_of_the_cluster(pool: Pool, audio: Path) -> None:
    with pytest.raises(NodeUnreachable):
        await pool.recognise("http://127.0.0.1:9", a_job(), audio, ignore)


def test_doctor_asks_a_node_how_it_is(node: NodeProcess) -> None:
    found = [check() for name, check in checks(load_settings(nodes=node.url)) if name == f"node {node.url}"]
    assert found == ["ready, demo on "]


async def test_requests_mean_a_model_of_our_own_nodes_before_that_of_foreign_apps(node: NodeProcess) -> None:
    pool = make_pool(node.url)
    foreign = parse_node("http://127.0.0.1:9;model=old;app=fun-asr-webui")
    assert foreign.app
    for number in range(2):
        await pool.set_intent(replace(foreign, url=f"http://127.0.0.1:{9 + number}"))
    for status in pool.statuses()[1:]:
        # As if it had been seen, before any other.
        pool._nodes[status.intent.url].seen = Observation(NodeReport(Health.READY, "old"), time.monotonic())
    assert pool.default_model() == "old"
    await pool.start()
    await pool.refresh()
    assert pool.default_model() == "demo"
    await pool.stop()
