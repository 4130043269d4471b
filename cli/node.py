"""``node``: one recogniser, for one GPU or CPU."""

import argparse
from pathlib import Path

from cli.roles import Roles
from settings import load_settings

#: The port of a node that was given none.
DEFAULT_PORT = 7861


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "node",
        help="a recognition node",
        description="Serves one recogniser. Off loopback it needs ASR_NODE_TOKEN, the same as the web UI has.",
    )
    parser.add_argument("--host", help="address to serve on (ASR_HOST, default 127.0.0.1)")
    parser.add_argument(
        "--port", type=int, default=DEFAULT_PORT, help=f"port to serve on (default {DEFAULT_PORT}; 0 takes a free one)"
    )
    parser.add_argument("--model", help="preset, local directory or auto (ASR_MODEL)")
    parser.add_argument("--device", help="auto, cpu, cuda, cuda:1 (ASR_DEVICE)")
    parser.add_argument("--port-file", type=Path, help="write the port here once it listens")
    parser.add_argument("--parent-pid", type=int, help="end when this process ends")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace, roles: Roles) -> int:
    settings = load_settings(host=args.host, port=args.port, model=args.model, device=args.device)
    settings.check_doors("node")
    return roles.node(settings, args.port_file, args.parent_pid)
