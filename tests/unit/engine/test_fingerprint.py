import json
import os
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from engine.fingerprint import fingerprint
from engine.local_models import LocalModel, find_model


@pytest.fixture
def model(tmp_path: Path) -> LocalModel:
    local = find_model("demo-sensevoice")
    copy = shutil.copytree(local.directory, tmp_path / "model")
    return replace(local, directory=copy)


def test_it_is_the_same_for_the_same_files_elsewhere(model: LocalModel, tmp_path: Path) -> None:
    original = fingerprint(find_model("demo-sensevoice"), tmp_path / "a.json")
    copied = fingerprint(model, tmp_path / "b.json")
    assert original == copied
    assert {"model.pt", "bpe.model", "config.yaml", "vad/model.pt", "preset", "decoding"} <= set(copied.parts)


@pytest.mark.parametrize("name", ["model.pt", "bpe.model", "config.yaml"])
def test_a_changed_file_is_named(model: LocalModel, tmp_path: Path, name: str) -> None:
    before = fingerprint(model, tmp_path / "a.json")
    with (model.directory / name).open("ab") as file:
        file.write(b"\n")
    after = fingerprint(model, tmp_path / "a.json")
    assert before.value != after.value
    assert {part for part in after.parts if after.parts[part] != before.parts[part]} == {name}


def test_read_me_files_do_not_count(model: LocalModel, tmp_path: Path) -> None:
    before = fingerprint(model, tmp_path / "a.json")
    (model.directory / "README.md").write_text("hello")
    (model.directory / ".msc").write_text("hub's own notes")
    assert fingerprint(model, tmp_path / "a.json") == before


def test_weights_are_read_once(model: LocalModel, tmp_path: Path) -> None:
    memory = tmp_path / "digests.json"
    before = fingerprint(model, memory)
    weights = model.directory / "model.pt"
    state = weights.stat()
    weights.write_bytes(b"\0" * state.st_size)
    os.utime(weights, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert fingerprint(model, memory) == before
    os.utime(weights)
    assert fingerprint(model, memory) != before


@pytest.mark.parametrize("content", ["", "[]", "{", json.dumps({"a": 1})])
def test_a_damaged_memory_is_no_trouble(model: LocalModel, tmp_path: Path, content: str) -> None:
    memory = tmp_path / "digests.json"
    memory.write_text(content)
    assert fingerprint(model, memory) == fingerprint(model, tmp_path / "other.json")
