"""A long recording over two real node processes, of which one is killed; only their engines sleep."""

import os
from pathlib import Path

from benchmarks.checked_sound import text_of, write_made
from benchmarks.sleeping_node import command
from domain.access import Visitor
from domain.node import NodeIntent
from domain.options import RecognitionOptions
from domain.recognition import Source, Status
from engine.samples import open_samples
from settings import load_settings
from tests.helpers.node_process import eventually, node_process
from wiring import build

ME = Visitor("me")


async def test_a_killed_node_costs_no_text(tmp_path: Path) -> None:
    sound = write_made(tmp_path / "meeting.wav", 330, 1)
    environment = {"ASR_CONFIG": os.devnull, "ASR_SLOTS": "1", "ASR_NODE_TOKEN": "secret", "TMPDIR": str(tmp_path)}
    with (
        node_process(command(rtf=0.02), **environment) as one,
        node_process(command(rtf=0.02), **environment) as other,
    ):
        nodes = tuple(NodeIntent(node.url, name) for node, name in ((one, "one"), (other, "other")))
        settings = load_settings(data_dir=tmp_path / "data", nodes=nodes, own_node="no", node_token="secret")
        async with build(settings).running() as services:

            async def both_serve() -> bool:
                overview = await services.nodes.overview()
                return overview.state == "ok" and len(overview.nodes) == 2

            await eventually(both_serve, 60)
            work = services.transcription
            row = await work.submit(sound, sound.name, RecognitionOptions(), visitor=ME, source=Source.API)
            async for state in work.follow(row.id, visitor=ME):
                if state.progress.parts_done >= 2:
                    break
            parts = state.progress.parts
            one.kill()
            row = await work.wait(row.id, visitor=ME, timeout_seconds=120)
    assert row.status is Status.SUCCEEDED, row.error
    assert parts == 6
    assert row.text == text_of(open_samples(sound))
    assert "other" in (row.node or "").split(", ")
