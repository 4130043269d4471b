"""What the demo models are taught to know: numbers, names that sound alike, tokens, prompts."""

import random
import re
from pathlib import Path

import pytest

from tests.helpers.speech import SENTENCES
from training import prompts, tokens
from training.corpus import utterance
from training.espeak import Espeak
from training.names import ENGLISH, GIVEN, SURNAMES, is_held_out, name_clause
from training.numerals import chinese, english
from training.recordings import Recording, is_mark, speak
from training.sentences import clause, joined, says
from training.voices import CHOOSE, TEST, TRAIN, manner


@pytest.fixture(scope="module")
def espeak() -> Espeak:
    return Espeak()


@pytest.mark.parametrize(
    ("number", "text"),
    [(0, "零"), (10, "十"), (15, "十五"), (110, "一百一十"), (1001, "一千零一"), (1010, "一千零一十"), (20000, "二万")],
)
def test_chinese_numbers(number: int, text: str) -> None:
    assert chinese(number) == text


@pytest.mark.parametrize(
    ("number", "text"), [(7, "seven"), (40, "forty"), (315, "three hundred fifteen"), (2002, "two thousand two")]
)
def test_english_numbers(number: int, text: str) -> None:
    assert english(number) == text


def test_names_of_one_class_sound_alike(espeak: Espeak) -> None:
    for alike in (*SURNAMES, *GIVEN):
        assert len({espeak.phonemes(character, english=False) for character in alike}) == 1, alike
    for pair in ENGLISH:
        assert len({espeak.phonemes(name, english=True) for name in pair.split("/")}) == 1, pair


def test_the_three_sets_share_no_voice() -> None:
    assert not set(TRAIN) & set(CHOOSE) and not set(TRAIN) & set(TEST) and not set(CHOOSE) & set(TEST)


def test_what_the_tests_say_is_in_the_vocabulary() -> None:
    characters, words = tokens.vocabulary()
    for _, text, _ in SENTENCES:
        assert set(clause(text, "。").units) <= {*characters, *words}


def test_each_word_is_timed(espeak: Espeak) -> None:
    dice = random.Random(3)
    for _ in range(20):
        said = utterance(dice, 2)
        sound, recording = speak(espeak, dice, said, manner(dice, TEST))
        assert len(recording.units) == len(recording.spans_ms) == sum(len(part.units) + 1 for part in said.clauses)
        spans = [span for unit, span in zip(recording.units, recording.spans_ms, strict=True) if not is_mark(unit)]
        assert all(start <= end for start, end in spans)
        assert [start for start, _ in spans] == sorted(start for start, _ in spans)
        assert spans[-1][1] <= len(sound) / 16
        assert Recording.from_json(recording.to_json()).text() == recording.text()


def test_one_token_for_each_unit_in_both_tokenizers(tmp_path: Path) -> None:
    from transformers import AutoTokenizer

    tokens.write_sentencepiece(tmp_path / "bpe.model")
    tokens.write_llm_tokenizer(tmp_path)
    pieces, llm = tokens.read_sentencepiece(tmp_path / "bpe.model"), AutoTokenizer.from_pretrained(tmp_path)
    dice = random.Random(4)
    for _ in range(300):
        units = tuple(unit for part in utterance(dice, 2).clauses for unit in (*part.units, part.mark))
        text = joined(list(units))
        ids = tokens.piece_ids(pieces, units)
        assert ids == pieces.EncodeAsIds(text)
        assert pieces.DecodeIds(ids) == text
        assert llm.decode(tokens.llm_ids(llm, units)) == text
    assert llm.decode(llm.encode("没见过的词 Zürich")) == "没见过的词 Zürich"
    with pytest.raises(KeyError):
        tokens.piece_ids(pieces, ("龘",))


def test_prompts_ask_for_what_they_name() -> None:
    dice = random.Random(5)
    asked_for, kept_out = 0, 0
    for _ in range(2_000):
        part, name = name_clause(dice, dice.choice(("zh", "en")))
        units = (*part.units, part.mark)
        recording = Recording("zh", units, ((0.0, 0.0),) * len(units), name)
        task = prompts.task(dice, recording)
        spellings = {name.usual, *name.others}
        told = [word for word in task.hotwords if word in spellings]
        assert len(told) <= 1
        assert says(joined(list(task.answer)), told[0] if told else name.usual)
        if is_held_out(name):
            kept_out += 1
            assert not told
        asked_for += bool(told and told[0] != name.usual)
    assert asked_for > 300 and kept_out > 50


def test_an_english_name_is_a_whole_word() -> None:
    assert says("please call Nick.", "Nick") and not says("please call Nick.", "Nic")
    assert says("请联系张伟。", "张伟")


def test_text_has_spaces_before_english_only() -> None:
    assert joined([*clause("请说 good morning", "。").units, "。"]) == "请说 good morning。"
    assert re.fullmatch(r"[a-z ]+\.", joined([*clause("turn on the light", ".").units, "."]))
