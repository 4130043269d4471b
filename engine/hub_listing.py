"""What a model consists of on its hub: files, sizes, digests and addresses. Needs no torch.

ModelScope: ``GET /api/v1/models/{id}/repo/files`` and ``/repo?Revision=&FilePath=``; Hugging Face:
``GET /api/models/{id}/revision/{branch}?blobs=true`` and ``/{id}/resolve/{commit}/{path}``.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Any
from urllib.parse import quote

import httpx

from domain.errors import StorageUnavailable
from domain.presets import Hub
from engine.hub_cache import REVISION

#: The hubs' public addresses.
ENDPOINTS: Mapping[Hub, str] = {"ms": "https://www.modelscope.cn", "hf": "https://huggingface.co"}
#: What no recogniser loads: examples, pictures, other runtimes' weights, code (which is never run here).
_UNWANTED = frozenset(
    {".wav", ".mp3", ".mp4", ".flac", ".png", ".jpg", ".jpeg", ".gif", ".svg", ".md", ".py", ".onnx", ".pdf"}
)


@dataclass(frozen=True, slots=True)
class HubFile:
    """One file; ``sha256`` is empty where the hub does not tell it."""

    path: str
    size_bytes: int
    sha256: str
    url: str


@dataclass(frozen=True, slots=True)
class Listing:
    """The files of a model that are needed to run it."""

    hub_id: str
    revision: str
    files: tuple[HubFile, ...]

    @property
    def size_bytes(self) -> int:
        """All of them together."""
        return sum(file.size_bytes for file in self.files)


def list_model(client: httpx.Client, hub: Hub, hub_id: str, endpoint: str) -> Listing:
    """Asks the hub. Raises :class:`StorageUnavailable` (``reason`` hub_unreachable or hub_answer)."""
    address = (
        f"{endpoint}/api/v1/models/{hub_id}/repo/files?Revision={REVISION['ms']}&Recursive=true"
        if hub == "ms"
        else f"{endpoint}/api/models/{hub_id}/revision/{REVISION['hf']}?blobs=true"
    )
    try:
        answer = client.get(address)
        answer.raise_for_status()
        data = answer.json()
        listing = _from_modelscope(data, hub_id, endpoint) if hub == "ms" else _from_hf(data, hub_id, endpoint)
    except httpx.HTTPError as error:
        raise StorageUnavailable(
            f"the model hub {endpoint} cannot be reached: {error}", reason="hub_unreachable", hub=hub
        ) from error
    except (KeyError, TypeError, ValueError) as error:
        raise StorageUnavailable(
            f"the model hub {endpoint} gave an answer that is not understood: {error!r}", reason="hub_answer", hub=hub
        ) from error
    if not listing.files:
        raise StorageUnavailable(f"{hub_id} has no files on {endpoint}", reason="hub_answer", hub=hub)
    return listing


def _from_modelscope(data: Any, hub_id: str, endpoint: str) -> Listing:
    revision = REVISION["ms"]
    files = tuple(
        HubFile(
            item["Path"],
            int(item["Size"]),
            str(item.get("Sha256") or ""),
            f"{endpoint}/api/v1/models/{hub_id}/repo?Revision={revision}&FilePath={quote(item['Path'], safe='')}",
        )
        for item in data["Data"]["Files"]
        if item.get("Type") != "tree" and _is_wanted(item["Path"])
    )
    return Listing(hub_id, revision, files)


def _from_hf(data: Any, hub_id: str, endpoint: str) -> Listing:
    commit = str(data["sha"])
    files = tuple(
        HubFile(
            item["rfilename"],
            int(item["size"]),
            str((item.get("lfs") or {}).get("sha256") or ""),
            f"{endpoint}/{hub_id}/resolve/{commit}/{quote(item['rfilename'])}",
        )
        for item in data["siblings"]
        if _is_wanted(item["rfilename"])
    )
    return Listing(hub_id, commit, files)


def _is_wanted(path: str) -> bool:
    parts = PurePosixPath(path).parts
    if not parts or PurePosixPath(path).is_absolute() or ".." in parts or "\\" in path:
        raise ValueError(f"a file named {path!r}")
    return not any(part.startswith(".") for part in parts) and PurePosixPath(path).suffix.lower() not in _UNWANTED
