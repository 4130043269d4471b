"""The mapping of a foreign app: how settings say it, what it asks of the app, and what it makes of the answer."""

from dataclasses import replace
from typing import Any

import pytest

from domain.foreign_api import AppApi, AppEndpoint, AppParameter, arguments, faults, fingerprint_parts
from domain.foreign_app import ForeignApp, StrangeAnswer
from domain.node import NodeIntent
from domain.node_setting import parse_node
from domain.options import RecognitionOptions

PLAIN: dict[str, Any] = {"endpoint": "/asr", "inputs": {"audio": 0}}


def app_of(app: Any, model: str = "old") -> ForeignApp:
    parsed = parse_node({"url": "http://a:1", "model": model, "app": app}).app
    assert parsed
    return parsed


def test_the_usual_keys_of_a_node_stay_beside_it() -> None:
    intent = parse_node({"url": "http://a:1/", "model": "old", "app": "fun-asr-webui", "weight": 2, "backup": True})
    assert intent == NodeIntent("http://a:1", weight=2.0, backup=True, app=app_of("fun-asr-webui"))
    assert parse_node("http://a:1;slots=2") == NodeIntent("http://a:1", slots=2)


def test_a_preset_may_be_said_with_what_differs() -> None:
    preset = app_of("fun-asr-webui")
    assert (preset.audio, preset.language, preset.hotwords, preset.itn) == (0, 1, 2, 3)
    assert (preset.text, preset.normalized, preset.hotwords_as, preset.slots) == (0, 1, "lines", 1)
    assert app_of({"preset": "fun-asr-webui", "endpoint": "run"}) == replace(preset, endpoint="/run")


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"app": PLAIN}, "model is ''"),
        ({"model": "demo", "app": PLAIN}, "model is 'demo', which nodes of this program have"),
        ({"model": "old"}, "app is None: a preset (fun-asr-webui) or a mapping"),
        ({"model": "old", "app": "whisper"}, "app is 'whisper': there is no such preset; there is fun-asr-webui"),
        ({"model": "old", "app": {**PLAIN, "entpoint": "/x"}}, "app.entpoint is not known; preset, endpoint"),
        ({"model": "old", "app": {"inputs": {"audio": 0}}}, "app.endpoint is None"),
        ({"model": "old", "app": {"endpoint": "/x"}}, "app.inputs names no audio"),
        ({"model": "old", "app": {**PLAIN, "inputs": [0]}}, "app.inputs is [0]: a mapping"),
        ({"model": "old", "app": {**PLAIN, "inputs": {"audio": -1}}}, "app.inputs.audio is -1"),
        ({"model": "old", "app": {**PLAIN, "inputs": {"audio": 0, "itn": True}}}, "app.inputs.itn is True"),
        ({"model": "old", "app": {**PLAIN, "inputs": {"sound": 0}}}, "app.inputs.sound is not known; audio, hotwords"),
        ({"model": "old", "app": {**PLAIN, "outputs": {"txt": 0}}}, "app.outputs.txt is not known; text, normalized"),
        ({"model": "old", "app": {**PLAIN, "hotwords_as": "json"}}, "app.hotwords_as is 'json': lines, spaces, commas"),
        ({"model": "old", "app": {**PLAIN, "languages": {"zh": 1}}}, "app.languages.zh is 1"),
        ({"model": "old", "app": {**PLAIN, "slots": 0}}, "app.slots is 0: a whole number from 1 to 256"),
    ],
)
def test_what_is_wrong_names_node_key_and_value(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(ValueError, match=r"^node http://a:1: ") as caught:
        parse_node({"url": "http://a:1", **fields})
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("inputs", "outputs", "kind", "written", "spoken"),
    [
        # Both texts at once: the spoken one, whatever is asked for.
        ({"itn": 1}, {"text": 0, "normalized": 1}, "spoken", ("spoken", True), ("spoken", True)),
        # One text and a switch: the switch follows the track.
        ({"itn": 1}, {"text": 0}, "switched", ("written", True), ("spoken", False)),
        ({"itn": 1}, {"normalized": 0}, "switched", ("written", True), ("spoken", False)),
        ({}, {"text": 0}, "spoken", ("spoken", None), ("spoken", None)),
        ({}, {"normalized": 0}, "written", ("written", None), ("written", None)),
    ],
)
def test_which_track_a_text_is_on(
    inputs: dict[str, Any], outputs: dict[str, Any], kind: str, written: Any, spoken: Any
) -> None:
    app = app_of({**PLAIN, "inputs": {"audio": 0, **inputs}, "outputs": outputs})
    options = RecognitionOptions(itn=True)
    assert (app.text_kind, app.capabilities.writes) == (kind, kind != "spoken")
    assert (app.track("written"), app.inputs(options, "written").get(1)) == written
    assert (app.track("spoken"), app.inputs(options, "spoken").get(1)) == spoken


