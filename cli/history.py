"""``history``: search what was recognised, take it away, bring in that of the original WebUI."""

import argparse

from cli import history_export, history_import, history_search


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "history",
        help="search, export and import what was recognised",
        description="The history of everybody, straight from the database (ASR_DATABASE_URL); no server need run.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    for action in (history_search, history_export, history_import):
        action.add_parser(actions)
