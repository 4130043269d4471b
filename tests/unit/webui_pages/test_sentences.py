"""What a person reads when something is away."""

import pytest

from domain.errors import StorageUnavailable
from webui.i18n import Language
from webui.sentences import sentence


@pytest.mark.parametrize(("language", "word"), [("zh", "录音"), ("en", "recordings")])
def test_the_store_of_the_recordings_is_told_from_the_database(language: Language, word: str) -> None:
    audio = sentence(StorageUnavailable("x", part="audio"), language)
    assert word in audio
    for other in ("database", "outbox"):
        assert word not in sentence(StorageUnavailable("x", part=other), language)
    assert sentence(StorageUnavailable("x", part="export", reason="export"), language) != audio
