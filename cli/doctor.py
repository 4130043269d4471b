"""``doctor``: what works on this machine, and what to do about what does not."""

import argparse
import json

from cli.roles import Roles
from settings import load_settings


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser(
        "doctor",
        help="check this machine",
        description="Checks settings, storage, model, device, port, and the nodes of ASR_NODES.",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object per line")
    parser.set_defaults(run=_run)


def _run(args: argparse.Namespace, roles: Roles) -> int:
    failures = 0
    for name, check in roles.checks(load_settings()):
        try:
            found, ok = check(), True
        except Exception as error:  # whatever is wrong is the finding
            found, ok = str(error) or type(error).__name__, False
            failures += 1
        if args.json:
            print(json.dumps({"check": name, "ok": ok, "found": found}, ensure_ascii=False), flush=True)
        else:
            print(f"{'ok ' if ok else 'BAD'}  {name:<10} {found}", flush=True)
    if failures and not args.json:
        print(f"{failures} of the checks failed")
    return 1 if failures else 0
