"""A sleeping node that can be made to misbehave, for ``benchmarks/chaos.py``.

``--mood FILE``: what the file says counts from now on: ``slow`` (ten times as slow), ``garbage`` (its answers make no
sense), ``liar`` (they are of another model), or nothing. ``--decoy``: another endpoint stands before those of a node,
so that whoever calls them by the numbers of an earlier start gets the decoy's wrong text.
"""

import argparse
import sys
from pathlib import Path
from typing import Any

import gradio as gr

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.sleeping_node import arguments, serve, sleeping_engine  # noqa: E402
from domain.node import NodeResult  # noqa: E402
from domain.transcript import ModelOutput, ModelSegment  # noqa: E402
from engine import node_app  # noqa: E402
from engine.recogniser import Recogniser  # noqa: E402
from engine.uploads import Uploads  # noqa: E402

#: How much slower a slow node is.
SLOWNESS = 10
MOODS = ("slow", "garbage", "liar")


def command(*, rtf: float, segment_ms: int, mood: Path, decoy: bool) -> list[str]:
    """How such a node is started, for ``tests.helpers.node_process``, which adds the port."""
    words = ["--rtf", str(rtf), "--segment-ms", str(segment_ms), "--mood", str(mood)]
    return [sys.executable, __file__, *words, *(["--decoy"] if decoy else [])]


class Mood:
    """What the file says at this moment."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def is_now(self, mood: str) -> bool:
        """Whether the node is in this mood."""
        try:
            return self._path.read_text().strip() == mood
        except OSError:
            return False


def answer_by_mood(mood: Mood) -> None:
    """The results of this process are what its mood makes of them."""
    honest = NodeResult.to_json

    def to_json(result: NodeResult) -> dict[str, Any]:
        if mood.is_now("garbage"):
            return {"what": "is this"}
        return {**honest(result), **({"fingerprint": "another"} if mood.is_now("liar") else {})}

    name = "to_json"
    setattr(NodeResult, name, to_json)


def put_decoy_first() -> None:
    """The node's app gets an endpoint before all others, which takes the same and answers something wrong."""
    build = node_app.build_blocks

    def with_decoy(recogniser: Recogniser, uploads: Uploads) -> gr.Blocks:
        def decoy(_: str | None, job: Any) -> dict[str, Any]:
            wrong = ModelOutput(job["track"], (ModelSegment(0, 1000, "wrong function"),))
            fingerprint = recogniser.state.fingerprint.value
            return {"result": NodeResult(wrong, "demo", fingerprint, "cpu", 1.0, 1).to_json()}

        blocks = build(recogniser, uploads)
        with gr.Blocks(analytics_enabled=False) as whole:
            audio, data, answer = gr.Audio(type="filepath"), gr.JSON(), gr.JSON()
            gr.Button("decoy").click(decoy, [audio, data], answer, api_name="decoy", concurrency_limit=None)
            blocks.render()
        whole.queue(default_concurrency_limit=None, max_size=None, api_open=False)
        return whole

    node_app.build_blocks = with_decoy


def main() -> int:
    """The program."""
    parser: argparse.ArgumentParser = arguments(__doc__)
    parser.add_argument("--mood", type=Path, required=True, help="file that says how the node behaves")
    parser.add_argument("--decoy", action="store_true", help="put another endpoint first")
    given = parser.parse_args()
    mood = Mood(given.mood)
    answer_by_mood(mood)
    if given.decoy:
        put_decoy_first()
    rtf = float(given.rtf)
    engine = sleeping_engine(lambda: rtf * (SLOWNESS if mood.is_now("slow") else 1), given.detect_rtf, given.segment_ms)
    return serve(given, engine)


if __name__ == "__main__":
    sys.exit(main())
