"""``history import``: the rows of the original single-machine WebUI."""

import argparse
import json
import sys
from contextlib import aclosing
from pathlib import Path

from cli.history_rows import add_zone, with_history, zone
from cli.progress import bar, clear
from cli.roles import Roles, StoredHistory
from domain.errors import InvalidInput
from services.history_import import ImportOptions, ImportReport

#: Rows left out for one reason that are named; the others are counted (``--json`` names all).
_NAMED_ROWS = 10
_REASONS = {
    "no_time": "no time that can be read",
    "impossible_time": "a time before 2000 or in the future",
    "no_text": "no text",
}


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the action."""
    parser = actions.add_parser(
        "import",
        help="take over the history of the original single-machine WebUI",
        description="Takes over webui/data/history.db of the original WebUI. That file is only read. Times stay as "
        "they were; importing again adds only what is new (give the same --timezone and --user).",
        epilog="example: app.py history import ~/Fun-ASR/webui/data/history.db",
    )
    parser.add_argument("file", type=Path, metavar="FILE", help="history.db of the original WebUI")
    add_zone(parser, "that of its clock")
    parser.add_argument("--user", default="local", help="whose the rows become (default: local)")
    parser.add_argument("--audio-root", type=Path, metavar="DIR", help="bring the recordings that lie below it, too")
    parser.add_argument(
        "--json", action="store_true", help="a JSON object for each row left out, then one of the whole"
    )
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace, roles: Roles) -> int:
    if args.audio_root and not args.audio_root.is_dir():
        raise InvalidInput(f"{args.audio_root} is no folder", reason="no_such_file")
    options = ImportOptions(args.user, zone(args), args.audio_root)

    async def run(history: StoredHistory) -> ImportReport:
        report = ImportReport()
        async with aclosing(history.imports.run(args.file, options)) as reports:
            async for report in reports:
                bar(report.read / max(1, report.total), f"{report.read:,} of {report.total:,} rows")
        return report

    report = with_history(roles, run)
    clear()
    if args.json:
        _print_json(report)
    else:
        _print(report)
    return 0


def _print(report: ImportReport) -> None:
    audio = f" ({report.audio} with their recordings)" if report.audio else ""
    print(
        f"{report.total} rows: {report.added} imported{audio}, {report.known} were here, {len(report.skipped)} left out"
    )
    for reason, count in report.reasons().items():
        numbers = [str(row.number) for row in report.skipped if row.reason == reason]
        more = ", …" if count > _NAMED_ROWS else ""
        print(f"left out: {count} with {_REASONS[reason]} (rows {', '.join(numbers[:_NAMED_ROWS])}{more})")


def _print_json(report: ImportReport) -> None:
    for row in report.skipped:
        print(json.dumps({"row": row.number, "skipped": row.reason}))
    whole = {"rows": report.total, "imported": report.added, "known": report.known, "audio": report.audio}
    sys.stdout.write(json.dumps({**whole, "skipped": report.reasons()}) + "\n")
