import json
from pathlib import Path

import pytest

from domain.recognition import Progress, Stage, Status
from domain.transcript import Segment
from tests.helpers.web_api import ROW_ID, WebApi, a_row

FILE = {"file": ("a.wav", b"RIFF")}
URL = "/v1/audio/transcriptions"


@pytest.mark.parametrize(
    ("format", "wanted"),
    [("text", "今天2号\n"), ("srt", "1\n00:00:00,000 --> 00:00:00,900\n今天2号"), ("vtt", "WEBVTT")],
)
async def test_text_formats(tmp_path: Path, format: str, wanted: str) -> None:
    async with WebApi(tmp_path).client() as client:
        answer = await client.post(URL, files=FILE, data={"model": "whisper-1", "response_format": format})
        assert answer.text.startswith(wanted)
        assert answer.headers["x-asr-recognition-id"] == ROW_ID


async def test_json_holds_the_text_and_what_it_cost(tmp_path: Path) -> None:
    async with WebApi(tmp_path).client() as client:
        answer = await client.post(
            URL, files=FILE, data={"model": "any", "temperature": "0.3", "include[]": "logprobs"}
        )
        assert answer.json() == {"text": "今天2号", "usage": {"type": "duration", "seconds": 1.5}}


@pytest.mark.parametrize(
    ("granularities", "keys"),
    [
        ([], {"segments"}),
        (["segment"], {"segments"}),
        (["word"], {"words"}),
        (["word", "segment"], {"segments", "words"}),
    ],
)
async def test_verbose_json_has_the_times_that_were_asked_for(
    tmp_path: Path, granularities: list[str], keys: set[str]
) -> None:
    form = {"response_format": "verbose_json", "timestamp_granularities[]": granularities}
    async with WebApi(tmp_path).client() as client:
        body = (await client.post(URL, files=FILE, data=form)).json()
    assert {"segments", "words"} & body.keys() == keys
    assert (body["language"], body["duration"]) == ("chinese", 1.5)
    if "segments" in keys:
        assert (body["segments"][0]["start"], body["segments"][0]["end"]) == (0.0, 0.9)
    if "words" in keys:
        assert body["words"][1] == {"word": "二号", "start": 0.4, "end": 0.9}


@pytest.mark.parametrize(
    ("form", "param"),
    [
        ({"response_format": "xml"}, "response_format"),
        ({"timestamp_granularities[]": "word"}, "timestamp_granularities"),
        ({"timestamp_granularities[]": "page", "response_format": "verbose_json"}, "timestamp_granularities"),
        ({"stream": "true", "response_format": "srt"}, "stream"),
        ({"language": "!"}, "language"),
    ],
)
async def test_errors_name_the_parameter(tmp_path: Path, form: dict[str, str], param: str) -> None:
    async with WebApi(tmp_path).client() as client:
        answer = await client.post(URL, files=FILE, data=form)
    assert answer.status_code == 400
    assert answer.json()["error"]["param"] == param
    assert answer.json()["error"]["type"] == "invalid_request_error"


async def test_a_list_like_prompt_is_hotwords_and_a_sentence_is_not(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    async with api.client() as client:
        await client.post(URL, files=FILE, data={"prompt": "空调, 北京, 上海"})
        assert set(api.transcription.given["options"].hotwords) == {"空调", "北京", "上海"}
        await client.post(URL, files=FILE, data={"prompt": "这是一次关于天气的谈话，两个人在说话。"})
        assert api.transcription.given["options"].hotwords == ()
        await client.post(URL, files=FILE, data={"prompt": "空调, 北京", "hotwords": "上海"})
        assert api.transcription.given["options"].hotwords == ("上海",)


async def test_streaming_says_each_word_once(tmp_path: Path) -> None:
    api = WebApi(tmp_path)

    def running(*texts: str) -> Progress:
        return Progress(Stage.RECOGNISING, segments=tuple(Segment(0, 1, text, text) for text in texts))

    # The second state is a retry on another node: it begins anew.
    states = [running(), running("今天"), running(), running("今天"), running("今天", "2号")]
    api.transcription.states = [a_row(status=Status.RUNNING, progress=progress) for progress in states]
    async with api.client() as client:
        answer = await client.post(URL, files=FILE, data={"stream": "true"})
    events = [json.loads(line.removeprefix("data: ")) for line in answer.text.split("\n") if line]
    assert [event.get("delta") for event in events] == ["今天", "2号", None]
    assert events[-1]["type"] == "transcript.text.done"
    assert events[-1]["text"] == "今天2号"


async def test_a_stream_that_fails_says_so(tmp_path: Path) -> None:
    error = {"code": "bad_audio", "message": "no sound", "details": {}}
    async with WebApi(tmp_path, row=a_row(status=Status.FAILED, error=error)).client() as client:
        answer = await client.post(URL, files=FILE, data={"stream": "true"})
    assert json.loads(answer.text.removeprefix("data: "))["error"]["code"] == "bad_audio"


async def test_models(tmp_path: Path) -> None:
    async with WebApi(tmp_path).client() as client:
        models = (await client.get("/v1/models")).json()
        assert [model["id"] for model in models["data"]] == ["demo"]
        assert (await client.get("/v1/models/demo")).json()["object"] == "model"
        missing = await client.get("/v1/models/gpt-9")
        assert missing.status_code == 404
        assert missing.json()["error"]["param"] == "model"


async def test_a_wrong_key_is_answered_as_openai_does(tmp_path: Path) -> None:
    async with WebApi(tmp_path, api_keys={"crm": "key-of-the-crm"}).client(authorization="Bearer nope") as client:
        answer = await client.post(URL, files=FILE)
    assert answer.status_code == 401
    assert answer.json()["error"]["code"] == "invalid_api_key"
