import uuid
from dataclasses import replace

from domain.cache_keys import result_key
from domain.errors import BadAudio, SpeechError, error_from_code
from domain.ids import is_id, new_id
from domain.node import Health, NodeJob, NodeReport
from domain.options import RecognitionOptions, VadOptions
from domain.presets import PRESETS, Capabilities
from domain.recognition import AudioInfo, Progress, Recognition, Source, Stage, Status
from domain.transcript import Segment, Transcript

JSON_KEYS = set(
    "id status text raw_text normalized_text language segments warnings cache node model fingerprint audio_seconds "
    "elapsed_ms created_at filename user source attempt options error".split()
)


def a_row(**changes: object) -> Recognition:
    segments = (Segment(0, 10, "三点", "3点"),)
    row = Recognition(new_id(), "me", Source.WEB, "a.wav", RecognitionOptions(), transcript=Transcript(segments, "zh"))
    return row.with_changes(**changes)


def test_the_json_has_every_field_of_the_design() -> None:
    data = a_row(status=Status.SUCCEEDED).to_json()
    assert set(data) >= JSON_KEYS
    assert (data["text"], data["raw_text"], data["normalized_text"]) == ("3点", "三点", "3点")
    assert a_row(options=RecognitionOptions(itn=False)).to_json()["text"] == "三点"


def test_the_language_is_what_was_heard_else_what_was_asked_for_else_unknown() -> None:
    def language(heard: str, asked: str) -> str | None:
        row = a_row(options=RecognitionOptions.of(language=asked), transcript=Transcript(language=heard))
        return row.to_json()["language"]

    assert (language("en", "zh"), language("auto", "zh"), language("auto", "auto")) == ("en", "zh", None)


def test_a_text_that_was_not_made_is_null_and_silence_is_empty() -> None:
    nothing = a_row(transcript=Transcript())
    assert nothing.with_changes(status=Status.SUCCEEDED).to_json()["raw_text"] == ""
    for status in (Status.RUNNING, Status.FAILED, Status.CANCELLED):
        data = nothing.with_changes(status=status).to_json()
        assert (data["text"], data["raw_text"], data["normalized_text"]) == ("", None, None)


def test_progress_is_told_only_while_it_runs() -> None:
    running = a_row(status=Status.RUNNING, progress=Progress(Stage.QUEUED, ahead=3))
    assert running.to_json()["progress"]["ahead"] == 3
    assert running.with_changes(status=Status.FAILED).to_json()["progress"] is None
    assert Progress.from_json(running.progress.to_json()) == running.progress


def test_speed_is_sound_over_node_time() -> None:
    row = a_row(audio=AudioInfo(seconds=42.0), node_ms=2000)
    assert row.real_time_speed == 21.0
    assert a_row().real_time_speed is None


def test_ids_are_version_7_and_sort_by_time() -> None:
    ids = [new_id() for _ in range(20_000)]
    assert all(uuid.UUID(item).version == 7 and is_id(item) for item in ids)
    assert all(uuid.UUID(item).variant == uuid.RFC_4122 for item in ids)
    assert sorted(set(ids)) == ids, "also within a millisecond"
    assert not any(map(is_id, ("", "x", ids[0].upper(), "{" + ids[0] + "}", "../" + ids[0])))


def test_errors_come_back_from_their_codes() -> None:
    error = error_from_code("bad_audio", "no sound", {"reason": "empty"})
    assert isinstance(error, BadAudio)
    assert error.to_json() == {"code": "bad_audio", "message": "no sound", "details": {"reason": "empty"}}
    assert type(error_from_code("from_the_future", "x")) is SpeechError
    odd = error_from_code("bad_audio", "no sound", {"code": 1, "message": 2, "self": 3, "reason": "empty"})
    assert odd.to_json() == error.to_json()


def test_cache_keys_depend_on_everything_that_changes_the_words() -> None:
    options = RecognitionOptions.of(language="zh")
    vad_off = replace(options.vad, enabled=False)
    vads = (
        replace(options.vad, max_segment_ms=5_000),
        replace(options.vad, end_silence_ms=500),
        vad_off,
        replace(vad_off, max_segment_ms=5_000),
    )
    keys = [
        result_key("m", "f", options, "a", "spoken"),
        result_key("n", "f", options, "a", "spoken"),
        result_key("m", "g", options, "a", "spoken"),
        result_key("m", "f", options, "b", "spoken"),
        result_key("m", "f", options, "a", "written"),
        result_key("m", "f", options.with_changes(language="en"), "a", "spoken"),
        result_key("m", "f", options.with_changes(hotwords=("x",)), "a", "spoken"),
        result_key("m", "f", options.with_changes(channels="mix"), "a", "spoken"),
        result_key("m", "f", options.with_changes(speakers=2), "a", "spoken"),
        *(result_key("m", "f", options.with_changes(vad=vad), "a", "spoken") for vad in vads),
    ]
    assert len(set(keys)) == len(keys)


def test_cache_keys_do_not_depend_on_what_changes_no_word() -> None:
    def key(vad: VadOptions, *, itn: bool = True) -> str:
        return result_key("m", "f", RecognitionOptions(vad=vad, itn=itn), "a", "spoken")

    assert key(VadOptions(), itn=False) == key(VadOptions())
    assert key(VadOptions(enabled=False, end_silence_ms=500)) == key(VadOptions(enabled=False))


def test_node_words_survive_the_wire() -> None:
    report = NodeReport(Health.READY, "demo", "f", {"model.pt": "1"}, "cpu", 2, ("a:0",), Capabilities(("zh",), True))
    assert NodeReport.from_json(report.to_json()) == report
    job = NodeJob("a:0", RecognitionOptions.of(hotwords=["x"]), "written", ((0, 10),))
    assert NodeJob.from_json(job.to_json()) == job


def test_every_preset_states_what_it_can() -> None:
    for name, preset in PRESETS.items():
        assert preset.name == name
        assert preset.capabilities.languages[0] == "auto"
        assert (preset.hub_ids is None) == (preset.folder is not None)
        assert Capabilities.from_json(preset.capabilities.to_json()) == preset.capabilities
