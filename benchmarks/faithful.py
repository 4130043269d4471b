"""The text through the whole path against ``AutoModel`` called directly, and what batches across jobs bring.

    python benchmarks/faithful.py [--clips 200] [--hours 1]

For each preset that runs on this machine without a download. Prints a table and one JSON line.
"""

import argparse
import asyncio
import json
import logging
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from domain.access import Visitor  # noqa: E402
from domain.options import RecognitionOptions  # noqa: E402
from domain.recognition import Source, Status  # noqa: E402
from engine.decoder import Decoder  # noqa: E402
from engine.families import family_of  # noqa: E402
from engine.families.base import decoding_of  # noqa: E402
from engine.loading import load_models  # noqa: E402
from engine.local_models import find_model  # noqa: E402
from engine.segment_queue import SegmentQueue  # noqa: E402
from services.bundle import Services  # noqa: E402
from settings import load_settings  # noqa: E402
from tests.helpers.direct import Clip, comparable, load_direct, varied_clips  # noqa: E402
from tests.helpers.speech import write_wav  # noqa: E402
from wiring import build  # noqa: E402

PRESETS = ("demo", "demo-sensevoice")
VISITOR = Visitor("benchmark", is_admin=True)
BATCH_SEGMENTS = 8
JOBS = 4


def main() -> None:
    """Measures every preset and prints what was found."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--clips", type=int, default=200, help="short clips (default 200)")
    parser.add_argument("--hours", type=float, default=1.0, help="length of the long recording (default 1)")
    arguments = parser.parse_args()
    logging.disable(logging.WARNING)
    figures = {
        preset: measure(preset, list(varied_clips(arguments.clips, preset)), arguments.hours * 3600)
        for preset in PRESETS
    }
    show(figures, arguments.clips, arguments.hours)


def measure(preset: str, clips: list[Clip], long_seconds: float) -> dict[str, Any]:
    """Differences and speed of one preset."""
    with tempfile.TemporaryDirectory(prefix="asr-bench-") as folder:
        asked = [*clips, long_clip(clips, long_seconds)]
        paths = [write_wav(Path(folder) / f"{number}.wav", clip.samples) for number, clip in enumerate(asked)]
        direct = load_direct(preset)
        wanted = [comparable(direct(path, clip.options)) for path, clip in zip(paths, asked, strict=True)]
        heard = asyncio.run(whole_path(preset, asked, paths, Path(folder) / "data"))
    wrong = [number for number, (a, b) in enumerate(zip(wanted, heard, strict=True)) if a != b]
    for number in wrong[:5]:
        print(
            f"{preset} clip {number}:\n  direct {wanted[number][:200]}\n  path   {heard[number][:200]}", file=sys.stderr
        )
    return {
        "clips": len(clips),
        "different_clips": sum(number < len(clips) for number in wrong),
        "long_seconds": long_seconds,
        "long_characters": len(wanted[-1]),
        "long_is_different": len(clips) in wrong,
        **batches(preset, clips),
    }


def long_clip(clips: list[Clip], seconds: float) -> Clip:
    """The clips one after the other, so often as it takes."""
    repeats = int(np.ceil(seconds / sum(clip.seconds for clip in clips)))
    return Clip(
        np.concatenate([clip.samples for clip in clips] * repeats)[: round(seconds * 16_000)], RecognitionOptions()
    )


async def whole_path(preset: str, clips: list[Clip], paths: list[Path], data_dir: Path) -> list[str]:
    """The spoken text of each file, from upload to row."""
    async with build(load_settings(data_dir=data_dir, model=preset)).running() as services:
        return [await text_of(services, path, clip.options) for path, clip in zip(paths, clips, strict=True)]


async def text_of(services: Services, path: Path, options: RecognitionOptions) -> str:
    """One file through the whole path, without the cache."""
    row = await services.transcription.submit(
        path, path.name, options, visitor=VISITOR, source=Source.API, use_cache=False
    )
    done = await services.transcription.wait(row.id, visitor=VISITOR)
    if done.status is not Status.SUCCEEDED:
        raise SystemExit(f"{path.name}: {done.error}")
    return comparable(done.transcript.raw_text or "")


def batches(preset: str, clips: list[Clip]) -> dict[str, Any]:
    """Seconds of sound a second on one thread: segments of several jobs one by one, and in batches; medians of 5."""
    import torch

    models = load_models(find_model(preset), "cpu")
    torch.set_num_threads(1)
    local = find_model(preset)
    decoder = Decoder(models, family_of(local.preset))
    decoding = decoding_of(local.preset, RecognitionOptions(), "spoken")
    some = [clip.samples for clip in clips][:: max(1, len(clips) // 64)][:64]

    def run(batch_segments: int) -> float:
        queue = SegmentQueue(decoder.decode, batch_segments=batch_segments)
        started = time.perf_counter()
        futures = [queue.submit(f"job {n % JOBS}", clip, decoding) for n, clip in enumerate(some)]
        for future in futures:
            future.result()
        took = time.perf_counter() - started
        queue.close()
        return sum(map(len, some)) / 16_000 / took

    run(1)
    pairs = [(run(1), run(BATCH_SEGMENTS)) for _ in range(5)]
    return {
        "one_by_one_speed": round(statistics.median(a for a, _ in pairs), 1),
        "batched_speed": round(statistics.median(b for _, b in pairs), 1),
        "batched_over_one_by_one": round(statistics.median(b / a for a, b in pairs), 2),
    }


def show(figures: dict[str, dict[str, Any]], clips: int, hours: float) -> None:
    """The table, then the JSON line."""
    rows: list[tuple[str, Callable[[dict[str, Any]], str]]] = [
        (f"different texts of {clips} clips", lambda f: str(f["different_clips"])),
        (f"{hours:g} h of speech: different", lambda f: "yes" if f["long_is_different"] else "no"),
        (f"{hours:g} h of speech: characters", lambda f: str(f["long_characters"])),
        ("one thread, one by one, × real time", lambda f: f"{f['one_by_one_speed']:.0f}"),
        (f"one thread, batches of {BATCH_SEGMENTS} across {JOBS} jobs", lambda f: f"{f['batched_speed']:.0f}"),
        ("batches over one by one", lambda f: f"{f['batched_over_one_by_one']:.2f}"),
    ]
    print(f"| | {' | '.join(figures)} |\n|---|{'---|' * len(figures)}")
    for name, cell in rows:
        print(f"| {name} | {' | '.join(cell(found) for found in figures.values())} |")
    print(json.dumps({"machine": f"{platform.machine()}, {platform.system()}", "presets": figures}))


if __name__ == "__main__":
    main()
