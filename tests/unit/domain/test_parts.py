"""How a long recording is divided, and what a node may say of where somebody speaks."""

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.parts import Detection, divided

PLACES = st.lists(st.tuples(st.integers(0, 5_000), st.integers(100, 30_000)), max_size=60).map(
    lambda steps: [
        (start, start + length)
        for start, length in zip(
            [sum(gap + long for gap, long in steps[:n]) + steps[n][0] for n in range(len(steps))],
            [length for _, length in steps],
            strict=True,
        )
    ]
)


@given(PLACES, st.integers(1_000, 90_000))
def test_parts_are_runs_of_whole_places_and_no_longer_than_asked(places: list[tuple[int, int]], part_ms: int) -> None:
    parts = divided(places, part_ms)
    assert [place for part in parts for place in part.places] == places
    for part in parts:
        assert part.seconds * 1000 <= part_ms or len(part.places) == 1
        assert part.own_places[0][0] == 0
        assert [(start + part.start_ms, end + part.start_ms) for start, end in part.own_places] == list(part.places)
    for one, following in pairwise(parts):
        assert following.places[0][1] - one.start_ms > part_ms


def test_a_detection_survives_its_json() -> None:
    detection = Detection(((0, 900), (900, 2_000)), -61.5, 3.0, "demo", "f1")
    assert Detection.from_json(detection.to_json()) == detection


@pytest.mark.parametrize("segments", [[[900, 0]], [[0, 900], [800, 1_000]], [[-5, 10]], [[1]], [["a", "b"]], None])
def test_places_that_make_no_sense_are_garbage(segments: object) -> None:
    data = Detection(((0, 900),), -61.5, 3.0, "demo", "f1").to_json()
    with pytest.raises((KeyError, TypeError, ValueError)):
        Detection.from_json({**data, "segments": segments})
