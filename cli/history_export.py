"""``history export``: what matches, as one file."""

import argparse
import json
import os
import sys
import time
from collections.abc import Generator
from contextlib import aclosing, contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, cast, get_args

from cli.history_rows import add_filters, query, with_history, zone
from cli.progress import bar, clear
from cli.roles import Roles, StoredHistory
from domain.errors import InvalidInput, InvalidOptions
from domain.ids import is_id
from domain.labels import Language
from domain.transcript import Track
from services.exports import MANY_FORMATS, Export, ExportProgress, ManyFormat, Wanted

#: The bar is drawn at most this often, in seconds.
_DRAW_SECONDS = 0.1
#: The name of standard output.
_STDOUT = "-"


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the action."""
    parser = actions.add_parser(
        "export",
        help="write what matches into one file",
        description="Writes what matches into one file, newest first. xlsx (a sheet by recording, one by segment) and "
        "csv hold all; of txt, srt, vtt and json there is a file for each recording, and several come as a zip.",
        epilog="example: app.py history export 退款 --since 2026-11-01 --format xlsx --output refunds.xlsx",
    )
    add_filters(parser)
    parser.add_argument("--format", choices=MANY_FORMATS, help="default: what the name of the file ends in, else xlsx")
    parser.add_argument("--output", required=True, metavar="FILE", help="file to write; - is standard output")
    parser.add_argument("--ids", nargs="+", metavar="ID", help="only these recordings, by reference id")
    parser.add_argument("--track", choices=get_args(Track), default="written", help="which text (default: written)")
    parser.add_argument(
        "--language", choices=get_args(Language), default="zh", help="of headings and names (default: zh)"
    )
    parser.add_argument("--json", action="store_true", help="what was written, as a JSON object")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace, roles: Roles) -> int:
    suffix = Path(args.output).suffix.lower().removeprefix(".")
    for an_id in args.ids or ():
        if not is_id(an_id):
            raise InvalidOptions(f"{an_id[:60]!r} is no reference id", field="ids", reason="unknown")
    wanted = Wanted(
        query(args),
        cast(ManyFormat, args.format or (suffix if suffix in MANY_FORMATS else "xlsx")),
        tuple(args.ids) if args.ids else None,
        args.track,
        args.language,
        zone(args),
        always_zip=suffix == "zip",
    )

    async def export(history: StoredHistory) -> ExportProgress:
        made = await history.exports.open(wanted)
        _check_name(args.output, made)
        with _file(args.output) as file:
            await _pour(made, file)
        return made.progress

    progress = with_history(roles, export)
    clear()
    _tell(progress, args)
    return 0


def _check_name(output: str, made: Export) -> None:
    """A zip must not be called a text: programs would show it as one. Raises :class:`InvalidOptions`."""
    given, right = Path(output).suffix.lower(), Path(made.filename).suffix
    if given != right and given.removeprefix(".") in (*MANY_FORMATS, "zip"):
        raise InvalidOptions(f"the file would be a {right[1:]}: name it {Path(output).stem}{right}", field="output")


@contextmanager
def _file(output: str) -> Generator[BinaryIO]:
    """A part file beside it first: what lies under the name is whole."""
    if output == _STDOUT:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = Path(f"{output}.part-{os.getpid()}")
    try:
        with part.open("wb") as file:
            yield file
        part.replace(output)
    except OSError as error:
        raise InvalidInput(f"{output} cannot be written: {error.strerror}", reason="not_writable") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)


async def _pour(made: Export, file: BinaryIO) -> None:
    drawn = 0.0
    async with aclosing(made.chunks) as chunks:
        async for chunk in chunks:
            file.write(chunk)
            if time.monotonic() - drawn >= _DRAW_SECONDS:
                drawn = time.monotonic()
                bar(made.progress.done / (made.progress.total or sys.maxsize), _told(made.progress))


def _told(progress: ExportProgress) -> str:
    reached = f", back to {progress.reached:%Y-%m-%d}" if progress.reached else ""
    return f"{_recordings(progress.done)}{reached}"


def _recordings(count: int) -> str:
    return f"{count:,} recording{'' if count == 1 else 's'}"


def _tell(progress: ExportProgress, args: argparse.Namespace) -> None:
    if args.json:
        told = {
            "output": args.output,
            "recordings": progress.done,
            "without_text": progress.without_text,
            "gone": progress.gone,
        }
        where = sys.stderr if args.output == _STDOUT else sys.stdout
        print(json.dumps(told, ensure_ascii=False), file=where, flush=True)
        return
    left_out = [
        f"{count} {why}"
        for count, why in ((progress.without_text, "without text"), (progress.gone, "deleted"))
        if count
    ]
    more = f"; left out: {', '.join(left_out)}" if left_out else ""
    print(f"{args.output}: {_recordings(progress.done)}{more}", file=sys.stderr)
