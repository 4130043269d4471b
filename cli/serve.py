"""``serve``: the web UI, with a node of its own where none is configured."""

import argparse

from cli.roles import Roles
from settings import load_settings


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "serve",
        help="the web UI (default)",
        description="Serves the web UI. Where no other node can be expected it starts one of its own (ASR_OWN_NODE).",
    )
    parser.add_argument("--host", help="address to serve on (ASR_HOST, default 127.0.0.1)")
    parser.add_argument("--port", type=int, help="port to serve on (ASR_PORT, default 7860; 0 takes a free one)")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace, roles: Roles) -> int:
    settings = load_settings(host=args.host, port=args.port)
    settings.check_doors("serve")
    return roles.serve(settings)
