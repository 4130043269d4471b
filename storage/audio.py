"""The store that the settings name: files, or a bucket."""

from collections.abc import Sequence
from pathlib import Path

from domain.audio_address import S3Address
from domain.ports import AudioStore
from storage.audio_files import FileAudioStore
from storage.audio_s3 import S3AudioStore


def open_audio_store(
    place: Path | S3Address,
    *,
    work_dir: Path,
    written_once: Sequence[Path] = (),
    access_key: str = "",
    secret_key: str = "",
) -> AudioStore:
    """``work_dir`` is made where copies need it. For the rest see the two stores. Raises ``StorageUnavailable``."""
    if isinstance(place, Path):
        return FileAudioStore(place, written_once=written_once)
    work_dir.mkdir(parents=True, exist_ok=True)
    return S3AudioStore(place, work_dir=work_dir, access_key=access_key, secret_key=secret_key)
