"""``nodes``: what the running server knows of its nodes, and what to do with them."""

import argparse
import asyncio
import json
from collections.abc import Awaitable, Callable
from datetime import datetime
from functools import partial
from typing import Any
from urllib.parse import quote

from cli.remote import RemoteServer, find_server, local_url
from cli.roles import Roles
from domain.errors import NodeUnreachable
from services.calibration import STREAMS, Measurement, proposed_slots
from settings import load_settings

_Ask = Callable[[RemoteServer, argparse.Namespace], Awaitable[None]]
#: Actions that take nothing but a node, and what is said once it is done.
_SIMPLE = {
    "drain": ("finish what runs there and send nothing new", "takes nothing new"),
    "resume": ("send work to a drained node again", "takes work again"),
    "promote": ("make its model fingerprint the expected one", "has the expected fingerprint now; others wait"),
}


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command and its actions to the command line."""
    parser = commands.add_parser(
        "nodes",
        help="the nodes of the running server",
        description="Asks the running server, and tells it what to do. Changes need ASR_ADMIN_TOKEN where it has one.",
    )
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    _action(actions, "list", _list, "all nodes and how they are")
    for name, (what, _) in _SIMPLE.items():
        _node(_action(actions, name, partial(_simple, name), what))
    _node(_action(actions, "remove", _remove, "no longer use a node"))
    _node(_action(actions, "test", _test, "have it recognise a sample"))
    calibrating = _action(actions, "calibrate", _calibrate, "measure it with 1, 2, 4 and 8 recordings at once")
    _node(calibrating)
    calibrating.add_argument("--apply", action="store_true", help="give it the slots that are proposed")
    adding = _action(actions, "add", _add, "use another node, once it recognised a sample")
    adding.add_argument("url", metavar="URL", help="such as http://10.0.0.5:7861")
    adding.add_argument("--token", default="", help="its own secret (default: the cluster's ASR_NODE_TOKEN)")
    adding.add_argument("--untried", action="store_true", help="without a test recognition, as it is not up yet")
    _fields(adding)
    changing = _action(actions, "set", _set, "change name, weight, slots or backup")
    _node(changing)
    _fields(changing)
    log = _action(actions, "log", _log, "who did what, newest first")
    log.add_argument("--limit", type=int, default=20, metavar="N", help="so many lines (default 20, at most 200)")


def _action(actions: Any, name: str, ask: _Ask, text: str) -> argparse.ArgumentParser:
    parser: argparse.ArgumentParser = actions.add_parser(name, help=text, description=f"{text[0].upper()}{text[1:]}.")
    parser.add_argument("--server", metavar="URL", help="web UI to ask (default: the one of this machine)")
    parser.add_argument("--api-key", metavar="KEY", help="key of that server, where it wants one")
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.set_defaults(run=_run, ask=ask)
    return parser


def _node(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("node", metavar="NODE", help="name or address")


def _fields(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--name", help="what people call it")
    parser.add_argument("--weight", type=float, help="its share of the work: 2 counts as twice the measured speed")
    parser.add_argument("--slots", type=int, help="jobs at once (default: as the node says)")
    parser.add_argument("--backup", choices=("yes", "no"), help="used only while no other can")


def _run(args: argparse.Namespace, roles: Roles) -> int:
    async def asked() -> None:
        settings = load_settings()
        server = await find_server(args.server, settings, args.api_key, settings.admin_token.get_secret_value())
        if server is None:
            raise NodeUnreachable(f"no server answers at {local_url(settings)}; start one, or say --server URL")
        async with server:
            await args.ask(server, args)

    asyncio.run(asked())
    return 0


async def _list(server: RemoteServer, args: argparse.Namespace) -> None:
    answer = await server.ask("GET", "/v1/nodes")
    for node in answer.get("nodes", [answer] if args.json else []):
        print(json.dumps(node, ensure_ascii=False) if args.json else _line(node))
    if not args.json:
        print(f"{answer['nodes_ready']} of {answer['nodes_total']} ready, {answer['waiting']} waiting")


async def _simple(name: str, server: RemoteServer, args: argparse.Namespace) -> None:
    answer = await server.ask("POST", f"{_path(args)}/{name}")
    _say(args, answer, f"{args.node} {_SIMPLE[name][1]}")


async def _remove(server: RemoteServer, args: argparse.Namespace) -> None:
    _say(args, await server.ask("DELETE", _path(args)), f"{args.node} is used no more")


async def _test(server: RemoteServer, args: argparse.Namespace) -> None:
    answer = await server.ask("POST", f"{_path(args)}/test")
    _say(args, answer, _trial(answer["trial"]))


async def _calibrate(server: RemoteServer, args: argparse.Namespace) -> None:
    found: list[Measurement] = []
    for streams in STREAMS:
        answer = await server.ask("POST", f"{_path(args)}/measure", streams=streams)
        found.append(Measurement(streams, answer["speed"], answer["longest_ms"], answer["refused"]))
        told = f"{answer['speed']:.1f}x real time, the longest took {answer['longest_ms']} ms"
        _say(args, answer, f"{streams} at once: {'more than it takes' if answer['refused'] else told}")
        if answer["refused"]:
            break
    slots = proposed_slots(found)
    if args.apply:
        await server.ask("PATCH", _path(args), {"slots": slots})
    words = f"{args.node} has {slots} slots now" if args.apply else f"slots proposed: {slots}"
    _say(args, {"slots": slots, "applied": args.apply}, words)


async def _add(server: RemoteServer, args: argparse.Namespace) -> None:
    body = {"url": args.url, "try": not args.untried, "token": args.token, **_given(args)}
    answer = await server.ask("POST", "/v1/nodes", body)
    _say(args, answer, f"{args.url} is used from now on" + (f"; {_trial(answer['trial'])}" if answer["trial"] else ""))


async def _set(server: RemoteServer, args: argparse.Namespace) -> None:
    _say(args, await server.ask("PATCH", _path(args), _given(args)), f"{args.node} is changed")


async def _log(server: RemoteServer, args: argparse.Namespace) -> None:
    for line in (await server.ask("GET", "/v1/nodes/log", limit=args.limit))["events"]:
        details = " ".join(f"{key}={value}" for key, value in line["details"].items())
        at = datetime.fromisoformat(line["at"]).astimezone().strftime("%Y-%m-%d %H:%M:%S %z")
        words = f"{at}  {line['user']}  {line['action']}  {line['node']}  {details}"
        _say(args, line, words.rstrip())


def _path(args: argparse.Namespace) -> str:
    return f"/v1/nodes/{quote(args.node, safe='/:')}"


def _given(args: argparse.Namespace) -> dict[str, Any]:
    return {key: value for key in ("name", "weight", "slots", "backup") if (value := getattr(args, key)) is not None}


def _say(args: argparse.Namespace, answer: dict[str, Any], words: str) -> None:
    print(json.dumps(answer, ensure_ascii=False) if args.json else words)


def _line(node: dict[str, Any]) -> str:
    speed = f"{node['speed']:.0f}x" if node["speed"] else "-"
    marks = "".join(f"  {mark}" for mark in ("backup", "drain") if node[mark])
    marks += f"  weight {node['weight']:g}" if node["weight"] != 1 else ""
    why = f"  ({node['reason']})" if node["reason"] else ""
    taken = f"{node['in_flight']}/{node['slots']}"
    return f"{node['name']}  {node['availability']}  {taken}  {speed}  {node['url']}{marks}{why}"


def _trial(trial: dict[str, Any]) -> str:
    return f"it heard: {trial['text']} ({trial['elapsed_ms']} ms for {trial['audio_seconds']:.1f} s, {trial['model']})"
