"""Where the model hubs' own programs keep downloaded models on this machine."""

from collections.abc import Iterator
from pathlib import Path

from domain.presets import Hub

#: The branch that a download takes.
REVISION: dict[Hub, str] = {"ms": "master", "hf": "main"}


def cache_root(hub: Hub) -> Path:
    """The hub library's cache directory (``MODELSCOPE_CACHE``, ``HF_HUB_CACHE`` and their defaults are its own)."""
    if hub == "ms":
        from modelscope_hub.config import HubConfig

        return Path(HubConfig().cache_dir).expanduser()
    from huggingface_hub.constants import HF_HUB_CACHE

    return Path(HF_HUB_CACHE)


def download_directory(hub: Hub, hub_id: str, revision: str, root: Path) -> Path:
    """Where a download lands, laid out as the hub's own library does it, so that it finds the files too.

    ``revision``: the branch on ModelScope, the commit on Hugging Face.
    """
    folder = hub_id.replace("/", "--")
    if hub == "ms":
        return root / "models" / folder / "snapshots" / revision
    return root / f"models--{folder}" / "snapshots" / revision


def cached_directories(hub: Hub, hub_id: str, root: Path) -> Iterator[Path]:
    """The directories where a model may lie, the likeliest first; older layouts of ModelScope come last."""
    folder = hub_id.replace("/", "--")
    if hub == "hf":
        repository = root / f"models--{folder}"
        reference = repository / "refs" / REVISION["hf"]
        if reference.is_file():
            yield repository / "snapshots" / reference.read_text().strip()
        yield from _newest_first(repository / "snapshots")
        return
    snapshots = root / "models" / folder / "snapshots"
    yield snapshots / REVISION["ms"]
    yield from _newest_first(snapshots)
    # Up to modelscope 1.37: dots written as ___, with and without models/ and hub/.
    owner, _, name = hub_id.partition("/")
    for base in (root / "models", root / "hub" / "models", root, root / "hub"):
        yield base / owner / name.replace(".", "___")
        yield base / owner / name


def _newest_first(snapshots: Path) -> list[Path]:
    if not snapshots.is_dir():
        return []
    found = [path for path in snapshots.iterdir() if path.is_dir() and not path.name.startswith(".")]
    return sorted(found, key=lambda path: path.stat().st_mtime, reverse=True)
