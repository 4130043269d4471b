"""Downloads a model to where the hub's own library would keep it. Needs no torch.

A download that is interrupted goes on where it stopped. A model's directory appears only when all of it is there and
checked, so nothing half downloaded is ever loaded.
"""

import errno
import hashlib
import shutil
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

import filelock
import httpx

from domain.errors import InvalidOptions, StorageUnavailable
from domain.presets import PRESETS, Hub, Preset
from engine.hub_cache import REVISION, cache_root, download_directory
from engine.hub_listing import ENDPOINTS, HubFile, Listing, list_model
from engine.local_models import PUNCTUATION_IDS, SPEAKER_IDS, VAD_IDS

#: Disk space that must stay free beside the model, in bytes.
_SPARE_BYTES = 200_000_000
#: How often progress is told, in seconds.
_TELL_SECONDS = 0.2
#: Tries without a single new byte before giving up, and the pause before each, growing, in seconds.
_TRIES, _PAUSE_SECONDS = 5, 1.0


@dataclass(frozen=True, slots=True)
class DownloadProgress:
    """How far a download is; what was there already counts as done."""

    file: str
    done_bytes: int
    total_bytes: int


Tell = Callable[[DownloadProgress], None]


def download_model(
    preset_name: str,
    hub: str = "ms",
    on_progress: Tell = lambda progress: None,
    *,
    endpoint: str = "",
    root: Path | None = None,
    pause_seconds: float = _PAUSE_SECONDS,
) -> Path:
    """Downloads a preset with its speech detector, punctuation and speaker model; returns its directory. Blocks.

    ``on_progress`` may raise to stop; a later call resumes. ``endpoint``: another address of the hub; ``root``:
    another cache directory. Raises :class:`InvalidOptions` for a preset that no hub has, and
    :class:`StorageUnavailable` with ``reason`` hub_unreachable, hub_answer, disk_full,
    not_writable, damaged or already_running.
    """
    preset, at = _checked(preset_name, hub)
    root = root or cache_root(at)
    address = (endpoint or ENDPOINTS[at]).rstrip("/")
    try:
        with httpx.Client(timeout=httpx.Timeout(15, read=60), follow_redirects=True) as client, _only_one(root):
            # The model comes last: once it is there, everything is.
            listings = [
                list_model(client, at, hub_id, address) for hub_id in [*_companions(preset, at), _id(preset, at)]
            ]
            download = _Download(client, at, root, listings, on_progress, pause_seconds)
            return download.run()[-1]
    except OSError as error:
        reason = "disk_full" if error.errno == errno.ENOSPC else "not_writable"
        raise StorageUnavailable(f"the model cannot be written below {root}: {error}", reason=reason) from error


