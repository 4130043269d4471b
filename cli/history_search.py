"""``history search``: what was said, and when."""

import argparse
import json
import sys
from dataclasses import replace
from datetime import tzinfo

from cli.history_rows import add_filters, query, with_history, zone
from cli.roles import Roles, StoredHistory
from domain.recognition import Recognition
from services.retention import Retention

#: Rows that are read at a time.
_PAGE_ROWS = 200
#: Characters of a text that a line shows, and how many of them stand before what was looked for.
_SNIPPET_CHARS, _CHARS_BEFORE = 60, 15


def add_parser(actions: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the action."""
    parser = actions.add_parser(
        "search",
        help="find recordings by what was said or by file name",
        description="Lists the recordings that match, newest first: time, length, file, text, reference id.",
        epilog="example: app.py history search 退款 --since 2026-11-01 --limit 5",
    )
    add_filters(parser)
    parser.add_argument("--limit", type=int, default=20, metavar="N", help="so many at most (default 20; 0: all)")
    parser.add_argument("--json", action="store_true", help="one JSON object per line, without the segments")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace, roles: Roles) -> int:
    wanted, its_zone = query(args), zone(args)

    async def search(history: StoredHistory) -> int:
        left = args.limit if args.limit > 0 else sys.maxsize
        shown, before = 0, None
        while left:
            page = await history.rows.page(replace(wanted, before_id=before, limit=min(left, _PAGE_ROWS)))
            for row in page.rows:
                print(_json(row, history.retention) if args.json else _line(row, wanted.text, its_zone), flush=True)
            shown, left, before = shown + len(page.rows), left - len(page.rows), page.next_before_id
            if before is None:
                break
        return shown

    if not with_history(roles, search) and not args.json:
        print("nothing matches", file=sys.stderr)
    return 0


def _json(row: Recognition, retention: Retention) -> str:
    return json.dumps(retention.json(row, with_segments=False), ensure_ascii=False)


def _line(row: Recognition, text: str, its_zone: tzinfo | None) -> str:
    seconds = round(row.audio.seconds)
    length = f"{seconds // 3600}:{seconds // 60 % 60:02}:{seconds % 60:02}"
    said = _snippet(row.text, text) or f"({row.status.value})"
    return f"{row.created_at.astimezone(its_zone):%Y-%m-%d %H:%M}  {length}  {_visible(row.filename)}  {said}  {row.id}"


def _snippet(text: str, sought: str) -> str:
    """The part of the text that was looked for."""
    whole = _visible(text)
    places = [at for word in sought.lower().split() if (at := whole.lower().find(word)) >= 0]
    begin = max(0, min(places, default=0) - _CHARS_BEFORE)
    part = whole[begin : begin + _SNIPPET_CHARS]
    return ("…" if begin else "") + part + ("…" if begin + len(part) < len(whole) else "")


def _visible(text: str) -> str:
    """On one line, without what would command the terminal."""
    return " ".join("".join(char if char.isprintable() else " " for char in text).split())
