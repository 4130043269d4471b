"""The calls that users of the old WebUI already have."""

import base64
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest


@pytest.fixture
def http(server_url: str) -> Iterator[httpx.Client]:
    with httpx.Client(base_url=server_url, timeout=120) as client:
        yield client


def test_predict_with_an_upload(http: httpx.Client, speech_wav: Path) -> None:
    uploaded = http.post("/gradio_api/upload", files={"files": ("会议.wav", speech_wav.read_bytes())}).json()[0]
    audio = {"path": uploaded, "meta": {"_type": "gradio.FileData"}}
    text, raw, normalized, reference = http.post("/api/predict/", json={"data": [audio, "", "中文", True]}).json()[
        "data"
    ]
    assert text == normalized
    assert raw
    row = http.get(f"/v1/recognitions/{reference}").json()
    assert (row["raw_text"], row["filename"], row["options"]["language"]) == (raw, "会议.wav", "zh")


def test_predict_with_base64(http: httpx.Client, speech_wav: Path) -> None:
    encoded = base64.b64encode(speech_wav.read_bytes()).decode()
    for audio in (encoded, f"data:audio/wav;base64,{encoded}"):
        answer = http.post("/api/predict", json={"data": [audio, "空调\n北京", "auto", False]}).json()["data"]
        assert answer[0] == answer[1]


def test_a_server_path_is_refused_with_an_example_that_works(http: httpx.Client, speech_wav: Path) -> None:
    """The file exists and could be read: it is the caller's word that does not open it."""
    answer = http.post("/api/predict/", json={"data": [str(speech_wav), "", "auto", True]})
    assert answer.status_code == 400
    error = answer.json()["error"]
    assert error["details"]["reason"] == "server_path"
    assert error["details"]["example"] in error["message"]
    run = subprocess.run(
        ["bash", "-euc", error["details"]["example"]],
        cwd=speech_wav.parent,
        capture_output=True,
        check=True,
        timeout=120,
        text=True,
    )
    assert '"data":["' in run.stdout


def test_recognize(http: httpx.Client, speech_wav: Path) -> None:
    for field in ("audio", "file"):
        answer = http.post(
            "/recognize",
            files={field: ("speech.wav", speech_wav.read_bytes())},
            data={"hotwords": "北京", "itn": "true"},
        )
        assert answer.json().keys() == {"code", "msg", "result"}
        assert answer.json()["code"] == 0
        assert answer.json()["result"]["status"] == "succeeded"
        assert answer.json()["result"]["options"]["hotwords"] == ["北京"]


def test_recognize_says_what_is_wrong(http: httpx.Client) -> None:
    answer = http.post("/recognize", files={"audio": ("a.wav", b"")})
    assert answer.json()["code"] != 0
    assert answer.json()["result"] is None
    reference = answer.headers["x-asr-recognition-id"]
    assert reference in answer.json()["msg"]
    assert http.get(f"/v1/recognitions/{reference}").json()["status"] == "failed"


@pytest.mark.parametrize("content", [b"", b"only text " * 100])
def test_every_call_names_the_row_of_what_it_refused(http: httpx.Client, content: bytes) -> None:
    file = ("speech.wav", content)
    uploaded = http.post("/gradio_api/upload", files={"files": file}).json()[0]
    answers = {
        "/v1/audio/transcriptions": http.post("/v1/audio/transcriptions", files={"file": file}, data={"model": "any"}),
        "/recognize": http.post("/recognize", files={"audio": file}),
        "/api/predict/": http.post("/api/predict/", json={"data": [{"path": uploaded}]}),
    }
    for path, answer in answers.items():
        reference = answer.headers["x-asr-recognition-id"]
        assert answer.status_code == 400 and reference in answer.text, path
        row = http.get(f"/v1/recognitions/{reference}").json()
        assert (row["status"], row["error"]["code"]) == ("failed", "bad_audio"), path


@pytest.mark.parametrize("field", ["hotword", "hotwords"])
def test_hotwords_are_taken_under_both_names(http: httpx.Client, speech_wav: Path, field: str) -> None:
    content = speech_wav.read_bytes()
    old = http.post("/recognize", files={"audio": ("a.wav", content)}, data={field: "北京"}).json()["result"]
    new = http.post("/v1/recognitions", files={"file": ("a.wav", content)}, params={field: ["北京", "上海"]}).json()
    openai = http.post("/v1/audio/transcriptions", files={"file": ("a.wav", content)}, data={field: "空调"})
    third = http.get(f"/v1/recognitions/{openai.headers['x-asr-recognition-id']}").json()
    again = http.post(f"/v1/recognitions/{old['id']}/again", json={field: ["杭州"]}).json()
    words = [set(row["options"]["hotwords"]) for row in (old, new, third, again)]
    assert words == [{"北京"}, {"北京", "上海"}, {"空调"}, {"杭州"}]
