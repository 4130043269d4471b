"""Those who want something recognised while everything breaks: each sends recordings, one after the other, and waits.

A client knows what it was told, and nothing else. Where a replica does not answer, it asks the other one. A request
whose answer never came may or may not have been taken: it is sent again under another name.
"""

import random
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from threading import Event, Lock
from typing import Any

import httpx

from benchmarks.checked_sound import made_sound, text_of
from tests.helpers.sounds import wav_bytes

_TIMEOUT = httpx.Timeout(40.0, connect=3.0)
#: How long one request waits for the end, and the pause before the next one after a failure, in seconds.
WAIT_SECONDS, PAUSE_SECONDS = 10, 0.3
_FINAL = ("succeeded", "failed", "cancelled")


@dataclass
class Job:
    """One recording that somebody wants the text of. ``names``: of its requests, each its own."""

    number: int
    seconds: float
    seed: int
    segment_ms: int
    names: list[str] = field(default_factory=list)
    #: The row that it was promised, and under which name.
    id: str = ""
    name: str = ""
    #: Every final state that it was told.
    told: list[dict[str, Any]] = field(default_factory=list)
    #: From the promise to the end as the client sees it, in seconds.
    took: float | None = None
    text: str = ""
    wav: bytes = field(default=b"", repr=False)

    def prepare(self) -> None:
        """Makes the sound, and its right text."""
        sound = made_sound(self.seconds, self.seed)
        self.wav, self.text = wav_bytes(sound.tobytes()), text_of(sound, self.segment_ms)


@dataclass
class Counts:
    """What clients met."""

    refused: int = 0
    broken: int = 0
    asked_elsewhere: int = 0


class Clients:
    """``count`` of them share the jobs."""

    def __init__(self, replicas: Sequence[str], jobs: Sequence[Job], count: int, seed: int) -> None:
        self.counts = Counts()
        self.over = Event()
        self._replicas = replicas
        # Whoever is free takes the next one: a client with a long recording holds up no others.
        self._jobs = iter(jobs)
        self._turn = Lock()
        self._count = count
        self._seed = seed

    def run(self) -> None:
        """Returns when every job has ended, or ``over`` is set."""
        with ThreadPoolExecutor(self._count, thread_name_prefix="client") as threads:
            for done in [threads.submit(self._work, number) for number in range(self._count)]:
                done.result()

    def _work(self, number: int) -> None:
        chance = random.Random(f"{self._seed} {number}")
        with httpx.Client(timeout=_TIMEOUT, trust_env=False, verify=False) as http:
            while (job := self._next()) is not None:
                job.prepare()
                began = time.monotonic()
                at = self._send(http, job, chance)
                if at is not None:
                    self._follow(http, job, at)
                job.took = time.monotonic() - began
                job.wav = b""
                if self.over.is_set():
                    return

    def _next(self) -> Job | None:
        with self._turn:
            return next(self._jobs, None)

    def _send(self, http: httpx.Client, job: Job, chance: random.Random) -> int | None:
        """Until a replica has promised a row; which one it was."""
        at = chance.randrange(len(self._replicas))
        while not self.over.is_set():
            name = f"job-{job.number}-{len(job.names)}.wav"
            job.names.append(name)
            try:
                answer = http.post(f"{self._replicas[at]}/v1/recognitions", params={"filename": name}, content=job.wav)
            except httpx.ConnectError:
                pass  # nobody was there
            except httpx.HTTPError:
                self.counts.broken += 1
            else:
                if answer.status_code in (200, 202):
                    job.id, job.name = str(answer.json()["id"]), name
                    return at
                self.counts.refused += 1
            at = (at + 1) % len(self._replicas)
            self.over.wait(PAUSE_SECONDS)
        return None

    def _follow(self, http: httpx.Client, job: Job, at: int) -> None:
        """Until it is told an end; a second replica is then asked as well."""
        path = f"/v1/recognitions/{job.id}"
        while not self.over.is_set():
            row = self._ask(http, f"{self._replicas[at]}{path}", WAIT_SECONDS)
            if row is None:
                at = (at + 1) % len(self._replicas)
                self.counts.asked_elsewhere += 1
                self.over.wait(PAUSE_SECONDS)
            elif row["status"] in _FINAL:
                job.told.append(row)
                break
        other = self._ask(http, f"{self._replicas[(at + 1) % len(self._replicas)]}{path}", 0)
        # While the database is away only one of them may know.
        if other is not None and other["status"] in _FINAL:
            job.told.append(other)

    @staticmethod
    def _ask(http: httpx.Client, url: str, wait: float) -> dict[str, Any] | None:
        try:
            answer = http.get(url, params={"wait": wait} if wait else None)
            return answer.json() if answer.status_code == 200 else None
        except httpx.HTTPError:
            return None
