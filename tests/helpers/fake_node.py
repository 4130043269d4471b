"""A tiny Gradio app with the node's protocol, for what a real node does only when it breaks: time and failure.

Run as a process of its own: ``python fake_node.py --port 0 --port-file F``. The behaviour of each run is chosen by a
hotword of its job. ``FAKE_TOKEN``, ``FAKE_FINGERPRINT``, ``FAKE_MODEL`` and ``FAKE_SHIFT`` (other endpoints first)
shape the process.
"""

import argparse
import asyncio
import json
import os
import socket
import uuid
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gradio as gr
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse, Response

running: dict[str, Any] = {}
calls: list[str] = []
health = {"status": "ready"}
instance = uuid.uuid4().hex


def result(job: dict[str, Any], text: str = "你好") -> dict[str, Any]:
    many = 300 if "large" in job["options"]["hotwords"] else 1
    segments = [{"start_ms": 900 * n, "end_ms": 900 * n + 900, "text": text, "words": []} for n in range(many)]
    return {
        "result": {
            "output": {"track": job["track"], "segments": segments, "language": "zh", "warnings": []},
            "model": os.environ.get("FAKE_MODEL", "demo"),
            "fingerprint": "another" if "liar" in job["options"]["hotwords"] else fingerprint(),
            "device": "cpu",
            "audio_seconds": 1.0,
            "elapsed_ms": 5,
        }
    }


def fingerprint() -> str:
    return os.environ.get("FAKE_FINGERPRINT", "fp-1")


def refuse(code: str, message: str = "no", **details: Any) -> gr.Error:
    text = json.dumps({"code": code, "message": message, "details": details})
    return gr.Error(text, title=code, print_exception=False)


@dataclass
class Run:
    """Goes on without listeners, as a real node's."""

    job: dict[str, Any]
    steps: list[dict[str, Any]] = field(default_factory=list)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    changed: asyncio.Event = field(default_factory=asyncio.Event)
    task: asyncio.Task[None] | None = None

    async def work(self) -> None:
        words = self.job["options"]["hotwords"]
        if "mute" in words:
            await self.stop.wait()
        self.tell({"segment": 0, "of": 3, "segments": []})
        for number in range(1, 4):
            seconds = 60 if "hang" in words else 0.4 if "slow" in words else 0
            try:
                await asyncio.wait_for(self.stop.wait(), seconds or 0.001)
            except TimeoutError:
                piece = {"start_ms": number * 300 - 300, "end_ms": number * 300, "text": f"第{number}句"}
                self.tell({"segment": number, "of": 3, "segments": [piece]})
            else:
                break
        running.pop(self.job["id"])
        self.tell({} if self.stop.is_set() else result(self.job))

    def tell(self, step: dict[str, Any]) -> None:
        self.steps.append(step)
        self.changed.set()
        self.changed = asyncio.Event()


async def recognize(audio: str | None, job: dict[str, Any]):
    assert audio and Path(audio).stat().st_size > 44
    words = job["options"]["hotwords"]
    calls.append(job["id"])
    if "busy" in words:
        raise refuse("node_busy", "full", reason="full")
    if "crash" in words:
        raise RuntimeError("a bug in the node")
    if "failed" in words:
        raise refuse("recognition_failed", "<b>& \"quoted\" 'text'</b>", reason="model")
    if "bad" in words:
        raise refuse("bad_audio", "too short", reason="too_short")
    if "garbage" in words:
        yield {"what": "is this"}
        return
    if "empty" in words:
        return
    run = running.get(job["id"])
    if run is None:
        run = running[job["id"]] = Run(job)
        run.task = asyncio.create_task(run.work())
    told = 0
    while True:
        changed = run.changed
        while told < len(run.steps):
            step = run.steps[told]
            told += 1
            if not step:
                raise refuse("cancelled")
            yield step
            if "die" in words:
                os._exit(9)
            if "result" in step:
                return
        await changed.wait()


async def cancel(job_id: str) -> dict[str, bool]:
    found = running.get(job_id)
    if found:
        found.stop.set()
    return {"cancelled": found is not None}


async def decoy(_: str | None, job: dict[str, Any]) -> dict[str, Any]:
    return result(job, "wrong function")


def blocks() -> gr.Blocks:
    with gr.Blocks(analytics_enabled=False) as demo:
        audio, data, name, answer = gr.Audio(type="filepath"), gr.JSON(), gr.Textbox(), gr.JSON()
        if os.environ.get("FAKE_SHIFT"):
            gr.Button().click(decoy, [audio, data], answer, api_name="decoy")
        gr.Button().click(recognize, [audio, data], answer, api_name="recognize", concurrency_limit=None)
        gr.Button().click(cancel, [name], answer, api_name="cancel", concurrency_limit=None)
    demo.queue(default_concurrency_limit=None, api_open=False)
    return demo


def app() -> FastAPI:
    api = FastAPI()

    @api.get("/healthz")
    async def healthz() -> Response:
        if health["status"] == "garbage":
            return Response("<html>it works</html>")
        report = {
            "status": health["status"],
            "model": os.environ.get("FAKE_MODEL", "demo"),
            "fingerprint": fingerprint(),
            "fingerprint_parts": {"weights": fingerprint(), "schema": "1"},
            "slots": 2,
            "running": list(running),
            "instance": instance,
        }
        return JSONResponse(report, 200 if health["status"] == "ready" else 503)

    @api.post("/test/health/{status}")
    async def set_health(status: str) -> None:
        health["status"] = status

    @api.get("/test/calls")
    async def seen() -> list[str]:
        return calls

    @api.middleware("http")
    async def token(request: Request, call_next: Any) -> Response:
        wanted = os.environ.get("FAKE_TOKEN")
        path = request.url.path
        if wanted and path != "/healthz" and request.headers.get("x-asr-node-token") != wanted:
            return JSONResponse({}, 401)
        return await call_next(request)

    demo = blocks()
    mounted = gr.mount_gradio_app(api, demo, path="/", ssr_mode=False)
    demo.has_launched = True
    return mounted


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--port-file", type=Path, required=True)
    parser.add_argument("--parent-pid", type=int)
    args = parser.parse_args()
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", args.port))

    class Server(uvicorn.Server):
        async def startup(self, sockets: list[socket.socket] | None = None) -> None:
            await super().startup(sockets)
            draft = args.port_file.with_suffix(".part")
            draft.write_text(str(listener.getsockname()[1]))
            draft.replace(args.port_file)

    config = uvicorn.Config(app(), log_level="warning", timeout_graceful_shutdown=1)
    Server(config).run(sockets=[listener])


if __name__ == "__main__":
    main()
