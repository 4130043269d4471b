"""Recordings for ``benchmarks/pool.py``, and how they reach the nodes: by the replicas, or by nginx alone."""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from gradio_client import Client, handle_file

from benchmarks.checked_sound import made_sound, text_of
from domain.ids import new_id
from domain.node import NodeJob, NodeResult
from domain.options import RecognitionOptions
from domain.transcript import join_texts
from tests.helpers.sounds import write_sound

#: One request waits for its text; nobody waits longer, in seconds.
WAIT_SECONDS = 600
#: As many callers at most wait at nginx.
CALLERS = 200


@dataclass(frozen=True, slots=True)
class Recording:
    """A file, and what is to be found in it."""

    path: Path
    seconds: float
    text: str


def recordings(folder: Path, lengths: Sequence[float], seed: int) -> list[Recording]:
    """One of each length; no two are alike."""
    folder.mkdir(parents=True, exist_ok=True)
    made: list[Recording] = []
    for number, seconds in enumerate(lengths):
        sound = made_sound(seconds, seed + number)
        path = write_sound(folder / f"{seed + number}.wav", sound)
        made.append(Recording(path, seconds, text_of(sound)))
    return made


Way = Callable[[Recording, int], Awaitable[None]]


class ByReplicas:
    """``POST /v1/recognitions`` at one replica after the other."""

    def __init__(self, urls: Sequence[str]) -> None:
        self._urls = urls
        limits = httpx.Limits(max_connections=None, max_keepalive_connections=CALLERS)
        self._http = httpx.AsyncClient(timeout=WAIT_SECONDS, trust_env=False, verify=False, limits=limits)

    async def __call__(self, recording: Recording, number: int) -> None:
        """Returns when the text is here, and right."""
        answer = await self._http.post(
            f"{self._urls[number % len(self._urls)]}/v1/recognitions",
            params={"wait": WAIT_SECONDS, "filename": recording.path.name},
            content=await asyncio.to_thread(recording.path.read_bytes),
        )
        row = answer.raise_for_status().json()
        assert (row["status"], row["text"], row["cache"]) == ("succeeded", recording.text, "miss"), row

    async def usable_nodes(self, url: str) -> int:
        """How many nodes of one slot a replica can use."""
        return int((await self._http.get(f"{url}/v1/nodes")).raise_for_status().json()["slots"])

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()


def connected(url: str) -> Client:
    """A client without what costs time and is not wanted on one's own machines (FACTS of gradio_client)."""
    timeout = httpx.Timeout(5.0, read=30.0)
    return Client(url, verbose=False, ssl_verify=False, download_files=False, httpx_kwargs={"timeout": timeout})


def call(client: Client, recording: Recording) -> None:
    """One call of a node's ``/recognize``, as a program without this web UI would make it."""
    job = NodeJob(new_id(), RecognitionOptions()).to_json()
    answer: Any = client.predict(handle_file(recording.path), job, api_name="/recognize")
    result = NodeResult.from_json(answer["result"])
    text = join_texts([segment.text for segment in result.output.segments])
    assert text == recording.text, text


class ByNginx:
    """Each caller is a session of its own, so that nginx gives it the node with the fewest connections."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._threads = ThreadPoolExecutor(CALLERS, thread_name_prefix="caller")

    async def __call__(self, recording: Recording, _: int) -> None:
        """Returns when the text is here, and right."""
        await asyncio.get_running_loop().run_in_executor(self._threads, self._call, recording)

    def _call(self, recording: Recording) -> None:
        client = connected(self._url)
        try:
            call(client, recording)
        finally:
            client.close()

    async def close(self) -> None:
        """Ends the threads."""
        self._threads.shutdown()


async def all_at_once(work: Sequence[Recording], at_a_time: int, way: Way) -> list[float]:
    """So many callers, each with the next recording as soon as it has its text; when each text came, in seconds."""
    ends: list[float] = []
    numbers = iter(range(len(work)))

    async def caller() -> None:
        for number in numbers:
            await way(work[number], number)
            ends.append(time.monotonic())

    await asyncio.gather(*(caller() for _ in range(at_a_time)))
    return sorted(ends)


async def as_people_come(work: Sequence[Recording], per_second: float, seed: int, way: Way) -> list[float]:
    """At moments of chance, so many a second on average, whoever waits already; seconds until each text, in order."""
    chance, took = random.Random(seed), [0.0] * len(work)
    began, at = time.monotonic(), 0.0

    async def one(number: int, due: float) -> None:
        await asyncio.sleep(max(0.0, began + due - time.monotonic()))
        await way(work[number], number)
        took[number] = time.monotonic() - (began + due)

    async with asyncio.TaskGroup() as tasks:
        for number in range(len(work)):
            at += chance.expovariate(per_second)
            tasks.create_task(one(number, at))
    return took
