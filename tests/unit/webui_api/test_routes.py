import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import blake3
import pytest

from domain.audio_keys import put_at
from domain.errors import NodeUnreachable, Overtaken
from domain.node import Availability
from domain.options import RecognitionOptions
from domain.recognition import Hold, Progress, Recognition, Source, Stage, Status, utc_now
from domain.transcript import Segment, Transcript
from services import upload_digests
from tests.helpers.web_api import ROW_ID, TRIAL, WebApi, a_row

FILE = {"file": ("a.wav", b"RIFF....")}


async def test_a_submission_is_accepted_with_its_options(tmp_path: Path) -> None:
    api = WebApi(tmp_path, row=a_row(status=Status.RUNNING))
    form = {"language": "中文", "hotwords": ["北京，上海", "空调"], "itn": "no", "vad": "0", "max_segment_ms": "5000"}
    async with api.client() as client:
        answer = await client.post("/v1/recognitions", data={**form, "source": "cli"}, files=FILE)
    assert answer.status_code == 202
    assert answer.headers["location"] == f"/v1/recognitions/{ROW_ID}"
    assert answer.json()["id"] == ROW_ID
    given = api.transcription.given
    assert given["options"] == RecognitionOptions.of(
        language="zh", hotwords=["北京", "上海", "空调"], itn=False, vad=False, max_segment_ms=5000
    )
    assert (given["filename"], given["source"], given["use_cache"]) == ("a.wav", Source.CLI, True)
    assert api.transcription.content == FILE["file"][1]
    assert not given["path"].exists()
    assert list(api.temp_dir.iterdir()) == []


async def test_a_raw_body_is_the_file(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    async with api.client() as client:
        answer = await client.post(
            "/v1/recognitions",
            params={"filename": "会议.mp3", "itn": "false", "wait": "5"},
            content=b"ID3...",
            headers={"content-type": "audio/mpeg"},
        )
    assert answer.status_code == 200
    assert api.transcription.content == b"ID3..."
    assert api.transcription.given["filename"] == "会议.mp3"
    assert api.transcription.given["options"].itn is False


@pytest.mark.parametrize("is_form", [True, False])
async def test_the_digest_of_an_upload_is_there_when_it_has_come_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_form: bool
) -> None:
    def read(path: Path) -> str:
        raise AssertionError("it is not read again")

    monkeypatch.setattr(upload_digests, "file_digest", read)
    api, content = WebApi(tmp_path, max_upload_bytes=10_000_000), bytes(range(250)) * 20_000
    submit, digests = api.transcription.submit, list[str]()

    async def asking(path: Path, filename: str, options: RecognitionOptions, **rest: Any) -> Recognition:
        digests.append(await api.uploads.of(path))
        return await submit(path, filename, options, **rest)

    monkeypatch.setattr(api.transcription, "submit", asking)
    sent: dict[str, Any] = {"files": {"file": ("a.wav", content)}} if is_form else {"content": content}
    async with api.client() as client:
        assert (await client.post("/v1/recognitions", **sent)).is_success
    assert digests == [f"file:{blake3.blake3(content).hexdigest()}"]


@pytest.mark.parametrize(
    ("form", "field"),
    [
        ({"hot_word": "x"}, "hot_word"),
        ({"itn": "perhaps"}, "itn"),
        ({"max_segment_ms": "long"}, "max_segment_ms"),
        ({"max_segment_ms": "999999"}, "max_segment_ms"),
        ({"max_segment_ms": "nan"}, "max_segment_ms"),
        ({"language": "../etc"}, "language"),
        ({"hotwords": "/etc/passwd"}, "hotwords"),
        ({"wait": "-1"}, "wait"),
        ({"source": "web"}, "source"),
    ],
)
async def test_a_wrong_option_is_named(tmp_path: Path, form: dict[str, str], field: str) -> None:
    api = WebApi(tmp_path)
    async with api.client() as client:
        answer = await client.post("/v1/recognitions", data=form, files=FILE)
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["field"] == field
    assert api.transcription.given == {}


