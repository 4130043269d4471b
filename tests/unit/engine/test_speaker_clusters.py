"""Voice vectors into people, on vectors whose speakers are known."""

import tracemalloc

import numpy as np
import pytest

from engine.speaker_clusters import SAMPLE, by_appearance, tell_apart


def voices(people: int, each: int, spread: float = 0.35, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """``each`` vectors of every person in turns of five, and who speaks each; ``spread`` is the noise's share."""
    dice = np.random.default_rng(seed)
    centres = dice.normal(size=(people, 64))
    centres /= np.linalg.norm(centres, axis=1, keepdims=True)
    who = np.concatenate([np.full(5, turn % people) for turn in range(people * each // 5)])
    noise = dice.normal(size=(len(who), 64))
    return (centres[who] + spread * noise / np.linalg.norm(noise, axis=1, keepdims=True)).astype(np.float32), who


@pytest.mark.parametrize("people", [1, 2, 3, 5])
@pytest.mark.parametrize("each", [10, 60])
def test_as_many_people_are_found_as_there_are(people: int, each: int) -> None:
    vectors, who = voices(people, each)
    assert tell_apart(vectors, 0).tolist() == who.tolist()


@pytest.mark.parametrize(("people", "each"), [(2, 5), (2, 60), (4, 60)])
def test_a_given_number_is_kept(people: int, each: int) -> None:
    vectors, who = voices(people, each, spread=0.8)
    found = tell_apart(vectors, people)
    assert len(set(found.tolist())) == people
    assert np.mean(found == who) > 0.9


def test_more_people_than_voices_are_as_many_as_there_are_vectors() -> None:
    assert set(tell_apart(voices(2, 5)[0][:3], 8).tolist()) <= {0, 1, 2}
    assert tell_apart(np.zeros((0, 64), np.float32), 0).tolist() == []
    assert tell_apart(voices(1, 5)[0][:1], 0).tolist() == [0]


def test_a_few_odd_vectors_are_nobody() -> None:
    vectors, who = voices(2, 60)
    odd = np.random.default_rng(9).normal(size=(2, 64)).astype(np.float32)
    found = tell_apart(np.concatenate([vectors, odd]), 0)
    assert set(found.tolist()) == {0, 1}
    assert found[:-2].tolist() == who.tolist()


def test_a_moment_is_no_voice() -> None:
    """The two windows of one short sentence may sound unlike; only who says how many there are divides them."""
    vectors, _ = voices(2, 5)
    pair = vectors[[0, 5]]
    assert tell_apart(pair, 0).tolist() == [0, 0]
    assert tell_apart(pair, 2).tolist() == [0, 1]
    assert tell_apart(vectors[[0, 1, 5, 2, 3]], 0).tolist() == [0] * 5


def test_the_answer_is_the_same_each_time() -> None:
    vectors, _ = voices(3, 60, spread=1.2)
    assert tell_apart(vectors, 0).tolist() == tell_apart(vectors, 0).tolist()


def test_numbers_follow_the_first_appearance() -> None:
    assert by_appearance(np.array([7, 7, 2, 7, 0, 2])).tolist() == [0, 0, 1, 0, 2, 1]


def peak_bytes(vectors: np.ndarray) -> int:
    tracemalloc.start()
    try:
        tell_apart(vectors, 0)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


@pytest.mark.timeout(120)
def test_four_hours_take_the_memory_of_their_sample() -> None:
    """19 200 windows: a similarity matrix of all would take 3 GB."""
    vectors, who = voices(3, 6_400)
    assert len(vectors) > 9 * SAMPLE
    assert np.mean(tell_apart(vectors, 0) == who) > 0.99  # and what is imported on first use is not measured below
    assert peak_bytes(vectors) < 1.5 * peak_bytes(vectors[:SAMPLE])


def test_a_vector_that_is_not_finite_belongs_to_its_nearest_neighbour_in_time() -> None:
    vectors, who = voices(2, 60)
    vectors[[0, 50, 119]] = np.nan
    vectors[7, 3] = np.inf
    who[50] = who[49]
    assert tell_apart(vectors, 0).tolist() == who.tolist()


def test_without_one_finite_vector_nobody_can_be_told_apart() -> None:
    with pytest.raises(ValueError, match="finite"):
        tell_apart(np.full((3, 8), np.nan, np.float32), 0)
