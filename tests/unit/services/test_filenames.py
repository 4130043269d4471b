import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.filenames import MAX_NAME_CHARS, clean_filename, suffix_of


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("../../a b.wav", "a b.wav"),
        ("C:\\x\\录音.MP3", "录音.MP3"),
        ("😀.wav", "😀.wav"),
        ("a\x00b\u202e.wav", "ab.wav"),
        ("", "audio"),
        ("/", "audio"),
        ("..", "audio"),
        (".wav", "wav"),
    ],
)
def test_names(given_name: str, kept: str) -> None:
    assert clean_filename(given_name) == kept


def test_a_long_name_keeps_its_suffix() -> None:
    name = clean_filename("长" * 500 + ".flac")
    assert len(name) <= MAX_NAME_CHARS
    assert name.endswith("….flac")


@given(st.text())
def test_no_name_is_a_path(name: str) -> None:
    clean = clean_filename(name)
    assert clean and "/" not in clean and "\\" not in clean and len(clean) <= MAX_NAME_CHARS
    assert clean not in (".", "..")


@pytest.mark.parametrize(
    ("name", "suffix"), [("a.WAV", ".wav"), ("a.tar.gz", ".gz"), ("a", ""), ("a.b c", ""), ("a.verylongsuffix", "")]
)
def test_suffixes(name: str, suffix: str) -> None:
    assert suffix_of(name) == suffix
