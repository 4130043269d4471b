"""Who speaks when: from windows of one voice each to segments of one speaker each."""

import itertools
from collections.abc import Sequence
from dataclasses import replace
from typing import NamedTuple

from domain.transcript import ModelSegment

#: FunASR's windows (``sv_chunk``): a voice is heard in 1.5 s, and a new window begins every 0.75 s.
WINDOW_MS, STEP_MS = 1_500, 750
#: Between two others, a shorter turn than this is a window that was heard wrongly.
_LEAST_TURN_MS = 1_000
#: Turns are known to half a window; the words' own pauses so near by tell where one really ended.
_REACH_MS = 700
#: A punctuation mark is worth a pause of this length.
_MARK_MS = 400
#: Where words follow each other without either, a new speaker is believed only between turns of this length: people do
#: not often take over within a word, and windows of a second are often heard wrongly.
_SIGN_MS, _SURE_TURN_MS = 200, 3_000


class Turn(NamedTuple):
    """A stretch in which one person speaks."""

    start_ms: int
    end_ms: int
    speaker: int


def windows_of(start_ms: int, end_ms: int) -> list[tuple[int, int]]:
    """The windows of one stretch of speech; the last one ends with it, and a short stretch is one window."""
    found: list[tuple[int, int]] = []
    for start in range(start_ms, end_ms, STEP_MS):
        end = min(start + WINDOW_MS, end_ms)
        found.append((max(start_ms, end - WINDOW_MS), end))
        if end == end_ms:
            break
    return found


def turns_of(windows: Sequence[tuple[int, int]], speakers: Sequence[int]) -> list[Turn]:
    """The turns of one stretch. Where windows overlap, each has the half that is nearer to it."""
    turns: list[Turn] = []
    for (start, end), speaker in zip(windows, speakers, strict=True):
        if turns:
            middle = (start + turns[-1].end_ms) // 2
            turns[-1] = turns[-1]._replace(end_ms=middle)
            start = middle
        turns.append(Turn(start, end, speaker))
    turns = _merged(turns)
    # What stands at an edge may be cut off there; in between, a moment's voice is its neighbours'.
    steady = [
        turn
        if place in (0, len(turns) - 1) or turn.end_ms - turn.start_ms >= _LEAST_TURN_MS
        else turn._replace(speaker=turns[place - 1].speaker)
        for place, turn in enumerate(turns)
    ]
    return _merged(steady)


def divide(segment: ModelSegment, turns: Sequence[Turn]) -> list[ModelSegment]:
    """The segment, or its parts where several people speak in it, each with its speaker ("1", "2", …).

    It is cut between words, at a pause near the change. Without word times the one who speaks longest has all of it.
    """
    if not turns:
        return [segment]
    places = _places(segment)
    if len(turns) == 1 or len(set(places)) < len(places):
        return [replace(segment, speaker=_name(_longest(turns)))]
    cuts: list[tuple[int, int]] = []
    speaker = turns[0].speaker
    for before, turn in itertools.pairwise(turns):
        is_sure = min(before.end_ms - before.start_ms, turn.end_ms - turn.start_ms) >= _SURE_TURN_MS
        least_sign_ms = 0 if is_sure else _SIGN_MS
        at = _best_cut(segment, places, cuts[-1][0] + 1 if cuts else 1, turn.start_ms, least_sign_ms)
        if at and turn.speaker != speaker:
            cuts.append((at, turn.speaker))
            speaker = turn.speaker
    if not cuts:
        return [replace(segment, speaker=_name(_longest(turns)))]
    return _parts(segment, places, turns[0].speaker, cuts)


def _parts(
    segment: ModelSegment, places: Sequence[int], first_speaker: int, cuts: Sequence[tuple[int, int]]
) -> list[ModelSegment]:
    words = segment.words
    edges = [0, *(cut for cut, _ in cuts), len(words)]
    speakers = [first_speaker, *(speaker for _, speaker in cuts)]
    parts: list[ModelSegment] = []
    start_ms = segment.start_ms
    for first, last, speaker in zip(edges, edges[1:], speakers, strict=False):
        is_last = last == len(words)
        end_ms = segment.end_ms if is_last else (words[last - 1].end_ms + words[last].start_ms) // 2
        text = segment.text[places[first] if first else 0 : None if is_last else places[last]]
        parts.append(
            replace(
                segment,
                start_ms=start_ms,
                end_ms=end_ms,
                text=text.strip(),
                words=words[first:last],
                speaker=_name(speaker),
            )
        )
        start_ms = end_ms
    return parts


def _best_cut(segment: ModelSegment, places: Sequence[int], first: int, change_ms: int, least_sign_ms: int) -> int:
    """The word before which a new speaker begins, ``first`` or a later one; 0 where none is near enough.

    ``least_sign_ms``: the pause, or what a mark is worth, that there has to be.
    """
    best, best_worth = 0, float("-inf")
    words = segment.words
    for at in range(max(1, first), len(words)):
        pause = max(0, words[at].start_ms - words[at - 1].end_ms)
        distance = abs((words[at - 1].end_ms + words[at].start_ms) // 2 - change_ms)
        if distance > _REACH_MS + pause // 2:
            continue
        between = segment.text[places[at - 1] + len(words[at - 1].text) : places[at]]
        sign = pause + (_MARK_MS if between.strip() else 0)
        if sign >= least_sign_ms and sign - distance > best_worth:
            best, best_worth = at, sign - distance
    return best


def _places(segment: ModelSegment) -> list[int]:
    """Where each word stands in the text; one that is not there stands where the one before it ended."""
    places: list[int] = []
    cursor = 0
    for word in segment.words:
        found = segment.text.find(word.text, cursor)
        places.append(found if found >= 0 else cursor)
        cursor = places[-1] + (len(word.text) if found >= 0 else 0)
    return places


def _merged(turns: Sequence[Turn]) -> list[Turn]:
    merged: list[Turn] = []
    for turn in turns:
        if merged and merged[-1].speaker == turn.speaker:
            merged[-1] = merged[-1]._replace(end_ms=turn.end_ms)
        else:
            merged.append(turn)
    return merged


def _longest(turns: Sequence[Turn]) -> int:
    spoken: dict[int, int] = {}
    for turn in turns:
        spoken[turn.speaker] = spoken.get(turn.speaker, 0) + turn.end_ms - turn.start_ms
    return max(spoken, key=lambda speaker: spoken[speaker])


def _name(speaker: int) -> str:
    return str(speaker + 1)
