"""What makes two nodes give the same answer: weights, tokenizer, preset, way of decoding. Needs no torch.

Never the device, the precision or a request's options: nodes that differ in those may share work and cache.
"""

import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from engine.local_models import LocalModel

#: Raise it when the same model, asked for the same thing, would answer otherwise than before.
DECODING_SCHEMA = 2
#: Files that FunASR loads; a directory also holds examples and read-me files, which differ between the hubs.
_LOADED = frozenset({".pt", ".bin", ".yaml", ".json", ".mvn", ".model", ".tiktoken", ".safetensors", ".txt", ".jinja"})
_LOADED_NAMES = frozenset({"seg_dict", "jieba_usr_dict"})
#: Digits of a file's SHA-256 that are kept: the hub publishes the whole one, so that they can be compared by eye.
_DIGITS = 16


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """``value`` compares; ``parts`` name what differs."""

    value: str
    parts: dict[str, str] = field(default_factory=dict)


def fingerprint(local: LocalModel, memory: Path) -> Fingerprint:
    """The fingerprint of a model on this machine.

    ``memory``: a JSON file that keeps the digests of large files by path, size and time of change, so that a model of
    gigabytes is read once and not at every start.
    """
    digests = _Digests(memory)
    parts = {"decoding": str(DECODING_SCHEMA), "family": local.preset.family, "preset": local.preset.name}
    for label, directory in (
        ("", local.directory),
        ("vad/", local.vad_directory),
        ("punctuation/", local.punctuation_directory),
        ("speaker/", local.speaker_directory),
    ):
        if directory is not None:
            for path in _loaded_files(directory):
                parts[label + path.relative_to(directory).as_posix()] = digests.of(path)
    digests.save()
    whole = json.dumps(parts, sort_keys=True, ensure_ascii=False)
    return Fingerprint(hashlib.sha256(whole.encode()).hexdigest()[:_DIGITS], parts)


def _loaded_files(directory: Path) -> Iterator[Path]:
    for path in sorted(directory.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(directory).parts)
        if not hidden and path.is_file() and (path.suffix in _LOADED or path.name in _LOADED_NAMES):
            yield path


class _Digests:
    """Digests of files, remembered; a file that cannot be read or written costs a new reading, no error."""

    def __init__(self, memory: Path) -> None:
        self._memory = memory
        self._known = self._read()
        self._used: dict[str, str] = {}

    def of(self, path: Path) -> str:
        """The first digits of the file's SHA-256."""
        state = path.stat()
        key = f"{path.resolve()}|{state.st_size}|{state.st_mtime_ns}"
        digest = self._known.get(key)
        if digest is None:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()[:_DIGITS]
        self._used[key] = digest
        return digest

    def save(self) -> None:
        """Keeps the digests for the next start."""
        if self._used.items() <= self._known.items():
            return
        draft = self._memory.with_suffix(f".{os.getpid()}.part")
        try:
            self._memory.parent.mkdir(parents=True, exist_ok=True)
            draft.write_text(json.dumps(self._known | self._used), encoding="utf-8")
            draft.replace(self._memory)
        except OSError:
            draft.unlink(missing_ok=True)

    def _read(self) -> dict[str, str]:
        try:
            content = json.loads(self._memory.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        if not isinstance(content, dict):
            return {}
        return {key: value for key, value in content.items() if isinstance(value, str) and len(value) == _DIGITS}
