"""``model``: which models there are, and bringing one here."""

import argparse
import json
import sys
import time

from cli.progress import bar
from cli.roles import Roles
from domain.presets import PRESETS, RECOMMENDED
from domain.sizes import size_text
from settings import load_settings


def add_parser(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Adds the command to the command line."""
    parser = commands.add_parser("model", help="list and download models", description="Lists and downloads models.")
    actions = parser.add_subparsers(title="actions", metavar="ACTION", required=True)
    listing = actions.add_parser("list", help="the presets, and which are on this machine")
    listing.add_argument("--json", action="store_true", help="one JSON object per line")
    listing.set_defaults(run=_list)
    download = actions.add_parser("download", help="download a model; a broken download is resumed")
    choices = [name for name, preset in PRESETS.items() if preset.hub_ids]
    download.add_argument("name", nargs="?", default=RECOMMENDED, choices=choices, help=f"default: {RECOMMENDED}")
    download.add_argument("--hub", choices=("ms", "hf"), help="ModelScope or Hugging Face (ASR_MODEL_HUB)")
    download.add_argument("--json", action="store_true", help="progress as one JSON object per line")
    download.set_defaults(run=_download)


def _list(args: argparse.Namespace, roles: Roles) -> int:
    for name, folder in roles.local_models(load_settings()).items():
        preset = PRESETS[name]
        if args.json:
            row = {"name": name, "title": preset.title, "here": folder is not None, "bytes": preset.download_bytes}
            print(json.dumps({**row, **preset.capabilities.to_json()}, ensure_ascii=False))
        else:
            state = "here" if folder else f"about {size_text(preset.download_bytes)} to download"
            print(f"{name:<18} {preset.title:<28} {state}")
    return 0


def _download(args: argparse.Namespace, roles: Roles) -> int:
    last = 0.0

    def show(done_bytes: int, total_bytes: int) -> None:
        nonlocal last
        if time.monotonic() - last < 0.5 and done_bytes < total_bytes:
            return
        last = time.monotonic()
        if args.json:
            print(json.dumps({"done_bytes": done_bytes, "total_bytes": total_bytes}), flush=True)
        else:
            bar(done_bytes / max(1, total_bytes), f"{size_text(done_bytes)} of {size_text(total_bytes)}")

    folder = roles.download(load_settings(model_hub=args.hub), args.name, show)
    if not args.json:
        print(f"\n{args.name} is in {folder}; a running server takes it at its next start", file=sys.stderr)
    return 0
