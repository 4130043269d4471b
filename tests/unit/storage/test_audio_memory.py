"""A recording of any size goes in and out through a few megabytes of memory."""

from pathlib import Path

import pytest

from domain.ids import new_id
from tests.helpers.s3_server import ACCESS_KEY, SECRET_KEY, S3Server
from tests.helpers.storage import start_python

MIB = 1 << 20
CODE = """
import asyncio, resource, sys
from pathlib import Path
from domain.audio_address import parse_audio_store
from storage.audio import open_audio_store

def peak_mb():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024

async def main(place, source, work):
    store = open_audio_store(
        parse_audio_store(place), work_dir=Path(work), access_key=sys.argv[4], secret_key=sys.argv[5]
    )
    small = Path(work) / "small.wav"
    small.write_bytes(bytes(12 << 20))
    await store.put_file(small)
    before = peak_mb()
    key = await store.put_file(Path(source))
    size = await store.size(key)
    async with store.local(key) as path:
        assert path.stat().st_size == size == Path(source).stat().st_size
    # Here and there: the server of the tests takes a second for each.
    for start in range(0, size, 30 << 20):
        await store.read(key, start, min(start + (1 << 20), size))
    print(peak_mb() - before)

asyncio.run(main(*sys.argv[1:4]))
"""


@pytest.mark.long
@pytest.mark.parametrize("kind", ["file", "s3"])
def test_300_mb_take_no_more_memory_than_12(kind: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    server: S3Server | None = request.getfixturevalue("s3_server") if kind == "s3" else None
    place = server.url(new_id()) if server else str(tmp_path / "store")
    source = tmp_path / "long.wav"
    with source.open("wb") as file:
        for number in range(300):
            file.write(bytes([number % 251]) * MIB)
    with start_python(CODE, place, source, tmp_path, ACCESS_KEY, SECRET_KEY) as process:
        output, _ = process.communicate(timeout=900)
    grown_mb = float(output)
    assert grown_mb < 40, f"{grown_mb:.0f} MB"
