"""``transcribe``: files in, text out, through the running server or a private node; always recorded."""

import argparse
import asyncio
import json
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

from cli.progress import bar, clear
from cli.remote import find_server
from cli.roles import Roles
from domain.access import Visitor
from domain.errors import InvalidInput, SpeechError, error_from_code
from domain.options import RecognitionOptions
from domain.recognition import Source
from services.bundle import Services
from settings import Settings, load_settings

#: Whose rows a private run writes: the same as a local caller without a cookie.
LOCAL = Visitor("local", is_admin=True)


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "transcribe",
        help="recognise files",
        description="Recognises files through the running server (or --server), else with a node of its own.",
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE", help="audio or video file")
    parser.add_argument("--hotword", action="append", default=[], metavar="W", help="a word to listen for; repeatable")
    parser.add_argument("--language", help="zh, en, … (default: auto)")
    parser.add_argument("--no-itn", action="store_true", help="text as spoken: 二零二五年, not 2025年")
    parser.add_argument("--no-vad", action="store_true", help="do not cut at silences")
    parser.add_argument("--max-segment-ms", type=int, help="longest segment, 1000 to 60000 (default 30000)")
    parser.add_argument("--server", metavar="URL", help="web UI to use, such as http://127.0.0.1:7860")
    parser.add_argument("--api-key", metavar="KEY", help="key of that server, where it wants one")
    parser.add_argument("--json", action="store_true", help="the whole recognition, one JSON object per line")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace, roles: Roles) -> int:
    options = RecognitionOptions.of(
        language=args.language,
        hotwords=args.hotword,
        itn=not args.no_itn,
        vad=not args.no_vad,
        max_segment_ms=args.max_segment_ms,
    )
    return asyncio.run(_transcribe(args, options, load_settings(), roles))


async def _transcribe(args: argparse.Namespace, options: RecognitionOptions, settings: Settings, roles: Roles) -> int:
    failures = 0
    server = await find_server(args.server, settings, args.api_key)
    if server:
        async with server:
            for path in args.files:
                failures += await _one(path, server.transcribe(path, options), args)
    else:
        async with roles.services(settings) as services:
            for path in args.files:
                failures += await _one(path, _privately(services, path, options), args)
    return 1 if failures else 0


async def _privately(services: Services, path: Path, options: RecognitionOptions) -> AsyncIterator[dict[str, Any]]:
    if not path.is_file():
        raise InvalidInput(f"{path} is not a file", reason="no_such_file")
    row = await services.transcription.submit(path, path.name, options, visitor=LOCAL, source=Source.CLI)
    async for state in services.transcription.follow(row.id, visitor=LOCAL):
        yield state.to_json()


async def _one(path: Path, states: AsyncIterator[dict[str, Any]], args: argparse.Namespace) -> int:
    """Follows one file to its end and prints it; returns 1 when it failed."""
    row: dict[str, Any] = {}
    try:
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
            print(f"{path}: {error.message}{number}", file=sys.stderr)
        return 1
    clear()
    if args.json:
        print(json.dumps(row, ensure_ascii=False), flush=True)
    else:
        prefix = f"{path}: " if len(args.files) > 1 else ""
        print(f"{prefix}{row['text']}", flush=True)
        for warning in row["warnings"]:
            print(f"{path}: warning: {warning}", file=sys.stderr)
    return 0


def _show_progress(path: Path, progress: dict[str, Any] | None) -> None:
    if not progress:
        return
    done, of = progress["segment"], progress["of"]
    text = f"{done}/{of} segments" if of else progress["stage"].replace("_", " ")
    bar(done / of if of else 0.0, f"{path.name} · {text}")
