"""``transcribe``: files in, text out, through the running server or a private node; recorded unless told not to."""

import argparse
import asyncio
import json
import stat
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, get_args

from cli.progress import bar, clear
from cli.remote import find_server, local_url
from cli.roles import Roles
from domain.access import Visitor
from domain.errors import InvalidInput, SpeechError, error_from_code
from domain.labels import plain_text, tells_who
from domain.options import Channels, RecognitionOptions
from domain.recognition import Source
from domain.transcript import Segment
from services.bundle import Services
from settings import Settings, load_settings

#: Whose rows a private run writes: the same as a local caller without a cookie.
LOCAL = Visitor("local", is_admin=True)
#: The warnings of a recognition, in words.
_WARNINGS = {
    "no_speech": "no speech was heard",
    "silent": "the recording holds no sound at all (digital silence)",
    "truncated": "the file is incomplete; only the part that could be read was recognised",
    "damaged": "the file is damaged; the damaged parts were skipped",
    "suspect": "some segments are suspect: nobody may have said their text; listen to the recording to check",
    "speakers_failed": "the speakers could not be told apart because of an error; the text is not affected",
}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "transcribe",
        help="recognise files",
        description="Recognises files through the running server (or --server), else with a node of its own. "
        "The texts go to standard output, all else to standard error.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="audio or video file")
    parser.add_argument(
        "--hotwords",
        "--hotword",
        action="append",
        default=[],
        metavar="W",
        help="words to listen for, separated by commas; repeatable",
    )
    parser.add_argument("--language", help="zh, en, … (default: auto)")
    parser.add_argument("--no-itn", action="store_true", help="text as spoken: 二零二五年, not 2025年")
    parser.add_argument("--no-vad", action="store_true", help="do not cut at silences")
    parser.add_argument("--max-segment-ms", type=int, help="longest segment, 1000 to 60000 (default 30000)")
    parser.add_argument(
        "--channels",
        choices=get_args(Channels),
        help="two channels: each by itself, both as one, or as the sound suggests (default: auto)",
    )
    parser.add_argument("--speakers", type=int, metavar="N", help="how many people speak: 1 to 15 (default: found)")
    parser.add_argument(
        "--no-trace", action="store_true", help="keep neither the recording, nor its text, nor a result"
    )
    parser.add_argument(
        "--server",
        metavar="URL",
        help="web UI to use (default: http://127.0.0.1 at the port of ASR_PORT, 7860 unless set, if it answers)",
    )
    parser.add_argument("--api-key", metavar="KEY", help="key of that server, where it wants one")
    parser.add_argument("--json", action="store_true", help="the whole recognition, one JSON object per line")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace, roles: Roles) -> int:
    options = RecognitionOptions.of(
        language=args.language,
        hotwords="\n".join(args.hotwords),
        itn=not args.no_itn,
        vad=not args.no_vad,
        max_segment_ms=args.max_segment_ms,
        speakers=args.speakers,
        channels=args.channels,
    )
    return asyncio.run(_transcribe(args, options, load_settings(), roles))


async def _transcribe(args: argparse.Namespace, options: RecognitionOptions, settings: Settings, roles: Roles) -> int:
    failures = 0
    server = await find_server(args.server, settings, args.api_key)
    if server:
        _say(f"using the server at {server.url}")
        async with server:
            for path in args.files:
                failures += await _one(path, server.transcribe(path, options, no_trace=args.no_trace), args)
    else:
        _say(f"no server answers at {local_url(settings)}: starting a private node (a few seconds)")
        async with roles.services(settings) as services:
            for path in args.files:
                failures += await _one(path, _privately(services, path, options, args.no_trace), args)
    return 1 if failures else 0


async def _privately(
    services: Services, path: Path, options: RecognitionOptions, no_trace: bool
) -> AsyncIterator[dict[str, Any]]:
    row = await services.transcription.submit(
        path, path.name, options, visitor=LOCAL, source=Source.CLI, no_trace=no_trace
    )
    async for state in services.transcription.follow(row.id, visitor=LOCAL):
        yield state.to_json()


async def _one(path: Path, states: AsyncIterator[dict[str, Any]], args: argparse.Namespace) -> int:
    """Follows one file to its end and prints it; returns 1 when it failed."""
    row: dict[str, Any] = {}
    try:
        _check_readable(path)
        async for row in states:
            _show_progress(path, row.get("progress"))
        if row.get("error"):
            error = row["error"]
            raise error_from_code(error["code"], error["message"], error["details"])
    except SpeechError as error:
        clear()
        if args.json:
            print(json.dumps(row or {"filename": path.name, "error": error.to_json()}, ensure_ascii=False), flush=True)
        else:
            number = f" (id {row['id']})" if row else ""
            _say(f"{path}: {error.message}{number}")
        return 1
    clear()
    if args.json:
        print(json.dumps(row, ensure_ascii=False), flush=True)
    else:
        prefix = f"{path}: " if len(args.files) > 1 else ""
        print(f"{prefix}{_text(row)}", flush=True)
        for warning in _told(row["warnings"]):
            _say(f"{path}: warning: {_WARNINGS.get(warning, warning)}")
        _say(f"{path}: {_summary(row)}")
    return 0


def _check_readable(path: Path) -> None:
    """Raises :class:`InvalidInput`; whoever shows it names the file."""
    try:
        # Before it is opened: a pipe that nobody writes to would never let go.
        if not stat.S_ISREG(path.stat().st_mode):
            raise InvalidInput("the file cannot be read: Not a regular file", reason="no_such_file")
        with path.open("rb"):
            pass
    except OSError as error:
        raise InvalidInput(f"the file cannot be read: {error.strerror or error}", reason="no_such_file") from None


def _text(row: dict[str, Any]) -> str:
    """The text, a line for each turn where people were told apart."""
    segments = [Segment.from_json(item) for item in row["segments"]]
    track = "written" if row["options"]["itn"] else "spoken"
    return plain_text(segments, row["labels"], track) if tells_who(segments, row["labels"]) else row["text"]


def _told(warnings: list[str]) -> list[str]:
    """The warnings without what another one says already: where there is no sound, nobody speaks."""
    return [name for name in warnings if name != "no_speech" or "silent" not in warnings]


def _summary(row: dict[str, Any]) -> str:
    """``12.3 s of sound in 0.4 s; from the cache; node local; model demo; id …``."""
    known = {"hit": "from the cache", "shared": "shared with the same work under way"}
    parts = [
        f"{row['audio_seconds']:.1f} s of sound in {(row['elapsed_ms'] or 0) / 1000:.1f} s",
        known.get(row["cache"], ""),
        *(f"{name} {row[name]}" if row[name] else "" for name in ("node", "model", "id")),
    ]
    return "; ".join(part for part in parts if part)


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _show_progress(path: Path, progress: dict[str, Any] | None) -> None:
    if not progress:
        return
    done, of = progress["segment"], progress["of"]
    text = f"{done}/{of} segments" if of else progress["stage"].replace("_", " ")
    bar(done / of if of else 0.0, f"{path.name} · {text}")
