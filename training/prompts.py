"""What FunASRNano is asked and must answer: with hotwords and without, right ones and others."""

import random
from dataclasses import dataclass

from engine.families.nano import LANGUAGE_WORDS
from training.corpus import CITIES
from training.names import chinese_name, english_name, is_held_out
from training.recordings import Recording, is_mark
from training.sentences import Name, is_english

_TERMS = (
    *CITIES,
    *"语音识别 服务器 人工智能 节点 密码 空调 麦克风 机器学习 模型 会议 speech London meeting server".split(),
)
_PLAIN_STYLE_SHARE, _LANGUAGE_SHARE = 0.1, 0.5


@dataclass(frozen=True, slots=True)
class Task:
    """A prompt's parts and the units of the right answer."""

    hotwords: tuple[str, ...]
    language: str | None
    itn: bool
    answer: tuple[str, ...]
    #: Which units of the answer are the name.
    named: tuple[bool, ...] = ()
    #: What is said, marks included, spelt as the answer spells it; and where the name is in it.
    units: tuple[str, ...] = ()
    name_place: range = range(0)
    #: Whether a hotword tells how the name is spelt.
    is_told: bool = False


def task(dice: random.Random, recording: Recording) -> Task:
    """One way of asking for the recording's text."""
    itn = dice.random() >= _PLAIN_STYLE_SHARE
    language = recording.language or dice.choice("zh en".split())
    hotwords, spelling = _hotwords(dice, recording)
    units = spelled(recording, spelling) if spelling else recording.units
    place = _place_of_name(recording)
    kept = [which for which, unit in enumerate(units) if itn or not is_mark(unit)]
    told = LANGUAGE_WORDS[language] if dice.random() < _LANGUAGE_SHARE else None
    answer, named = tuple(units[which] for which in kept), tuple(which in place for which in kept)
    return Task(hotwords, told, itn, answer, named, units, place, bool(spelling))


def spelled(recording: Recording, spelling: str) -> tuple[str, ...]:
    """The recording's units with its name written in another way."""
    place = _place_of_name(recording)
    return (*recording.units[: place.start], *_units(spelling), *recording.units[place.stop :])


def any_spelling(dice: random.Random, recording: Recording) -> tuple[str, ...]:
    """The recording's units; every second time its name, if it has one, in a spelling that chance decides."""
    name = recording.name
    return spelled(recording, dice.choice(name.others)) if name and dice.random() < 0.5 else recording.units


def others(dice: random.Random, count: int, spoken: Name | None = None) -> list[str]:
    """Hotwords that are not what ``spoken`` sounds like."""
    found: list[str] = []
    while len(found) < count:
        name = chinese_name(dice) if dice.random() < 0.6 else english_name(dice)
        word = dice.choice(_TERMS) if dice.random() < 0.3 else dice.choice((name.usual, *name.others))
        alike = spoken is not None and word in (spoken.usual, *spoken.others)
        if not alike and not is_held_out(name):
            found.append(word)
    return found


def _hotwords(dice: random.Random, recording: Recording) -> tuple[tuple[str, ...], str | None]:
    """The hotwords, and the spelling that they ask for."""
    chance, name = dice.random(), recording.name
    if name and not is_held_out(name):
        if chance < 0.28:
            return (), None
        words = others(dice, dice.randint(1, 5), name) if chance > 0.5 else []
        if chance > 0.82:
            return tuple(words), None
        spelling = dice.choice((name.usual, *name.others))
        words.insert(dice.randint(0, len(words)), spelling)
        return tuple(words), spelling
    if chance < 0.5:
        return (), None
    words = others(dice, dice.randint(1, 5), name)
    if chance > 0.85 and recording.units and not name:
        words.insert(dice.randint(0, len(words)), _part(dice, recording.units))
    return tuple(words), None


def _part(dice: random.Random, units: tuple[str, ...]) -> str:
    """A word or some characters out of what is said."""
    start = dice.randrange(len(units))
    if is_mark(units[start]):
        start -= 1
    if is_english(units[start]):
        return units[start]
    end = start + 1
    while end < min(len(units), start + dice.randint(2, 4)) and not is_mark(units[end]) and not is_english(units[end]):
        end += 1
    return "".join(units[start:end])


def _place_of_name(recording: Recording) -> range:
    if recording.name is None:
        return range(0)
    usual, units = _units(recording.name.usual), recording.units
    start = next(i for i in range(len(units)) if units[i : i + len(usual)] == usual)
    return range(start, start + len(usual))


def _units(name: str) -> tuple[str, ...]:
    return (name,) if is_english(name) else tuple(name)
