"""Which rows the ``history`` commands mean, and the way to them."""

import argparse
import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, tzinfo
from typing import TypeVar

from cli.roles import Roles, StoredHistory
from domain.errors import InvalidOptions
from domain.history import HistoryQuery
from domain.recognition import CacheOutcome, Source, Status
from services.zones import from_local, zone_of
from settings import load_settings

T = TypeVar("T")


def add_filters(parser: argparse.ArgumentParser) -> None:
    """Adds the options that choose rows."""
    parser.add_argument("text", nargs="*", metavar="TEXT", help="words that were said, or of the file name")
    for name, words, help in (
        ("status", Status, "how it ended"),
        ("source", Source, "which way it came"),
        ("cache", CacheOutcome, "how the answer came"),
    ):
        choices = [word.value for word in words]
        parser.add_argument(
            f"--{name}", choices=choices, action="append", default=[], metavar=name.upper(), help=f"{help}: %(choices)s"
        )
    parser.add_argument("--node", action="append", default=[], metavar="NAME", help="where it was recognised")
    parser.add_argument("--model", action="append", default=[], metavar="NAME", help="what recognised it")
    parser.add_argument(
        "--heard", action="append", default=[], metavar="CODE", help="language that was heard: zh, en, …"
    )
    parser.add_argument("--speaker", default="", metavar="NAME", help="somebody of this name speaks")
    parser.add_argument("--hold", action="store_true", default=None, help="only what is kept past its time (保留)")
    parser.add_argument("--user", help="one user's rows only (default: everybody's)")
    parser.add_argument("--since", metavar="TIME", help="from then on: 2026-11-20 or 2026-11-20T08:00")
    parser.add_argument("--until", metavar="TIME", help="before then")
    add_zone(parser, "that of all times here")


def add_zone(parser: argparse.ArgumentParser, meaning: str) -> None:
    """Adds ``--timezone``."""
    parser.add_argument(
        "--timezone", metavar="ZONE", help=f"{meaning}: +08:00, Asia/Shanghai (default: this machine's)"
    )


def zone(args: argparse.Namespace) -> tzinfo | None:
    """The zone of ``--timezone``; ``None`` is the machine's own. Raises :class:`InvalidOptions`."""
    return zone_of(args.timezone) if args.timezone else None


def query(args: argparse.Namespace) -> HistoryQuery:
    """What the options choose. Raises :class:`InvalidOptions`."""
    return HistoryQuery(
        user=args.user,
        text=" ".join(args.text),
        statuses=tuple(map(Status, args.status)),
        sources=tuple(map(Source, args.source)),
        caches=tuple(map(CacheOutcome, args.cache)),
        nodes=tuple(args.node),
        models=tuple(args.model),
        languages=tuple(args.heard),
        speaker=args.speaker,
        held=args.hold,
        since=_moment(args, "since"),
        until=_moment(args, "until"),
    )


def with_history(roles: Roles, work: Callable[[StoredHistory], Awaitable[T]]) -> T:
    """Runs the work on the stored history."""

    async def run() -> T:
        async with roles.history(load_settings()) as history:
            return await work(history)

    return asyncio.run(run())


def _moment(args: argparse.Namespace, name: str) -> datetime | None:
    text: str | None = getattr(args, name)
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
        return (moment if moment.tzinfo else from_local(moment, zone(args))).astimezone(UTC)
    # The first and the last days have no name in every zone.
    except (ValueError, OverflowError):
        message = f"--{name} is {text[:40]!r}; a time such as 2026-11-20 or 2026-11-20T08:00 is expected"
        raise InvalidOptions(message, field=name, reason="not_a_time") from None
