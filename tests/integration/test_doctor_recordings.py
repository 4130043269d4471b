"""What `doctor` says of the store of the recordings."""

from pathlib import Path

import pytest

from checks import checks
from domain.errors import StorageUnavailable
from domain.ids import new_id
from settings import load_settings
from storage.audio_files import FileAudioStore
from storage.audio_report import try_audio_store
from tests.helpers.redis_server import free_port
from tests.helpers.s3_server import ACCESS_KEY, SECRET_KEY, S3Server


def said(tmp_path: Path, audio_store: str, **settings: str) -> str:
    found = dict(checks(load_settings(data_dir=tmp_path / "data", audio_store=audio_store, **settings)))
    try:
        return found["recordings"]()
    except OSError as error:
        return f"BAD {error}"


def test_a_folder_is_tried(tmp_path: Path) -> None:
    folder = tmp_path / "recordings"
    assert said(tmp_path, str(folder)) == f"{folder}, written, read and deleted"
    assert [path for path in folder.rglob("*") if path.is_file()] == []
    (tmp_path / "file").write_text("not a folder")
    assert said(tmp_path, str(tmp_path / "file")).startswith(f"BAD {tmp_path / 'file'}: the recording cannot be stored")


def test_a_bucket_is_tried(tmp_path: Path, s3_server: S3Server) -> None:
    prefix = new_id()
    keys = {"s3_access_key": ACCESS_KEY, "s3_secret_key": SECRET_KEY}
    place = f"s3://recordings/{prefix} at {s3_server.endpoint()}"
    shared = {"database_url": "postgresql+psycopg2://asr@db/asr"}
    assert said(tmp_path, s3_server.url(prefix), **keys, **shared) == f"{place}, written, read and deleted"
    alone = said(tmp_path, s3_server.url(prefix), **keys)
    assert alone.startswith(f"{place}, written, read and deleted; MIND") and "PostgreSQL" in alone
    assert s3_server.objects(prefix) == []


async def test_what_was_tried_is_removed_also_where_it_cannot_be_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def unreadable(*_: object) -> bytes:
        raise StorageUnavailable("the disk is broken", part="audio")

    monkeypatch.setattr(FileAudioStore, "read", unreadable)
    with pytest.raises(StorageUnavailable, match="broken"):
        await try_audio_store(FileAudioStore(tmp_path / "audio"))
    assert [path for path in (tmp_path / "audio").rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("wrong", ["bucket", "port"])
def test_what_is_wrong_with_a_bucket_is_said_without_its_keys(tmp_path: Path, s3_server: S3Server, wrong: str) -> None:
    keys = {"s3_access_key": "quiet-please", "s3_secret_key": "hush-hush"}
    bucket, port = ("missing", s3_server.port) if wrong == "bucket" else ("recordings", free_port())
    answer = said(tmp_path, f"s3://{bucket}?endpoint=http://127.0.0.1:{port}", **keys)
    assert answer.startswith(f"BAD s3://{bucket} at http://127.0.0.1:{port}: the recording cannot be stored")
    assert "quiet" not in answer and "hush" not in answer
    if wrong == "bucket":
        assert answer.endswith("make the bucket, or name another in ASR_AUDIO_STORE")