def test_words_and_languages_are_said_in_the_apps_way() -> None:
    mapping = {**PLAIN, "inputs": {"audio": 0, "hotwords": "w", "language": "l"}, "hotwords_as": "spaces"}
    app = app_of({**mapping, "constants": {"beam": 5}})
    options = RecognitionOptions(hotwords=("b", "a"), language="en")
    assert app.inputs(options, "spoken") == {"beam": 5, "w": "a b", "l": "en"}
    assert app.capabilities.languages == ("auto",)
    app = app_of({**mapping, "hotwords_as": "commas", "languages": {"en": "英文"}})
    assert app.inputs(options, "spoken") == {"w": "a,b", "l": "英文"}
    # The app has no word for it: it takes its own default.
    assert app.inputs(RecognitionOptions(), "spoken") == {"w": ""}
    assert app.capabilities.languages == ("auto", "en") and app.capabilities.hotwords


@pytest.mark.parametrize(
    ("place", "answer", "text"),
    [
        (0, " 你好 ", "你好"),
        (1, ("a", "b"), "b"),
        (0, None, ""),
        (0, {"__type__": "update", "value": "你好"}, "你好"),
        ("text", {"text": "你好"}, "你好"),
        ("text", ("log", {"text": "你好"}), "你好"),
    ],
)
def test_the_text_is_found(place: Any, answer: Any, text: str) -> None:
    assert app_of({**PLAIN, "outputs": {"text": place}}).text_of(answer) == text


@pytest.mark.parametrize(("place", "answer"), [(0, 5), (0, {"text": "x"}), (1, ("a",)), ("text", "a"), ("text", {})])
def test_what_is_no_text_is_not_taken_for_one(place: Any, answer: Any) -> None:
    with pytest.raises(StrangeAnswer):
        app_of({**PLAIN, "outputs": {"text": place}}).text_of(answer)


ENDPOINT = AppEndpoint(
    (
        AppParameter("audio", "Audio"),
        AppParameter("l", "Dropdown", True, "中文"),
        AppParameter("beam", "Slider", True, 1),
    ),
    ("text",),
)


def api(endpoint: AppEndpoint = ENDPOINT, app_id: str = "1") -> AppApi:
    return AppApi(app_id, "6.0", {"/asr": endpoint, "/other": AppEndpoint()})


def test_what_is_not_given_has_the_apps_default() -> None:
    assert arguments({"l": "英文", 0: "x.wav"}, ENDPOINT) == ["x.wav", "英文", 1]


def test_the_same_parameter_cannot_be_given_twice() -> None:
    app = app_of({**PLAIN, "inputs": {"audio": 0, "language": 1}, "constants": {"l": "x"}})
    assert faults(app, api()) == ["inputs.language and constants.l both give l"]


def test_a_language_that_is_not_said_needs_a_default() -> None:
    app = app_of({**PLAIN, "inputs": {"audio": 0, "language": 1}, "languages": {"en": "英文"}})
    assert faults(app, api()) == []
    bare = replace(ENDPOINT, parameters=(ENDPOINT.parameters[0], AppParameter("l"), ENDPOINT.parameters[2]))
    assert faults(app, api(bare)) == ["languages says nothing for auto, and l has no default"]


def test_the_fingerprint_is_that_of_mapping_and_api_and_of_nothing_else() -> None:
    app = app_of(PLAIN)
    parts = fingerprint_parts(app, api())
    # Another machine, another start, other slots: the same texts.
    assert fingerprint_parts(replace(app, slots=4), api(app_id="2")) == parts
    other = app_of({**PLAIN, "constants": {"beam": 5}})
    assert fingerprint_parts(other, api())["mapping"] != parts["mapping"]
    assert fingerprint_parts(replace(app, model="new"), api())["model"] == "new"
    changed = replace(ENDPOINT, parameters=(*ENDPOINT.parameters[:2], AppParameter("beam", "Slider", True, 9)))
    assert fingerprint_parts(app, api(changed))["app"] != parts["app"]
    # A default that the mapping replaces decides nothing.
    assert fingerprint_parts(other, api(changed))["app"] == fingerprint_parts(other, api())["app"]
