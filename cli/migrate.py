"""``migrate``: brings the database to a revision."""

import argparse

from cli.roles import Roles
from settings import load_settings


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "migrate",
        help="bring the database up to date",
        description="Brings the database of ASR_DATABASE_URL to a revision. `serve` does so by itself.",
    )
    parser.add_argument("revision", nargs="?", default="head", help="alembic revision (default: head)")
    parser.add_argument("--down", action="store_true", help="go back to that revision (base: an empty database)")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace, roles: Roles) -> int:
    print(f"the database is at revision {roles.migrate(load_settings(), args.revision, args.down)}")
    return 0
