"""重新识别 and names: those of the two sides of a call stay, whatever else is heard anew."""

from pathlib import Path

from domain.options import Channels, RecognitionOptions
from domain.recognition import Recognition
from domain.transcript import Transcript
from services.labels import Labels
from tests.helpers.calls import two_people
from tests.helpers.house import ME, House, house
from tests.helpers.scripted import ScriptedPool
from tests.helpers.speech import write_wav

SWAPPED = {"channel0": "客户", "channel1": "王经理"}


async def again(it: House, row: Recognition, channels: Channels | None = None) -> Recognition:
    options = RecognitionOptions(channels=channels) if channels else None
    begun = await it.transcription.submit_again(row.id, options, visitor=ME)
    done = await it.transcription.wait(begun.id, visitor=ME, timeout_seconds=90)
    assert (await it.history.get(done.id, visitor=ME)).labels == done.labels
    return done


async def test_the_sides_keep_their_names_where_there_are_sides(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "call.wav", two_people())
    async with house(tmp_path, ScriptedPool()) as it:
        first = await it.recognise(path, channels="split")
        names = {**SWAPPED, "speaker1": "小李"}
        first = await Labels(it.store).change(first.id, names, {0: "speaker1"}, visitor=ME)
        second = await again(it, first)
        assert second.labels == SWAPPED
        assert [segment.speaker for segment in second.transcript.segments] == [None, None]
        assert (await again(it, second)).labels == SWAPPED
        # What is one sound has no sides; and what is sent anew is nobody's who was named before.
        assert (await again(it, second, "mix")).labels == {}
        assert (await it.recognise(path, channels="split")).labels == {}


async def test_they_are_there_while_it_runs_and_where_it_fails(tmp_path: Path) -> None:
    path = write_wav(tmp_path / "call.wav", two_people())
    async with house(tmp_path, ScriptedPool()) as it:
        first = await it.recognise(path, channels="split")
        first = await Labels(it.store).change(first.id, SWAPPED, {}, visitor=ME)
        it.pool.gate.clear()
        begun = await it.transcription.submit_again(first.id, None, visitor=ME)
        assert begun.labels == SWAPPED
        assert begun.transcript == Transcript()
        cancelled = await it.transcription.cancel(begun.id, visitor=ME)
        it.pool.gate.set()
        assert (await again(it, cancelled)).labels == SWAPPED