class _Download:
    def __init__(
        self, client: httpx.Client, hub: Hub, root: Path, listings: list[Listing], tell: Tell, pause_seconds: float
    ) -> None:
        self._client = client
        self._hub: Hub = hub
        self._root = root
        self._listings = listings
        self._tell = tell
        self._pause_seconds = pause_seconds
        self._total = sum(listing.size_bytes for listing in listings)
        self._done = 0
        self._told_at = 0.0

    def run(self) -> list[Path]:
        """Brings every listing; returns their directories."""
        places = [download_directory(self._hub, item.hub_id, item.revision, self._root) for item in self._listings]
        missing = self._total - sum(map(_present_bytes, self._listings, places))
        self._check_space(missing)
        for listing, place in zip(self._listings, places, strict=True):
            self._bring(listing, place)
        self._say("", at_once=True)
        return places

    def _check_space(self, missing: int) -> None:
        self._root.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(self._root).free
        if missing and free < missing + _SPARE_BYTES:
            raise StorageUnavailable(
                f"the model needs {missing / 1e9:.1f} GB more and {self._root} has {free / 1e9:.1f} GB free",
                reason="disk_full",
                needed_bytes=missing + _SPARE_BYTES,
                free_bytes=free,
            )

    def _bring(self, listing: Listing, place: Path) -> None:
        if _is_there(listing, place):
            self._done += listing.size_bytes
            return
        draft = _draft_of(place)
        if place.is_dir() and not draft.exists():
            # Another program began here; what it finished need not come again.
            place.replace(draft)
        for file in listing.files:
            self._fetch(file, draft / file.path)
        if place.exists():
            shutil.rmtree(place)
        draft.replace(place)
        if self._hub == "hf":
            reference = place.parents[1] / "refs" / REVISION["hf"]
            reference.parent.mkdir(parents=True, exist_ok=True)
            reference.write_text(listing.revision)

    def _fetch(self, file: HubFile, target: Path) -> None:
        if target.is_file() and target.stat().st_size == file.size_bytes:
            self._done += file.size_bytes
            return
        target.parent.mkdir(parents=True, exist_ok=True)
        part = target.with_name(target.name + ".part")
        before = self._done
        for is_last_try in (False, True):
            self._stream(file, part)
            if part.stat().st_size == file.size_bytes and (not file.sha256 or _sha256(part) == file.sha256.lower()):
                part.replace(target)
                return
            part.unlink()
            self._done = before
            if is_last_try:
                raise StorageUnavailable(f"{file.path} arrives damaged", reason="damaged", file=file.path)

    def _stream(self, file: HubFile, part: Path) -> None:
        """Appends until the file has its size; a connection that breaks is taken up again."""
        before, tries = self._done, 0
        while True:
            have = part.stat().st_size if part.is_file() else 0
            self._done = before + have
            try:
                if have < file.size_bytes or file.size_bytes == 0:
                    self._request(file, part, have)
                return
            except httpx.HTTPError as error:
                came = (part.stat().st_size if part.is_file() else 0) > have
                tries = 0 if came else tries + 1
                if tries >= _TRIES or _is_refused(error):
                    raise StorageUnavailable(
                        f"{file.path} cannot be fetched: {error}", reason="hub_unreachable", file=file.path
                    ) from error
                time.sleep(self._pause_seconds * max(1, tries))

    def _request(self, file: HubFile, part: Path, have: int) -> None:
        # identity: a compressed transfer has other lengths and cannot be resumed.
        headers = {"Accept-Encoding": "identity"} | ({"Range": f"bytes={have}-"} if have else {})
        with self._client.stream("GET", file.url, headers=headers) as answer:
            answer.raise_for_status()
            resumed = answer.status_code == httpx.codes.PARTIAL_CONTENT
            if have and not resumed:
                self._done -= have
            with part.open("ab" if resumed else "wb") as out:
                # Unbuffered: what came before the connection broke is not lost.
                for chunk in answer.iter_raw():
                    out.write(chunk)
                    self._done += len(chunk)
                    self._say(file.path)
        if part.stat().st_size < file.size_bytes:
            raise httpx.ReadError("the connection ended early")

    def _say(self, name: str, at_once: bool = False) -> None:
        now = time.monotonic()
        if at_once or now - self._told_at >= _TELL_SECONDS:
            self._told_at = now
            self._tell(DownloadProgress(name, min(self._done, self._total), self._total))


def _checked(preset_name: str, hub: str) -> tuple[Preset, Hub]:
    preset = PRESETS.get(preset_name)
    if preset is None or preset.hub_ids is None or hub not in ("ms", "hf"):
        known = ", ".join(name for name, item in PRESETS.items() if item.hub_ids)
        raise InvalidOptions(
            f"{preset_name!r} cannot be downloaded from {hub!r}: {known} can, from ms or hf", field="model"
        )
    return preset, "ms" if hub == "ms" else "hf"


def _id(preset: Preset, hub: Hub) -> str:
    assert preset.hub_ids is not None
    return preset.hub_ids[hub]


def _companions(preset: Preset, hub: Hub) -> list[str]:
    punctuation = [PUNCTUATION_IDS[preset.punctuation][hub]] if preset.punctuation else []
    speaker = [SPEAKER_IDS[preset.speaker][hub]] if preset.speaker else []
    return [VAD_IDS[hub], *punctuation, *speaker]


def _only_one(root: Path) -> AbstractContextManager[object]:
    root.mkdir(parents=True, exist_ok=True)
    try:
        return filelock.FileLock(root / ".asr-download.lock").acquire(timeout=0)
    except filelock.Timeout as error:
        raise StorageUnavailable("a download is under way already", reason="already_running") from error


def _draft_of(place: Path) -> Path:
    return place.with_name(f".{place.name}.partial")


def _is_there(listing: Listing, place: Path) -> bool:
    return all((place / f.path).is_file() and (place / f.path).stat().st_size == f.size_bytes for f in listing.files)


def _present_bytes(listing: Listing, place: Path) -> int:
    present = 0
    for file in listing.files:
        for path in (place / file.path, _draft_of(place) / file.path, _draft_of(place) / f"{file.path}.part"):
            if path.is_file():
                present += min(file.size_bytes, path.stat().st_size)
                break
    return present


def _is_refused(error: httpx.HTTPError) -> bool:
    """An answer that another try will not change; 416 means that what is there is too long, and ends in the check."""
    return isinstance(error, httpx.HTTPStatusError) and error.response.status_code in (401, 403, 404)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
