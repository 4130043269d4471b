"""Whether a store of recordings works: what `doctor` tries."""

import tempfile
from pathlib import Path

from domain.ports import AudioStore

_CONTENT = b"doctor" * 1000


async def try_audio_store(store: AudioStore) -> None:
    """Writes a recording, reads it back, lists and removes it. Raises ``StorageUnavailable``, ``ValueError``."""
    with tempfile.TemporaryDirectory() as folder:
        source = Path(folder) / "doctor.wav"
        source.write_bytes(_CONTENT)
        key = await store.put_file(source, suffix="wav")
    try:
        read = await store.read(key, 0, await store.size(key))
        listed = await store.keys_older_than(-60)
    finally:
        await store.delete([key])
    if key not in listed:
        raise ValueError("what was written is not listed, so that it would never be swept")
    if read != _CONTENT:
        raise ValueError("what was written is not what is read")
    if await store.exists(key):
        raise ValueError("what was deleted is still there")
