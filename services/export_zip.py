"""A zip of any number of small files, written as it goes: nothing in memory grows with their number.

The standard library's keeps an object for each file until the end. Here the list of the files (the central directory)
and the names that are taken lie in temporary files.
"""

import sqlite3
import struct
import tempfile
import zlib
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

from services.filenames import clean_filename

#: What no file system of a visitor takes in a name, and what Windows means by some names.
_NOT_IN_NAMES = dict.fromkeys(map(ord, '<>:"/\\|?*'), "_")
_DEVICES = frozenset(["CON", "PRN", "AUX", "NUL", *(f"{name}{n}" for name in ("COM", "LPT") for n in range(1, 10))])
#: Bytes of a name that every file system takes, with room for a number and a suffix.
_MAX_NAME_BYTES = 180
#: The format's own limits; what is more stands in its 64-bit fields.
_FULL_16, _FULL_32 = 0xFFFF, 0xFFFF_FFFF
_UTF8_NAMES, _DEFLATED, _VERSION, _VERSION_64 = 1 << 11, 8, 20, 45
#: Bytes that are read back at a time.
_PART_BYTES = 1 << 18


class ZipWriter:
    """``add`` gives the bytes of one more file, ``end`` those of the list of all."""

    def __init__(self, folder: Path | None = None, offset: int = 0) -> None:
        """``folder``: where the temporary files lie, else where the system has such files.

        ``offset``: where the first byte will stand.
        """
        self._offset = offset
        self._count = 0
        self._folder = tempfile.TemporaryDirectory(prefix="export-", dir=folder, ignore_cleanup_errors=True)
        self._directory = Path(self._folder.name, "directory").open("w+b")  # noqa: SIM115
        self._names = _Names(Path(self._folder.name, "names.db"))

    def add(self, name: str, content: bytes, time: datetime) -> bytes:
        """One file; a name that is taken gets a number."""
        stored = self._names.free(name).encode()
        packer = zlib.compressobj(6, zlib.DEFLATED, -15)
        data = packer.compress(content) + packer.flush()
        facts = (*_dos_time(time), zlib.crc32(content), len(data), len(content), len(stored))
        self._directory.write(_entry(stored, facts, self._offset))
        local = struct.pack("<4s5H3L2H", b"PK\3\4", _VERSION, _UTF8_NAMES, _DEFLATED, *facts, 0) + stored
        self._count += 1
        self._offset += len(local) + len(data)
        return local + data

    def end(self) -> Iterator[bytes]:
        """The list of the files."""
        size = self._directory.tell()
        self._directory.seek(0)
        while part := self._directory.read(_PART_BYTES):
            yield part
        yield _end(self._count, size, self._offset)

    def close(self) -> None:
        """Removes the temporary files."""
        try:
            self._directory.close()
        finally:
            self._names.close()
            self._folder.cleanup()


class _Names:
    """Which names are taken, whatever the case of their letters."""

    def __init__(self, path: Path) -> None:
        # A writer is used by one thread after the other. Little is held in memory, and nothing has to last.
        self._taken = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._taken.execute("PRAGMA cache_size = -512")
        self._taken.execute("PRAGMA journal_mode = OFF")
        self._taken.execute("PRAGMA synchronous = OFF")
        self._taken.execute("CREATE TABLE names (name TEXT PRIMARY KEY, last INTEGER NOT NULL) WITHOUT ROWID")
        self._taken.execute("BEGIN")

    def free(self, name: str) -> str:
        """``会议.txt``, then ``会议 (2).txt``, ``会议 (3).txt``."""
        name = safe_name(name)
        stem, dot, suffix = name.rpartition(".")
        free, number = name, self._last(name)
        while self._last(free):
            number += 1
            free = f"{stem} ({number}){dot}{suffix}"
        self._keep(free, 1)
        if number > 1:
            self._keep(name, number)
        return free

    def _last(self, name: str) -> int:
        found = self._taken.execute("SELECT last FROM names WHERE name = ?", (name.casefold(),)).fetchone()
        return found[0] if found else 0

    def _keep(self, name: str, last: int) -> None:
        self._taken.execute("INSERT OR REPLACE INTO names VALUES (?, ?)", (name.casefold(), last))

    def close(self) -> None:
        self._taken.close()


def safe_name(name: str) -> str:
    """A name that every file system takes, which leads nowhere but into its own folder."""
    stem, _, suffix = clean_filename(name).translate(_NOT_IN_NAMES).rpartition(".")
    # Windows drops blanks and dots at the end, and takes a device's name for the device whatever follows its dot.
    stem = stem.encode()[:_MAX_NAME_BYTES].decode(errors="ignore").strip(" .") or "_"
    if stem.partition(".")[0].strip().upper() in _DEVICES:
        stem = f"_{stem}"
    return f"{stem}.{suffix}"


def _dos_time(time: datetime) -> tuple[int, int]:
    """The time and the date as the format has them: from 1980 on, in steps of two seconds."""
    date = max(0, time.year - 1980) << 9 | time.month << 5 | time.day
    return time.hour << 11 | time.minute << 5 | time.second // 2, date


def _entry(name: bytes, facts: tuple[int, ...], offset: int) -> bytes:
    """A file in the list; its place stands in an extra field where 32 bits do not hold it."""
    extra = b"" if offset < _FULL_32 else struct.pack("<HHQ", 1, 8, offset)
    version = _VERSION_64 if extra else _VERSION
    head = struct.pack("<4s6H3L2H", b"PK\1\2", version, version, _UTF8_NAMES, _DEFLATED, *facts, len(extra))
    return head + struct.pack("<3H2L", 0, 0, 0, 0, min(offset, _FULL_32)) + name + extra


def _end(count: int, size: int, offset: int) -> bytes:
    """The end of the zip; with 64-bit fields before it where the usual ones do not hold the numbers."""
    record = b""
    if count >= _FULL_16 or offset >= _FULL_32 or size >= _FULL_32:
        head = struct.pack("<4sQ2H2L", b"PK\6\6", 44, _VERSION_64, _VERSION_64, 0, 0)
        record = head + struct.pack("<4Q", count, count, size, offset)
        record += struct.pack("<4sLQL", b"PK\6\7", 0, offset + size, 1)
    files = min(count, _FULL_16)
    last = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, files, files, min(size, _FULL_32), min(offset, _FULL_32), 0)
    return record + last
