"""What a file is that was chosen and not yet submitted."""

import asyncio
from pathlib import Path

from domain.recognition import AudioInfo
from speech import facts
from speech.facts import FileFacts

#: Whoever chose a file does not wait longer to hear what it is.
MAX_SECONDS = 10.0


async def file_facts(path: Path, filename: str) -> FileFacts:
    """What the file is; all empty where its disk or its size takes too long. Raises :class:`BadAudio`."""
    try:
        async with asyncio.timeout(MAX_SECONDS):
            return await asyncio.to_thread(facts.file_facts, path, filename)
    except TimeoutError:
        return FileFacts(AudioInfo())
