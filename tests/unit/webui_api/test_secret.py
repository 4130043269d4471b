from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from domain.access import parse_api_keys
from webui.secret import load_secret


def test_a_secret_is_made_once_and_kept_for_its_owner_only(tmp_path: Path) -> None:
    data_dir = tmp_path / "data"
    secret = load_secret(data_dir)
    assert len(secret) >= 32
    assert load_secret(data_dir) == secret
    assert [path.name for path in data_dir.iterdir()] == ["secret"]
    assert (data_dir / "secret").stat().st_mode & 0o777 == 0o600


def test_processes_that_start_together_agree(tmp_path: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        assert len(set(pool.map(lambda _: load_secret(tmp_path), range(8)))) == 1


def test_a_file_that_others_can_read_is_closed_to_them(tmp_path: Path) -> None:
    load_secret(tmp_path)
    (tmp_path / "secret").chmod(0o644)
    load_secret(tmp_path)
    assert (tmp_path / "secret").stat().st_mode & 0o777 == 0o600


def test_an_empty_file_signs_nothing(tmp_path: Path) -> None:
    (tmp_path / "secret").touch()
    with pytest.raises(ValueError, match="holds no secret"):
        load_secret(tmp_path)


def test_a_configured_secret_wins_and_writes_nothing(tmp_path: Path) -> None:
    assert load_secret(tmp_path / "data", "shared by replicas") == b"shared by replicas"
    assert not (tmp_path / "data").exists()


def test_api_keys_are_pairs() -> None:
    assert parse_api_keys(("crm:12345678", "bot: abc:defgh ")) == {"crm": "12345678", "bot": "abc:defgh"}
    for bad in (("crm",), ("crm:short",), (":12345678",), ("crm:12345678", "crm:87654321")):
        with pytest.raises(ValueError, match=r"name|twice") as caught:
            parse_api_keys(bad)
        assert "12345678" not in str(caught.value)
