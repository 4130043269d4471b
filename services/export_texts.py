"""One file for each recording, in a zip; what was left out is listed in a file of its own."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from pathlib import Path

from domain.labels import Language
from domain.recognition import Recognition
from services.export import Exported
from services.export_words import word
from services.export_zip import ZipWriter

#: What was left out is listed in files of at least so many lines.
_NOTE_LINES = 10_000


class TextFiles:
    """A writer of :mod:`services.exports`."""

    media_type = "application/zip"
    suffix = ".zip"

    def __init__(
        self,
        render: Callable[[Recognition], Exported],
        language: Language,
        zone: tzinfo | None,
        left_out: list[str],
        folder: Path | None = None,
    ) -> None:
        """``left_out``: grows while rows are added; its lines go once they are written down."""
        self._render = render
        self._language: Language = language
        self._zone = zone
        self._left_out = left_out
        self._zip = ZipWriter(folder)

    def add(self, rows: Sequence[Recognition]) -> bytes:
        """The files of these rows."""
        content = b"".join(map(self._file, rows))
        return content + (self._note() if len(self._left_out) >= _NOTE_LINES else b"")

    def _file(self, row: Recognition) -> bytes:
        exported = self._render(row)
        return self._zip.add(
            _named(exported.filename, row.version), exported.content, row.created_at.astimezone(self._zone)
        )

    def end(self) -> Iterator[bytes]:
        """The rest of what was left out, and the list of the files."""
        yield self._note()
        yield from self._zip.end()

    def _note(self) -> bytes:
        if not self._left_out:
            return b""
        text = "\n".join([*self._left_out, ""]).encode("utf-8", "replace")
        self._left_out.clear()
        name = f"{word('left_out', self._language)}.txt"
        return self._zip.add(name, text, datetime.now(UTC).astimezone(self._zone))

    def close(self) -> None:
        """Removes the temporary files."""
        self._zip.close()


def _named(filename: str, version: int) -> str:
    """会议.txt, and 会议 (v2).txt of its second version: its number is the one that people know."""
    stem, dot, suffix = filename.rpartition(".")
    return filename if version == 1 else f"{stem} (v{version}){dot}{suffix}"
