"""The command line: one parser, one file per command."""

import argparse
import json
import os
import sys
from collections.abc import Sequence

from cli import doctor, history, migrate, model, nginx, node, nodes, serve, transcribe
from cli.roles import Roles
from domain.errors import SpeechError
from settings import BadSetting

COMMANDS = (serve, node, nodes, transcribe, history, doctor, migrate, model, nginx)


def run(roles: Roles, argv: Sequence[str] | None = None) -> int:
    """Parses the command line and runs the command; returns the exit status."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    parser = build_parser()
    if not arguments or (arguments[0].startswith("-") and arguments[0] not in ("-h", "--help")):
        arguments.insert(0, "serve")
    args = parser.parse_args(arguments)
    try:
        return args.run(args, roles)
    except (SpeechError, BadSetting) as error:
        return fail(error, as_json=getattr(args, "json", False))
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader (head, less) has gone; the interpreter must not complain while it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141


def fail(error: SpeechError | BadSetting, *, as_json: bool) -> int:
    """Tells the error in one sentence (or one JSON line); returns the exit status."""
    if as_json and isinstance(error, SpeechError):
        print(json.dumps({"error": error.to_json()}, ensure_ascii=False), flush=True)
    else:
        print(f"error: {error}", file=sys.stderr)
    return 2


def build_parser() -> argparse.ArgumentParser:
    """The whole command line."""
    parser = argparse.ArgumentParser(
        prog="app.py",
        description="Speech recognition for many people on many machines. Without a command: serve.",
        epilog="Settings come from ASR_* variables and config.yaml; see docs/settings.md.",
    )
    commands = parser.add_subparsers(title="commands", metavar="COMMAND", required=True)
    for command in COMMANDS:
        command.add_parser(commands)
    return parser
