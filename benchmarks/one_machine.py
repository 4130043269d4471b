"""The whole path on one machine, against the recogniser called directly, in one run.

    python benchmarks/one_machine.py [--rounds 20]

Prints a table and one JSON line. Times are wall time; the two ways take turns on the same clip, so that a noisy
machine disturbs both alike.
"""

import asyncio
import logging
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import psutil

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.report import asked, quantiles, show  # noqa: E402
from domain.access import Visitor  # noqa: E402
from domain.ids import new_id  # noqa: E402
from domain.options import RecognitionOptions  # noqa: E402
from domain.recognition import Recognition, Source, Status  # noqa: E402
from settings import load_settings  # noqa: E402
from tests.helpers.direct import load_direct  # noqa: E402
from tests.helpers.server import Server  # noqa: E402
from tests.helpers.speech import RATE, say, talk, write_wav  # noqa: E402
from wiring import build  # noqa: E402

VISITOR = Visitor("benchmark", is_admin=True)
SENTENCES = ("今天天气怎么样", "会议现在开始", "请打开空调", "谢谢", "再见")


def main() -> None:
    """Measures everything and prints it."""
    rounds = asked(__doc__, "rounds", 20, "calls of each kind")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="asr-bench-") as folder:
        figures = {**asyncio.run(in_process(Path(folder), rounds)), **start_up(Path(folder))}
    show("one_machine", figures)


async def in_process(folder: Path, rounds: int) -> dict[str, Any]:
    """Whole path against ``AutoModel.generate``; cache hits; the insert of a row."""
    clip = write_wav(folder / "clip.wav", talk(*(say(text) for text in SENTENCES)))
    direct = await asyncio.to_thread(load_direct, "demo")
    settings = load_settings(data_dir=folder / "inside", model="demo")
    async with build(settings).running() as services:

        async def whole_path(speakers: int = 1) -> None:
            # What is called directly tells nobody apart; what that costs is measured by itself.
            row = await services.transcription.submit(
                clip,
                clip.name,
                RecognitionOptions(speakers=speakers),
                visitor=VISITOR,
                source=Source.API,
                use_cache=False,
            )
            done = await services.transcription.wait(row.id, visitor=VISITOR)
            assert done.status is Status.SUCCEEDED, done.error

        async def directly() -> None:
            await asyncio.to_thread(direct, clip, RecognitionOptions())

        await whole_path()
        await directly()
        pairs = [(await timed(whole_path), await timed(directly)) for _ in range(rounds)]
        told_apart = [await timed(lambda: whole_path(0)) - await timed(whole_path) for _ in range(rounds)]
        figures: dict[str, Any] = {
            "clip_seconds": (clip.stat().st_size - 44) / 2 / RATE,
            "whole_path_ms": quantiles([a for a, _ in pairs]),
            "direct_ms": quantiles([b for _, b in pairs]),
            "added_ms": quantiles([a - b for a, b in pairs]),
            "telling_speakers_apart_ms": quantiles(told_apart),
        }
        figures |= await hits(services, folder, rounds)
    return figures


async def hits(services: Any, folder: Path, rounds: int) -> dict[str, Any]:
    """10-minute files that are known: digest plus lookup, all of it with both tracks made, and the row's insert."""
    figures: dict[str, Any] = {}
    utterance = talk(*(say(text) for text in SENTENCES))
    long = write_wav(folder / "long.wav", utterance.repeat(1)[None].repeat(600 * RATE // len(utterance), 0).ravel())
    mp3 = folder / "long.mp3"
    command = ["ffmpeg", "-v", "error", "-y", "-i", str(long), "-b:a", "128k", str(mp3)]
    await asyncio.to_thread(subprocess.run, command, check=True)
    transcription = services.transcription
    options = RecognitionOptions()
    rows: list[Recognition] = []
    for path in (long, mp3):
        first = await transcription.submit(path, path.name, options, visitor=VISITOR, source=Source.API)
        row = await transcription.wait(first.id, visitor=VISITOR)
        assert row.status is Status.SUCCEEDED, row.error
        rows.append(row)

        question = await transcription._models.question(options, "demo")

        async def lookup(path: Path = path, question: Any = question) -> None:
            known = transcription._known
            assert await known.find(str(await known.recall(path)), question)

        async def answer(path: Path = path, asked: Recognition = row) -> None:
            assert await transcription.recall(path, asked)

        calls: tuple[tuple[str, Callable[[], Awaitable[None]]], ...] = (("hit", lookup), ("hit_with_text", answer))
        for name, call in calls:
            await call()
            figures[f"{name}_{path.suffix[1:]}_ms"] = quantiles([await timed(call) for _ in range(rounds * 5)])

    async def insert() -> None:
        await services.history._store.insert(rows[-1].with_changes(id=new_id()))

    figures["insert_ms"] = quantiles([await timed(insert) for _ in range(rounds * 5)])
    return figures


def start_up(folder: Path) -> dict[str, Any]:
    """Time to the first page and to a ready node, and what each process holds in memory after one recognition."""
    server = Server(folder / "outside")
    began = time.monotonic()
    try:
        server.start(ready=False)
        httpx.get(server.url, timeout=30).raise_for_status()
        page_seconds = time.monotonic() - began
        while httpx.get(server.url + "/readyz", timeout=30).status_code != 200:
            time.sleep(0.05)
        ready_seconds = time.monotonic() - began
        with (folder / "clip.wav").open("rb") as file:
            answer = httpx.post(server.url + "/v1/recognitions?wait=60", files={"file": file}, timeout=90)
        assert answer.json()["status"] == "succeeded", answer.text
        assert server.process
        web = psutil.Process(server.process.pid)
        nodes = web.children(recursive=True)
        return {
            "first_page_s": round(page_seconds, 2),
            "node_ready_s": round(ready_seconds, 2),
            "web_ui_mb": round(web.memory_info().rss / 1e6),
            "node_mb": round(max(node.memory_info().rss for node in nodes) / 1e6),
        }
    finally:
        server.stop()


async def timed(call: Callable[[], Awaitable[None]]) -> float:
    """How long one call takes, in ms."""
    began = time.perf_counter()
    await call()
    return (time.perf_counter() - began) * 1000


if __name__ == "__main__":
    main()