async def test_a_form_without_a_file_or_with_two_is_refused(tmp_path: Path) -> None:
    async with WebApi(tmp_path).client() as client:
        none = await client.post("/v1/recognitions", files={"itn": (None, "true")})
        assert none.json()["error"]["details"] == {"field": "file", "reason": "missing"}
        two = await client.post("/v1/recognitions", files=[("file", b"a"), ("audio", b"b")])
        assert two.json()["error"]["details"]["reason"] == "several"
        other = await client.post("/v1/recognitions", files={"sound": ("a.wav", b"x")})
        assert other.json()["error"]["details"]["field"] == "sound"


@pytest.mark.parametrize(
    "body",
    [b"", b"--x\r\n", b"nonsense", b'--x\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nhalf'],
)
async def test_a_damaged_form_stores_nothing(tmp_path: Path, body: bytes) -> None:
    api = WebApi(tmp_path)
    async with api.client() as client:
        kind = {"content-type": "multipart/form-data; boundary=x"}
        answer = await client.post("/v1/recognitions", content=body, headers=kind)
    assert answer.status_code == 400
    assert api.transcription.given == {}
    assert list(api.temp_dir.iterdir()) == []


async def test_following_tells_each_change_and_ends(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    api.transcription.states = [a_row(status=Status.RUNNING, progress=Progress(Stage.QUEUED, ahead=2))]
    async with api.client() as client:
        answer = await client.get(f"/v1/recognitions/{ROW_ID}/events")
        assert answer.headers["content-type"].startswith("text/event-stream")
        events = [block.split("\n") for block in answer.text.strip().split("\n\n")]
        assert [lines[0] for lines in events] == ["event: progress", "event: done"]
        assert json.loads(events[0][1].removeprefix("data: "))["progress"]["ahead"] == 2
        assert (await client.get("/v1/recognitions/unknown/events")).status_code == 404


async def test_the_list_passes_its_filters_on(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    query = {"text": "天气", "status": "failed,succeeded", "limit": "7", "since": "2026-11-20T08:00:00"}
    async with api.client() as client:
        answer = await client.get("/v1/recognitions", params=query)
        assert answer.json()["recognitions"][0]["id"] == ROW_ID
        asked = api.history.asked
        assert (asked["text"], asked["limit"]) == ("天气", 7)
        assert asked["statuses"] == [Status.FAILED, Status.SUCCEEDED]
        assert asked["since"] == datetime(2026, 11, 20, 8, tzinfo=UTC)
        for wrong in ({"status": "gone"}, {"since": "yesterday"}, {"page": "2"}):
            assert (await client.get("/v1/recognitions", params=wrong)).status_code == 400


async def test_the_list_leaves_segments_to_the_single_recognition(tmp_path: Path) -> None:
    segment = Segment(0, 900, "今天", "今天")
    row = a_row(status=Status.RUNNING, progress=Progress(Stage.RECOGNISING, segment=1, of=2, segments=(segment,)))
    async with WebApi(tmp_path, row=row).client() as client:
        whole = (await client.get(f"/v1/recognitions/{ROW_ID}")).json()
        listed = (await client.get("/v1/recognitions")).json()["recognitions"][0]
    assert whole.pop("segments") and whole["progress"].pop("segments")
    assert listed == whole
    assert (listed["text"], listed["progress"]["segment"]) == ("今天2号", 1)


async def test_doing_it_again_changes_only_what_is_given(tmp_path: Path) -> None:
    api = WebApi(tmp_path, row=a_row(options=RecognitionOptions.of(hotwords=["北京"], max_segment_ms=5000)))
    async with api.client() as client:
        assert (await client.post(f"/v1/recognitions/{ROW_ID}/again")).status_code == 202
        assert api.transcription.given["options"] is None
        await client.post(f"/v1/recognitions/{ROW_ID}/again", json={"hotwords": ["上海", "空调"], "itn": False})
        options = api.transcription.given["options"]
        assert options.hotwords == RecognitionOptions.of(hotwords=["上海", "空调"]).hotwords
        assert (options.itn, options.vad.max_segment_ms) == (False, 5000)
        # Waited for as a new recording is.
        waited = await client.post(f"/v1/recognitions/{ROW_ID}/again?wait=5")
        assert (waited.status_code, waited.json()["status"]) == (200, "succeeded")
        assert api.transcription.given["options"] is None
        bad = await client.post(f"/v1/recognitions/{ROW_ID}/again", json=["x"])
        assert bad.status_code == 400


async def test_only_finished_rows_are_removed_or_exported(tmp_path: Path) -> None:
    api = WebApi(tmp_path, row=a_row(status=Status.RUNNING))
    async with api.client() as client:
        path = f"/v1/recognitions/{ROW_ID}"
        assert (await client.delete(path)).json()["error"]["details"] == {"reason": "running"}
        assert (await client.get(f"{path}/export")).status_code == 400
        api.transcription.row = a_row(hold=Hold("evidence", "me", utc_now()))
        assert (await client.delete(path)).json()["error"]["details"] == {"reason": "held"}
        api.transcription.row = a_row()
        assert (await client.delete(path)).json() == {"deleted": ROW_ID}
        assert api.history.deleted == [ROW_ID]
        assert (await client.delete("/v1/recognitions/other")).status_code == 404


async def test_all_that_filters_find_is_removed_and_everything_only_on_demand(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    async with api.client() as client:
        for query in ("", "?text=", "?all=false"):
            answer = await client.delete(f"/v1/recognitions{query}")
            assert (answer.status_code, answer.json()["error"]["details"]["field"]) == (400, "all")
        assert (await client.delete("/v1/recognitions?txet=x")).status_code == 400
        assert api.history.asked == {}
        done = {"deleted": 120, "kept": 3, "under_way": 2, "held": 1}
        assert (await client.delete("/v1/recognitions?text=天气&status=failed")).json() == done
        assert (api.history.asked["text"], api.history.asked["statuses"]) == ("天气", [Status.FAILED])
        assert (await client.delete("/v1/recognitions?all=true")).json() == done


async def test_what_ended_early_is_exported_as_far_as_it_came(tmp_path: Path) -> None:
    api = WebApi(tmp_path, row=a_row(status=Status.CANCELLED, error={"code": "cancelled"}))
    async with api.client() as client:
        path = f"/v1/recognitions/{ROW_ID}/export"
        for status in (Status.CANCELLED, Status.FAILED):
            api.transcription.row = a_row(status=status)
            assert (await client.get(path)).text.strip() == "今天2号"
            api.transcription.row = a_row(status=status, transcript=Transcript())
            assert (await client.get(path)).json()["error"]["details"]["reason"] == "no_text"


async def test_an_export_is_a_file_with_its_own_name(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    async with api.client() as client:
        path = f"/v1/recognitions/{ROW_ID}/export"
        text = await client.get(path)
        assert text.text.strip() == "今天2号"
        assert text.headers["content-disposition"].endswith("filename*=UTF-8''%E6%97%A9%E4%BC%9A.txt")
        assert (await client.get(path, params={"track": "spoken"})).text.strip() == "今天二号"
        assert "00:00:00,000 --> " in (await client.get(path, params={"format": "srt"})).text
        assert (await client.get(path, params={"format": "vtt"})).text.startswith("WEBVTT")
        assert (await client.get(path, params={"format": "json"})).json()["id"] == ROW_ID
        assert (await client.get(path, params={"format": "exe"})).status_code == 400
        # The model wrote by itself: the spoken track is made when it is asked for.
        api.transcription.row = a_row(transcript=Transcript((Segment(0, 900, None, "写下来的"),), "zh"))
        assert (await client.get(path, params={"track": "spoken"})).text.strip() == "说出来的"


async def test_the_recording_comes_by_range_and_never_as_a_page(tmp_path: Path) -> None:
    recording = tmp_path / "stored"
    recording.write_bytes(bytes(range(100)))
    api = WebApi(tmp_path, recording=recording)
    async with api.client() as client:
        path = f"/v1/recognitions/{ROW_ID}/audio"
        whole = await client.get(path)
        assert whole.content == recording.read_bytes()
        assert whole.headers["content-type"] == "audio/wav"
        assert whole.headers["content-disposition"].startswith("inline; filename*=utf-8''")
        part = await client.get(path, headers={"range": "bytes=10-19"})
        assert part.status_code == 206
        assert part.content == bytes(range(10, 20))
        assert part.headers["content-range"] == "bytes 10-19/100"
        assert (await client.head(path)).headers["accept-ranges"] == "bytes"
        assert (await client.get(path, headers={"range": "bytes=500-"})).status_code == 416
        assert (await client.get(path, headers={"range": "bytes=90-"})).content == bytes(range(90, 100))
        assert (await client.get(path, headers={"range": "bytes=-5"})).content == bytes(range(95, 100))
        assert (await client.get(path, headers={"range": "bytes=10-500"})).headers["content-length"] == "90"
        assert b"bytes 3-4/100" in (await client.get(path, headers={"range": "bytes=0-1,3-4"})).content
        head = await client.head(path, headers={"range": "bytes=10-19"})
        assert (head.status_code, head.content, head.headers["content-length"]) == (206, b"", "10")
        same, other = whole.headers["etag"], '"another"'
        assert part.headers["etag"] == same
        for tag, status in ((same, 206), (whole.headers["last-modified"], 206), (other, 200), (f"W/{same}", 200)):
            again = await client.get(path, headers={"range": "bytes=10-19", "if-range": tag})
            assert again.status_code == status
        api.transcription.row = a_row(filename="page.html", audio=type(a_row().audio)())
        page = await client.get(path)
        assert page.headers["content-type"] == "application/octet-stream"
        assert "sandbox" in page.headers["content-security-policy"]
        assert page.headers["x-content-type-options"] == "nosniff"
        api.history._recording = None
        assert (await client.get(path)).status_code == 404


async def test_a_large_recording_is_read_in_pieces(tmp_path: Path) -> None:
    recording = tmp_path / "stored"
    recording.write_bytes(bytes(range(250)) * 10_000)
    api = WebApi(tmp_path, recording=recording)
    async with api.client() as client:
        path = f"/v1/recognitions/{ROW_ID}/audio"
        assert (await client.get(path)).content == recording.read_bytes()
        assert max(end - start for start, end in api.history.pieces) == 1 << 20
        api.history.pieces.clear()
        part = await client.get(path, headers={"range": "bytes=1500000-1500009"})
        assert part.content == recording.read_bytes()[1_500_000:1_500_010]
        assert api.history.pieces == [(1_500_000, 1_500_010)]


async def test_a_recording_is_held_with_a_reason_and_released(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    async with api.client() as client:
        path = f"/v1/recognitions/{ROW_ID}/hold"
        assert (await client.post(path, json={"reason": "客户投诉"})).json()["id"] == ROW_ID
        assert (await client.delete(path)).status_code == 200
        assert api.holds.reasons == ["客户投诉", None]
        for wrong in (["客户投诉"], {"why": "x"}, {"reason": 3}):
            answer = await client.post(path, json=wrong)
            assert (answer.status_code, answer.json()["error"]["code"]) == (400, "invalid_options")


async def test_the_json_says_when_the_recording_goes(tmp_path: Path) -> None:
    key = "2026/11/01a1faf6-5565-75b3-a0d3-1d298e15afb3.wav"
    api = WebApi(tmp_path, row=a_row(audio_key=key))
    hold = Hold("客户投诉", "local", utc_now())
    async with api.client() as client:
        path = f"/v1/recognitions/{ROW_ID}"
        put = put_at(key)
        assert put
        expires_at = (put + timedelta(days=7)).isoformat()
        assert (await client.get(path)).json()["audio_expires_at"] == expires_at
        assert (await client.get("/v1/recognitions")).json()["recognitions"][0]["audio_expires_at"] == expires_at
        exported = await client.get(f"{path}/export", params={"format": "json"})
        assert exported.json()["audio_expires_at"] == expires_at
        many = await client.get("/v1/recognitions/export", params={"format": "json"})
        assert many.json()["audio_expires_at"] == expires_at
        for kept in (a_row(audio_key=key, hold=hold), a_row(audio_key=None)):
            api.transcription.row = kept
            assert (await client.get(path)).json()["audio_expires_at"] is None


async def test_predict_takes_an_upload_or_base64(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    (api.upload_dir / "abc").mkdir()
    upload = api.upload_dir / "abc" / "会议.wav"
    upload.write_bytes(b"RIFF-upload")
    content = b"RIFF" + bytes(200)
    encoded = base64.b64encode(content).decode()
    cases: list[tuple[Any, bytes, str]] = [
        ({"path": str(upload), "meta": {"_type": "gradio.FileData"}}, b"RIFF-upload", "会议.wav"),
        ({"path": str(upload), "orig_name": "原名.wav"}, b"RIFF-upload", "原名.wav"),
        (str(upload), b"RIFF-upload", "会议.wav"),
        (f"data:audio/wav;base64,{encoded}", content, "audio"),
        (f"data:audio/webm;codecs=opus;base64,{encoded}", content, "audio"),
        (encoded, content, "audio"),
        ({"name": "old.wav", "data": f"data:audio/wav;base64,{encoded}"}, content, "old.wav"),
    ]
    async with api.client() as client:
        for audio, wanted, name in cases:
            answer = await client.post("/api/predict/", json={"data": [audio, "北京,上海", "中文", False]})
            assert answer.json() == {"data": ["今天2号", "今天二号", "今天2号", ROW_ID]}
            assert api.transcription.content == wanted
            assert api.transcription.given["filename"] == name
            assert api.transcription.given["options"] == RecognitionOptions.of(
                language="zh", hotwords=["北京", "上海"], itn=False
            )
        assert (await client.post("/api/predict", json={"data": [encoded]})).status_code == 200
    assert list(api.temp_dir.iterdir()) == []


async def test_predict_opens_no_path_outside_the_uploads(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    secret = tmp_path / "secret.wav"
    secret.write_bytes(b"RIFF-secret")
    (api.upload_dir / "link.wav").symlink_to(secret)
    paths = [
        "/etc/passwd",
        str(secret),
        f"{api.upload_dir}/../secret.wav",
        str(api.upload_dir / "link.wav"),
        str(api.upload_dir),
        f"file://{secret}",
        str(api.upload_dir / "missing.wav"),
        "\0",
        "a" * 5000 + "!",
    ]
    async with api.client() as client:
        for path in paths:
            for audio in (path, {"path": path, "meta": {"_type": "gradio.FileData"}}):
                answer = await client.post("/api/predict/", json={"data": [audio, "", "auto", True]})
                assert answer.status_code == 400, path
                details = answer.json()["error"]["details"]
                assert details["reason"] == "server_path"
                assert "http://127.0.0.1:7860/gradio_api/upload" in details["example"]
    assert api.transcription.given == {}


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"data": []}', b'{"data": [null]}', b"{", b'{"data": 5}'])
async def test_predict_says_what_it_wants(tmp_path: Path, body: bytes) -> None:
    async with WebApi(tmp_path).client() as client:
        answer = await client.post("/api/predict/", content=body)
        assert answer.status_code == 400
        assert answer.json()["error"]["code"] in ("invalid_options", "invalid_input")


async def test_json_has_its_own_limit(tmp_path: Path) -> None:
    api = WebApi(tmp_path, max_json_bytes=1000)
    async with api.client() as client:
        answer = await client.post("/api/predict/", json={"data": ["A" * 2000]})
    assert answer.status_code == 413
    assert answer.json()["error"]["details"] == {"limit_bytes": 1000}


async def test_recognize_takes_either_field_name(tmp_path: Path) -> None:
    async with WebApi(tmp_path).client() as client:
        for field in ("audio", "file"):
            answer = await client.post("/recognize", files={field: ("a.wav", b"x")}, data={"hotwords": "北京"})
            assert answer.json()["code"] == 0
            assert answer.json()["msg"] == "ok"
            assert answer.json()["result"]["id"] == ROW_ID
        assert (await client.post("/recognize", data={"itn": "1"})).json()["code"] == 400


async def test_health_readiness_and_metrics(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    async with api.client() as client:
        assert (await client.get("/healthz")).json() == {"status": "ok"}
        assert (await client.get("/readyz")).status_code == 200
        metrics = (await client.get("/metrics")).text
        assert "asr_queue_length 3.0" in metrics
        assert 'asr_nodes{availability="ready"} 1.0' in metrics
        assert 'asr_nodes{availability="failed"} 0.0' in metrics
        api.nodes.availability = Availability.UNREACHABLE
        not_ready = await client.get("/readyz")
        assert not_ready.status_code == 503
        assert not_ready.json()["reason"] == "gpu-1: unreachable"
        assert (await client.get("/healthz")).status_code == 200


async def test_only_administrators_see_where_the_nodes_are(tmp_path: Path) -> None:
    api = WebApi(tmp_path, is_loopback=False, allow_open=True, admin_token="the-admin-token")
    async with api.client("10.0.0.9", "asr.example") as client:
        assert "10.0.0.5" not in (await client.get("/v1/nodes")).text
        assert (await client.get("/v1/nodes")).json()["waiting"] == 3
        logged_in = await client.post("/v1/admin/login", json={"token": "the-admin-token"})
        assert logged_in.json() == {"is_admin": True}
        assert (await client.get("/v1/nodes")).json()["nodes"][0]["url"] == "http://10.0.0.5:7861"
        await client.post("/v1/admin/logout")
        assert "10.0.0.5" not in (await client.get("/v1/nodes")).text
        assert (await client.post("/v1/admin/login", json={"token": "wrong"})).status_code == 401
        assert (await client.post("/v1/admin/login", json=["x"])).status_code == 400


@pytest.mark.parametrize("name", ["gpu-1", "2 号", "http://10.0.0.5:7861", "https://gpu.example/a/b"])
async def test_a_node_is_named_by_name_or_address(tmp_path: Path, name: str) -> None:
    api = WebApi(tmp_path)
    async with api.client() as client:
        for action in ("drain", "resume", "promote", "test"):
            assert (await client.post(f"/v1/nodes/{name}/{action}")).json()["name"] == name
        assert (await client.patch(f"/v1/nodes/{name}", json={"weight": 2})).json() == {"name": name, "weight": 2}
        assert (await client.delete(f"/v1/nodes/{name}")).json() == {"name": name, "removed": True}
    verbs = ("drain", "resume", "promote", "test")
    assert api.node_admin.done == [*((verb, name) for verb in verbs), ("change", name, {"weight": 2}), ("remove", name)]


async def test_a_node_is_added_after_a_test_recognition_or_without(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    url = "http://10.0.0.6:7861"
    async with api.client() as client:
        answer = await client.post("/v1/nodes", json={"url": url, "name": "乙", "token": "its-own"})
        assert (answer.status_code, answer.json()["trial"]["text"]) == (201, TRIAL.text)
        await client.post("/v1/nodes", json={"url": url, "try": False})
        assert api.node_admin.done == [("add", url, {"name": "乙"}, "its-own", True), ("add", url, {}, "", False)]
        assert (await client.post("/v1/nodes", json={"url": url, "try": "no"})).status_code == 400
        assert (await client.post("/v1/nodes", json=[url])).status_code == 400
        api.node_admin.error = NodeUnreachable("nobody there", reason="refused")
        refused = await client.post("/v1/nodes", json={"url": url})
        assert refused.status_code >= 400 and refused.json()["error"]["code"] == "node_unreachable"


async def test_the_log_of_the_nodes(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    async with api.client() as client:
        [line] = (await client.get("/v1/nodes/log?limit=5&before=7")).json()["events"]
    assert (line["action"], line["node"], line["at"]) == ("drain", "gpu-1", "2026-11-21T00:00:00+00:00")
    assert api.node_admin.done == [("log", 5, "7")]


async def test_those_who_speak_are_named(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    body = {"labels": {"speaker1": "<b>王经理</b>", "speaker2": None}, "lines": {"3": "speaker2"}}
    async with api.client() as client:
        answer = await client.post(f"/v1/recognitions/{ROW_ID}/labels", json=body)
    assert answer.status_code == 200
    assert answer.json()["labels"]["speaker1"] == "<b>王经理</b>"
    assert api.labels.given == {
        "id": ROW_ID,
        "labels": {"speaker1": "<b>王经理</b>", "speaker2": ""},
        "lines": {3: "speaker2"},
    }


@pytest.mark.parametrize(
    "body",
    [
        None,
        [],
        {"names": {}},
        {"labels": []},
        {"labels": {"speaker1": 7}},
        {"lines": {"x": "speaker1"}},
        {"lines": {"-1": "speaker1"}},
        {"lines": {"\u0663": "speaker1"}},
        {"lines": {"1": ["speaker1"]}},
    ],
)
async def test_labels_of_another_shape_are_refused(tmp_path: Path, body: Any) -> None:
    api = WebApi(tmp_path)
    async with api.client() as client:
        answer = await client.post(f"/v1/recognitions/{ROW_ID}/labels", json=body)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["code"] == "invalid_options"
    assert api.labels.given == {}


async def test_the_number_of_speakers_is_an_option(tmp_path: Path) -> None:
    api = WebApi(tmp_path, row=a_row(status=Status.RUNNING))
    async with api.client() as client:
        assert (await client.post("/v1/recognitions", data={"speakers": "3"}, files=FILE)).status_code == 202
        assert api.transcription.given["options"].speakers == 3
        for wrong in ("16", "-1", "two"):
            refused = await client.post("/v1/recognitions", data={"speakers": wrong}, files=FILE)
            assert refused.status_code == 400
            assert refused.json()["error"]["details"]["field"] == "speakers"


async def test_names_have_a_limit_of_their_own(tmp_path: Path) -> None:
    api = WebApi(tmp_path, max_json_bytes=8 * 1024 * 1024)
    async with api.client() as client:
        body = {"labels": {"speaker1": "长" * 1024 * 1024}}
        answer = await client.post(f"/v1/recognitions/{ROW_ID}/labels", json=body)
    assert answer.status_code == 413
    assert answer.json()["error"]["details"]["limit_bytes"] == 1024 * 1024
    assert api.labels.given == {}


async def test_lines_are_corrected(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    async with api.client() as client:
        path = f"/v1/recognitions/{ROW_ID}/corrections"
        answer = await client.post(path, json={"lines": {"0": "<b>今天</b>", "3": None, "4": ""}})
        assert (answer.status_code, answer.json()["id"]) == (200, ROW_ID)
        assert api.corrections.given == {0: "<b>今天</b>", 3: None, 4: ""}
        assert api.corrections.based_on is None
        await client.post(path, json={"lines": {}, "based_on": 2})
        assert api.corrections.based_on == 2
        api.corrections.given = {}
        for body in (
            None,
            [],
            {},
            {"lines": ["x"]},
            {"lines": {"0": 7}},
            {"lines": {"-1": "x"}},
            {"lines": {}, "x": 1},
            {"lines": {}, "based_on": -1},
            {"lines": {}, "based_on": True},
            {"lines": {}, "based_on": "2"},
        ):
            refused = await client.post(path, json=body)
            assert refused.status_code == 400, body
            assert refused.json()["error"]["details"]["field"] in ("lines", "x", "based_on")
        assert (await client.post(path, content=b'{"lines": {"0": "' + b"x" * 9_000_000)).status_code == 413
    assert api.corrections.given == {}


async def test_a_line_that_somebody_else_corrected_is_a_conflict(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    api.corrections.error = Overtaken("line 1 was corrected meanwhile", line=1, text="天气很好", user="ann")
    async with api.client() as client:
        path = f"/v1/recognitions/{ROW_ID}/corrections"
        refused = await client.post(path, json={"lines": {"1": "x"}, "based_on": 0})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "overtaken")
    assert refused.json()["error"]["details"] == {"line": 1, "text": "天气很好", "user": "ann"}
