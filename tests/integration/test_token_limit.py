"""The limit of tokens, with the demo model: an answer that stopped there says so, and its halves complete it."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from domain.options import RecognitionOptions
from engine.families import Decoding, Heard, nano
from engine.recogniser import Recogniser
from tests.helpers.recogniser import demo_recogniser, recognise
from tests.helpers.speech import say, talk

# FunASR's dependencies warn while they are imported, in the thread that loads the model.
pytestmark = pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning")
WAIT_SECONDS = 90.0


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Recogniser]:
    with demo_recogniser(tmp_path_factory.mktemp("engine")) as made:
        yield made


def decoded(node: Recogniser, sound: np.ndarray) -> Heard:
    engine = node.state.engine
    assert engine
    return engine.queue.submit("t", sound, Decoding("zh", (), "spoken")).result(WAIT_SECONDS)


def test_the_demo_model_says_when_it_stopped_at_its_limit(demo: Recogniser, monkeypatch: pytest.MonkeyPatch) -> None:
    sound = talk(say("把空调调到二十五度"))
    whole = decoded(demo, sound)
    assert not whole.cut_off
    seen = []
    for limit in (2, 5, 60):
        monkeypatch.setattr(nano, "TOKEN_LIMIT", limit)
        heard = decoded(demo, sound)
        assert whole.text.startswith(heard.text)
        assert heard.cut_off == (heard.text != whole.text)
        seen.append(heard.cut_off)
    assert seen == [True, True, False]


async def test_an_answer_at_the_limit_is_completed_from_its_halves(
    demo: Recogniser, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = [say("打开空调"), say("请检查网络")]
    monkeypatch.setattr(nano, "TOKEN_LIMIT", 8)
    options = RecognitionOptions.of(vad=False)
    result = await recognise(demo, tmp_path, talk(*parts, gap_seconds=0.6), options)
    assert [(s.text, s.suspect) for s in result.output.segments] == [("打开空调。请检查网络。", None)]
    words = result.output.segments[0].words
    assert [word.start_ms for word in words] == sorted(word.start_ms for word in words)
