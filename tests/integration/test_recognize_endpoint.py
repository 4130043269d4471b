"""The named Gradio endpoint ``/recognize``, as ``gradio_client`` calls it."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from tests.helpers.levels import fresh_level
from tests.helpers.server import Server
from tests.helpers.speech import say, talk, write_wav


@pytest.fixture(scope="module")
def client(server_url: str) -> Iterator[Client]:
    client = Client(server_url, verbose=False)
    yield client
    client.close()


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    sound = talk(say("今天是二零二五年三月五号"), say("请打开空调"), level=fresh_level())
    return write_wav(tmp_path_factory.mktemp("endpoint") / "会议 1.wav", sound)


def test_it_is_the_only_endpoint_that_programs_see(client: Client) -> None:
    endpoints = client.view_api(return_format="dict", print_info=False)["named_endpoints"]
    assert list(endpoints) == ["/recognize"]
    names = [parameter["parameter_name"] for parameter in endpoints["/recognize"]["parameters"]]
    assert names == ["audio", "hotwords", "language", "itn", "vad", "max_segment_ms", "speakers", "channels"]


def test_by_keyword_it_answers_with_the_json_of_a_recognition(client: Client, recording: Path) -> None:
    answer = client.predict(audio=handle_file(recording), hotwords="空调", language="zh", api_name="/recognize")
    assert answer["status"] == "succeeded" and answer["source"] == "api" and answer["filename"] == "会议 1.wav"
    assert "2025年" in answer["text"] and "二零二五年" in answer["raw_text"]
    assert answer["options"]["hotwords"] == ["空调"] and answer["segments"]
    again = client.predict(audio=handle_file(recording), hotwords="空调", language="zh", api_name="/recognize")
    assert again["cache"] == "hit" and again["text"] == answer["text"] and again["id"] != answer["id"]
    spoken = client.predict(
        audio=handle_file(recording), hotwords="空调", language="zh", itn=False, api_name="/recognize"
    )
    assert spoken["text"] == answer["raw_text"]


def test_a_shorter_longest_segment_cuts_the_sound_differently(client: Client, recording: Path) -> None:
    whole = client.predict(audio=handle_file(recording), vad=False, api_name="/recognize")
    cut = client.predict(audio=handle_file(recording), max_segment_ms=1000, api_name="/recognize")
    assert len(whole["segments"]) < len(cut["segments"])


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        ("invalid_options", {"hotwords": "http://example.com/words"}),
        ("invalid_options", {"max_segment_ms": 5}),
        ("invalid_options", {"language": "xx"}),
        ("invalid_options", {"itn": "maybe"}),
    ],
)
def test_refusals_carry_their_code(client: Client, recording: Path, code: str, arguments: dict) -> None:
    with pytest.raises(AppError) as refused:
        client.predict(audio=handle_file(recording), api_name="/recognize", **arguments)
    assert refused.value.title == code


@pytest.mark.parametrize("audio", ["meeting.wav", "/etc/passwd", "http://127.0.0.1:9/x.wav", "", None, ["x.wav"], 5])
def test_text_for_a_file_is_refused_with_the_way_to_do_it(client: Client, server: Server, audio: Any) -> None:
    before = len(server.output())
    with pytest.raises(AppError, match=r"handle_file\(") as refused:
        client.predict(audio=audio, api_name="/recognize")
    assert refused.value.title == "invalid_input"
    assert "Traceback" not in server.output()[before:]


def test_options_mean_here_what_they_mean_in_the_other_calls(client: Client, recording: Path) -> None:
    options = {"hotwords": ["空调", "北京"], "language": "中文", "itn": "false", "vad": None}
    answer = client.predict(audio=handle_file(recording), api_name="/recognize", **options)
    assert answer["options"]["hotwords"] == ["北京", "空调"] and answer["options"]["itn"] is False
    assert answer["options"]["vad"]["enabled"] is True
    assert answer["language"] == "zh"


def test_what_is_no_recording_is_refused_with_its_reference(client: Client, tmp_path: Path) -> None:
    (tmp_path / "text.wav").write_text("only text " * 100)
    with pytest.raises(AppError, match=r"reference [0-9a-f-]{36}") as refused:
        client.predict(audio=handle_file(tmp_path / "text.wav"), api_name="/recognize")
    assert refused.value.title == "bad_audio"
