"""Each sound that a test sends to a shared server is one of its own."""

from tests.helpers.levels import fresh_level
from tests.helpers.speech import RATE, silence, talk


def test_no_two_sounds_are_alike() -> None:
    sounds = {talk(silence(0.1), gap_seconds=0.1, level=fresh_level()).tobytes() for _ in range(40)}
    assert len(sounds) == 40 and {len(sound) for sound in sounds} == {2 * round(0.25 * RATE)}
