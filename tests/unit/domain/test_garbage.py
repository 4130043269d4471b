"""What nodes, caches and rows hand over is read, or refused with one of three errors."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from domain.errors import InvalidOptions
from domain.node import Health, NodeJob, NodeProgress, NodeReport, NodeResult
from domain.options import RecognitionOptions
from domain.recognition import AudioInfo, Progress
from domain.transcript import ModelOutput, ModelSegment, Segment
from domain.words import Word

Read = Callable[[Any], object]

WORDS = (Word("三", 0, 400), Word("点", 400, 900))
SEGMENT = ModelSegment(0, 900, "三点", WORDS, channel=1, speaker="客户")
SHOWN = Segment(0, 900, "三点", "3点", 1, "客户", WORDS)
OUTPUT = ModelOutput("spoken", (SEGMENT,), "zh", ("truncated",))
JOB = NodeJob("a:0", RecognitionOptions(hotwords=("空调",)), "written", ((0, 10), (20, 30)))
#: How each is read, and what it looks like when it is no garbage.
KINDS: dict[str, tuple[Read, dict[str, Any]]] = {
    type(item).__name__: (type(item).from_json, item.to_json())
    for item in (
        SEGMENT,
        SHOWN,
        OUTPUT,
        AudioInfo("wav", "pcm_s16le", 8_000, 2, 1.5),
        Progress(segments=(SHOWN,)),
        NodeReport(Health.READY, fingerprint_parts={"model.pt": "1"}, running=("a:0",)),
        NodeResult(OUTPUT, "demo", "f", "cpu", 1.5, 7),
        NodeProgress(1, 2, (SEGMENT,)),
        JOB,
    )
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4) | st.just(10**400),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


def check(read: Read, data: object) -> None:
    try:
        read(data)
    except (KeyError, TypeError, ValueError):
        pass
    except InvalidOptions:
        assert read == NodeJob.from_json


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=60, deadline=None)
@given(data=JSON)
@example(data="x")
@example(data=[1])
def test_any_json_is_read_or_refused(kind: str, data: object) -> None:
    check(KINDS[kind][0], data)


@pytest.mark.parametrize("kind", KINDS)
@settings(max_examples=250, deadline=None)
@given(chance=st.data(), garbage=JSON | st.sampled_from([float("inf"), float("nan"), 10**400, "x", [], {}, [[]], [1]]))
def test_any_value_inside_may_be_garbage(kind: str, chance: st.DataObject, garbage: object) -> None:
    read, good = KINDS[kind]
    read(good)
    data: Any = copy.deepcopy(good)
    place = data
    while True:
        key = chance.draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
        if not isinstance(place[key], dict | list) or not place[key] or chance.draw(st.booleans()):
            break
        place = place[key]
    place[key] = garbage
    check(read, data)


@pytest.mark.parametrize("kind", ["ModelOutput", "AudioInfo", "NodeReport", "NodeJob"])
@pytest.mark.parametrize("garbage", ["x", [1], 7, True])
def test_what_is_no_object_is_a_type_error(kind: str, garbage: object) -> None:
    with pytest.raises(TypeError, match="an object was expected"):
        KINDS[kind][0](garbage)
