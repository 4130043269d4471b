"""The limits of one attempt: what each allows, and what a step of the node does to them."""

from pathlib import Path

import pytest

from cluster.dispatch import Limits, _Patience, limits_of
from domain.errors import NodeUnreachable
from domain.node import NodeJob
from domain.options import RecognitionOptions, VadOptions


def a_recording(folder: Path, seconds: int) -> Path:
    path = folder / "a.wav"
    path.write_bytes(bytes(seconds * 32_000))
    return path


@pytest.mark.parametrize(
    ("max_segment_ms", "segments", "step"),
    [
        (30_000, None, 600.0),
        (2_000, None, 60.0),
        # Cut by somebody else: what was sent counts, not what detection would allow.
        (30_000, ((0, 4_000), (5_000, 15_000)), 200.0),
        (30_000, (), 60.0),
    ],
)
def test_the_limits_follow_the_sound(
    tmp_path: Path, max_segment_ms: int, segments: tuple[tuple[int, int], ...] | None, step: float
) -> None:
    options = RecognitionOptions(vad=VadOptions(True, max_segment_ms, 800))
    limits = limits_of(NodeJob("a:0", options, segments=segments), a_recording(tmp_path, 100))
    assert limits == Limits(whole=2_300.0, first_step=400.0, step=step)


def test_every_step_starts_the_wait_anew() -> None:
    now = [0.0]
    patience = _Patience(Limits(1_000.0, 300.0, 60.0), lambda: now[0])

    def check_at(second: float) -> None:
        now[0] = second
        patience.check()

    check_at(299.0)
    patience.heard()
    check_at(358.0)
    patience.heard()
    check_at(417.0)
    with pytest.raises(NodeUnreachable, match="said nothing for 60 s") as caught:
        check_at(419.0)
    assert caught.value.details["reason"] == "timeout"


def test_the_first_step_has_a_limit_of_its_own() -> None:
    now = [0.0]
    patience = _Patience(Limits(1_000.0, 300.0, 60.0), lambda: now[0])
    now[0] = 301.0
    with pytest.raises(NodeUnreachable, match="said nothing for 300 s"):
        patience.check()
