"""What the cache gives, with a real Redis and the demo model: the time of a hit, and a batch with repeats.

    python benchmarks/cache.py [--files 500]

Prints a table and one JSON line. A hit is digest and lookup of a 10-minute recording that is known: of a file on
the disk, and of an upload, whose digest was made while it came in. Of the batch, 30 % repeat what came before: under
another name, with other tags, or as the FLAC of a WAV; it runs twice with the cache and twice without.
"""

import asyncio
import logging
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.one_machine import SENTENCES, VISITOR, timed  # noqa: E402
from benchmarks.report import asked, quantiles, show  # noqa: E402
from domain.options import RecognitionOptions  # noqa: E402
from domain.recognition import CacheOutcome, Recognition, Source, Status  # noqa: E402
from services.bundle import Services  # noqa: E402
from settings import load_settings  # noqa: E402
from tests.helpers.redis_server import running_redis  # noqa: E402
from tests.helpers.speech import RATE, say, talk, write_wav  # noqa: E402
from wiring import build  # noqa: E402

#: Hits that are measured of each kind of file, and the length of the recording in seconds.
ROUNDS, LONG_SECONDS = 200, 600
#: What the API writes at once of an upload.
PIECE_BYTES = 1 << 20
KINDS = {"wav": (), "mp3": ("-b:a", "128k"), "m4a": ("-c:a", "aac", "-b:a", "96k")}
#: Of so many files in the batch three repeat others; so many are at work at a time.
OF_TEN_REPEAT, AT_ONCE = 3, 16


def main() -> None:
    """Measures everything and prints it."""
    files = asked(__doc__, "files", 500, "files of the batch")
    logging.disable(logging.WARNING)
    with tempfile.TemporaryDirectory(prefix="asr-bench-") as folder, running_redis() as redis:
        show("cache", asyncio.run(measured(Path(folder), redis.url(), files)))


async def measured(folder: Path, redis_url: str, files: int) -> dict[str, Any]:
    """All figures, of one running program."""
    batch = await asyncio.to_thread(made_batch, folder / "batch", files)
    long = await asyncio.to_thread(made_long, folder)
    settings = load_settings(data_dir=folder / "data", model="demo", redis_url=redis_url)
    async with build(settings).running() as services:
        figures: dict[str, Any] = {}
        for path in long:
            figures |= await hits(services, path)
        for name, use_cache in (("cached", True), ("uncached", False)):
            for number, run in enumerate(("first", "second"), 1):
                figures[f"batch_{name}_{run}"] = await run_batch(services, batch, use_cache)
                print(f"  batch {name}, run {number} of 2 is done", file=sys.stderr, flush=True)
    return {"files": files, "different": files - repeats(files), **figures}


async def hits(services: Services, path: Path) -> dict[str, dict[str, float]]:
    """Digest and lookup of a recording that was recognised before: read from the disk, and as an upload.

    The digest of an upload is made while it comes in: what that takes is told beside.
    """
    row = await recognise(services, path)
    known, uploads, kind = services.transcription._known, services.uploads, path.suffix[1:]
    question = await services.transcription._question(row, row.model or "")
    pieces = await asyncio.to_thread(pieces_of, path)

    async def lookup() -> None:
        assert await known.find(str(await known.recall(path)), question)

    async def come_in() -> None:
        running = uploads.begin()
        for piece in pieces:
            await asyncio.to_thread(running.update, piece)
        uploads.learn(path, running.value)

    async def measured(work: Callable[[], Awaitable[None]]) -> dict[str, float]:
        await work()
        return quantiles([await timed(work) for _ in range(ROUNDS)])

    figures = {f"hit_{kind}_on_disk_ms": await measured(lookup)}
    figures[f"digest_{kind}_coming_in_ms"] = await measured(come_in)
    figures[f"hit_{kind}_upload_ms"] = await measured(lookup)
    print(f"  {path.name} is known", file=sys.stderr, flush=True)
    return figures


def pieces_of(path: Path) -> list[bytes]:
    """A file as the API takes it in."""
    data = path.read_bytes()
    return [data[start : start + PIECE_BYTES] for start in range(0, len(data), PIECE_BYTES)]


async def run_batch(services: Services, batch: list[Path], use_cache: bool) -> dict[str, float]:
    """Every file once: seconds, how many were recognised, and how the others came."""
    turns, outcomes = asyncio.Semaphore(AT_ONCE), Counter[CacheOutcome | None]()

    async def one(path: Path) -> None:
        async with turns:
            outcomes[(await recognise(services, path, use_cache=use_cache)).cache] += 1

    began = time.perf_counter()
    await asyncio.gather(*map(one, batch))
    return {
        "s": round(time.perf_counter() - began, 2),
        "recognised": outcomes[CacheOutcome.MISS],
        "hit": outcomes[CacheOutcome.HIT],
        "shared": outcomes[CacheOutcome.SHARED],
    }


async def recognise(services: Services, path: Path, *, use_cache: bool = True) -> Recognition:
    """From the file to its text."""
    row = await services.transcription.submit(
        path, path.name, RecognitionOptions(), visitor=VISITOR, source=Source.BATCH, use_cache=use_cache
    )
    done = await services.transcription.wait(row.id, visitor=VISITOR)
    assert done.status is Status.SUCCEEDED, done.error
    return done


def made_long(folder: Path) -> list[Path]:
    """The 10-minute recording, as each kind of file."""
    utterance = talk(*(say(text) for text in SENTENCES))
    wav = write_wav(folder / "long.wav", np.tile(utterance, LONG_SECONDS * RATE // len(utterance) + 1))
    made = [wav]
    for kind, arguments in KINDS.items():
        if kind != "wav":
            made.append(ffmpeg("-i", wav, *arguments, wav.with_suffix(f".{kind}")))
    return made


def repeats(files: int) -> int:
    """How many files of the batch repeat another one."""
    return files * OF_TEN_REPEAT // 10


def made_batch(folder: Path, files: int) -> list[Path]:
    """Short recordings, every third an mp3; then those that repeat them, among the others in no order."""
    folder.mkdir()
    chance, batch = np.random.default_rng(0), list[Path]()
    spoken = [say(text) for text in SENTENCES]
    for number in range(files - repeats(files)):
        sound = spoken[number % len(spoken)]
        # A whisper of noise makes each a recording of its own, with the same words.
        noisy = (sound + chance.integers(-20, 20, len(sound))).astype(np.int16)
        wav = write_wav(folder / f"call-{number}.wav", noisy)
        batch.append(wav if number % 3 else ffmpeg("-i", wav, wav.with_suffix(".mp3")))
    originals = [batch[place] for place in chance.choice(len(batch), repeats(files))]
    batch += [repeated(original, folder / f"again-{number}", number) for number, original in enumerate(originals)]
    return [batch[place] for place in chance.permutation(len(batch))]


def repeated(original: Path, name: Path, number: int) -> Path:
    """The same recording: a copy under another name or, every second time, with other tags or as a FLAC."""
    if number % 2:
        copied = name.with_suffix(original.suffix)
        shutil.copy(original, copied)
        return copied
    if original.suffix == ".wav":
        return ffmpeg("-i", original, name.with_suffix(".flac"))
    return ffmpeg("-i", original, "-c", "copy", "-metadata", f"title=Again {number}", name.with_suffix(".mp3"))


def ffmpeg(*arguments: str | Path) -> Path:
    """Runs ffmpeg; the last argument is the file that it makes."""
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *map(str, arguments)]
    subprocess.run(command, check=True, timeout=120)
    return Path(arguments[-1])


if __name__ == "__main__":
    main()
