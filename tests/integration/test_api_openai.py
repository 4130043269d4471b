"""The OpenAI-compatible routes through the ``openai`` package itself, against the real server and recogniser."""

import subprocess
from collections.abc import Iterator
from difflib import SequenceMatcher
from pathlib import Path
from typing import Any

import httpx
import openai
import pytest

from tests.helpers.speech import SPEECH_TEXT


def assert_heard(text: str) -> None:
    """The demo model errs in a few characters of a hundred; what it heard must be the sentence all the same."""
    heard = "".join(char for char in text if char.isalnum())
    wanted = "".join(char for char in SPEECH_TEXT if char.isalnum())
    assert SequenceMatcher(None, heard, wanted).ratio() > 0.7, f"{text!r} is not {SPEECH_TEXT!r}"


@pytest.fixture
def client(server_url: str) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{server_url}/v1", api_key="sk-anything", max_retries=0, timeout=120) as client:
        yield client


def test_json(client: openai.OpenAI, speech_wav: Path) -> None:
    with speech_wav.open("rb") as file:
        answer = client.audio.transcriptions.create(model="whisper-1", file=file)
    assert_heard(answer.text)
    assert answer.usage is not None
    assert answer.usage.type == "duration"


@pytest.mark.parametrize("format", ["text", "srt", "vtt"])
def test_text_and_subtitles(client: openai.OpenAI, speech_wav: Path, format: Any) -> None:
    answer = client.audio.transcriptions.create(model="gpt-4o-transcribe", file=speech_wav, response_format=format)
    assert isinstance(answer, str)
    lines = answer.strip().splitlines()
    if format == "text":
        assert_heard(lines[0])
        return
    assert lines[0] == {"srt": "1", "vtt": "WEBVTT"}[format]
    times = [line for line in lines if " --> " in line]
    assert times
    assert_heard("".join(line for line in lines if line not in times and not line.isdecimal() and line != "WEBVTT"))


def test_verbose_json_with_times(client: openai.OpenAI, speech_wav: Path) -> None:
    answer = client.audio.transcriptions.create(
        model="any-name", file=speech_wav, response_format="verbose_json", timestamp_granularities=["segment", "word"]
    )
    assert_heard(answer.text)
    assert answer.segments
    assert answer.words
    assert 0 <= answer.segments[0].start < answer.segments[-1].end <= answer.duration + 0.1
    starts = [word.start for word in answer.words]
    assert starts == sorted(starts)
    assert all(word.end >= word.start for word in answer.words)


def test_streaming(client: openai.OpenAI, speech_wav: Path) -> None:
    said, whole = "", None
    for event in client.audio.transcriptions.create(model="m", file=speech_wav, stream=True):
        if event.type == "transcript.text.delta":
            said += event.delta
        elif event.type == "transcript.text.done":
            whole = event.text
    assert whole is not None
    assert_heard(whole)
    assert said == whole


def test_a_list_like_prompt_is_hotwords(client: openai.OpenAI, server_url: str, speech_wav: Path) -> None:
    raw = client.audio.transcriptions.with_raw_response
    options: dict[str, list[str]] = {}
    for prompt in ("空调, 北京, 上海", "这是一次关于天气的谈话，两个人在说话。"):
        answer = raw.create(model="m", file=speech_wav, prompt=prompt, language="zh")
        row = httpx.get(f"{server_url}/v1/recognitions/{answer.headers['x-asr-recognition-id']}", timeout=60).json()
        assert row["source"] == "api"
        options[prompt] = row["options"]["hotwords"]
    assert [sorted(words) for words in options.values()] == [sorted(["空调", "北京", "上海"]), []]


def test_a_bad_request_is_a_bad_request_error(client: openai.OpenAI, speech_wav: Path) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(model="m", file=speech_wav, language="not a language")
    assert caught.value.param == "language"
    assert caught.value.code == "invalid_options"
    assert caught.value.type == "invalid_request_error"
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(model="m", file=speech_wav, timestamp_granularities=["word"])
    assert caught.value.param == "timestamp_granularities"


def test_what_is_no_audio_is_refused_with_its_id(client: openai.OpenAI, server_url: str) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        client.audio.transcriptions.create(model="m", file=("notes.wav", b"just some text, many times " * 50))
    assert caught.value.code == "bad_audio"
    reference = caught.value.response.headers["x-asr-recognition-id"]
    assert reference in caught.value.message
    row = httpx.get(f"{server_url}/v1/recognitions/{reference}", timeout=60).json()
    assert row["status"] == "failed"
    assert row["error"]["code"] == "bad_audio"
    assert row["filename"] == "notes.wav"


def test_models(client: openai.OpenAI) -> None:
    assert [model.id for model in client.models.list()] == ["demo"]
    assert client.models.retrieve("demo").object == "model"
    with pytest.raises(openai.NotFoundError):
        client.models.retrieve("gpt-9")


async def test_the_asynchronous_client(server_url: str, speech_wav: Path) -> None:
    async with openai.AsyncOpenAI(base_url=f"{server_url}/v1", api_key="sk-anything", max_retries=0) as client:
        answer = await client.audio.transcriptions.create(model="m", file=speech_wav)
    assert_heard(answer.text)


def test_curl(server_url: str, speech_wav: Path) -> None:
    url = f"{server_url}/v1/audio/transcriptions"
    run = subprocess.run(
        ["curl", "-sS", url, "-F", f"file=@{speech_wav}", "-F", "model=whisper-1", "-F", "response_format=text"],
        capture_output=True,
        check=True,
        timeout=120,
        text=True,
    )
    assert_heard(run.stdout)
