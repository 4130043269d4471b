"""``nginx``: the configuration of nginx before replicas or nodes, written from the cluster's own."""

import argparse
import asyncio
import socket
import sys
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from cli.remote import find_server
from cli.roles import Roles
from domain.errors import AccessDenied, SpeechError
from domain.membership import checked_fields, checked_url, members
from domain.node import NodeIntent, Origin
from services.nginx_conf import Place, nodes_conf, parse_place, web_conf
from settings import PROJECT, BadSetting, Settings, load_settings

_TEMPLATES = PROJECT / "deploy" / "nginx"
_WEB_PORT, _NODES_PORT = 80, 7870


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "nginx",
        help="write the configuration of nginx",
        description="Prints what nginx needs before the web UI's replicas (--replica, or ASR_REPLICAS) or, with "
        "--nodes, before the plain pool of nodes: those of ASR_NODES and of the database, or those that a running "
        "server knows.",
        epilog="example: app.py nginx --replica http://10.0.0.1:7860 --replica http://10.0.0.2:7860 "
        "--output /etc/nginx/conf.d/asr.conf",
    )
    what = parser.add_mutually_exclusive_group()
    what.add_argument(
        "--replica", metavar="URL", action="append", help="address of a web UI; may be repeated (ASR_REPLICAS)"
    )
    what.add_argument("--nodes", action="store_true", help="the pool of nodes instead")
    parser.add_argument(
        "--server",
        metavar="URL",
        help="with --nodes: ask this web UI, which knows also those that announced themselves",
    )
    parser.add_argument("--api-key", metavar="KEY", help="key of that server, where it wants one")
    parser.add_argument("--port", type=_port, help=f"port of nginx (default {_WEB_PORT}; with --nodes {_NODES_PORT})")
    parser.add_argument("--output", metavar="FILE", type=Path, help="write it here instead of printing it")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace, roles: Roles) -> int:
    settings = load_settings()
    if args.server and not args.nodes:
        raise BadSetting("--server belongs to --nodes: replicas are named by --replica or ASR_REPLICAS")
    text = _nodes(args, settings, roles) if args.nodes else _web(args, settings)
    if args.output:
        _write(args.output, text)
    else:
        print(text, end="")
    return 0


def _web(args: argparse.Namespace, settings: Settings) -> str:
    replicas: Sequence[str] = args.replica or settings.replicas
    if not replicas:
        raise BadSetting("no replica is named: say --replica http://10.0.0.1:7860 (repeatable) or set ASR_REPLICAS")
    port, limit = args.port or _WEB_PORT, settings.max_upload_mb
    return web_conf(_template("web.conf"), replicas, port=port, max_upload_mb=limit)


def _nodes(args: argparse.Namespace, settings: Settings, roles: Roles) -> str:
    if args.server:
        nodes = asyncio.run(_asked(args, settings))
    else:
        nodes = members(settings.nodes, asyncio.run(roles.stored_nodes(settings)), ())
        if settings.nodes_announce:
            print(
                "nodes that announce themselves are left out: a running web UI knows them (--server)", file=sys.stderr
            )
    # Callers of the pool speak the nodes' protocol, which a foreign app does not know.
    foreign = {node.url for node in settings.nodes if node.app}
    nodes = [node for node in nodes if node.url not in foreign]
    if not any(not node.drain for node in nodes):
        raise BadSetting("there is no node to write of: name some in ASR_NODES, add them, or say --server URL")
    port, limit = args.port or _NODES_PORT, settings.max_upload_mb
    return nodes_conf(_template("nodes.conf"), _looked_up(nodes), port=port, max_upload_mb=limit)


async def _asked(args: argparse.Namespace, settings: Settings) -> list[NodeIntent]:
    """What the running server knows. Its own child is nobody else's, and it takes nobody else's word."""
    server = await find_server(args.server, settings, args.api_key, settings.admin_token.get_secret_value())
    assert server, "the server was named"
    async with server:
        answer = await server.ask("GET", "/v1/nodes")
    if "nodes" not in answer:
        raise AccessDenied(f"{server.url} tells its nodes to administrators only: set ASR_ADMIN_TOKEN")
    return [_node(row) for row in answer["nodes"] if row["origin"] != Origin.OWN]


def _node(row: dict[str, Any]) -> NodeIntent:
    fields = checked_fields({name: row[name] for name in ("name", "weight", "backup")})
    return NodeIntent(checked_url(str(row["url"])), drain=bool(row["drain"]), **fields)


def _looked_up(nodes: Iterable[NodeIntent]) -> list[tuple[NodeIntent, Place]]:
    """With the address of each that is named by a host name: by it nginx knows who answered."""
    found: list[tuple[NodeIntent, Place]] = []
    for node in nodes:
        place = parse_place(node.url)
        if not node.drain:
            place = replace(place, host=_address(place))
        found.append((node, place))
    return found


def _address(place: Place) -> str:
    try:
        return str(socket.getaddrinfo(place.host, place.port, type=socket.SOCK_STREAM)[0][4][0])
    except OSError as error:
        raise BadSetting(f"{place.host} has no address: {error.strerror or error}") from None


def _template(name: str) -> str:
    return (_TEMPLATES / name).read_text(encoding="utf-8")


def _write(path: Path, text: str) -> None:
    """All of it or nothing: nginx may be reading there."""
    draft = path.with_name(f".{path.name}.part")
    try:
        draft.write_text(text, encoding="utf-8")
        draft.replace(path)
    except OSError as error:
        raise SpeechError(f"{path} cannot be written: {error.strerror or error}") from None


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r}: a port from 1 to 65535 is expected")
    return int(text)
