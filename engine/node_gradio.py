"""The node's Gradio endpoints: ``/recognize``, ``/detect_speech``, ``/cancel``."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import gradio as gr

from domain.errors import BadAudio, InvalidOptions
from domain.node import NodeJob, NodeProgress
from engine.no_fetching import check_path, refuse_addresses
from engine.node_errors import told_to_the_caller
from engine.recogniser import Recogniser
from engine.uploads import Uploads


def build_blocks(recogniser: Recogniser, uploads: Uploads) -> gr.Blocks:
    """The Blocks to mount. Nothing waits in Gradio's queue: the node itself refuses what it cannot take."""

    async def recognize(audio: str | None, job: Any) -> AsyncIterator[dict[str, Any]]:
        with told_to_the_caller():
            path, release = _held(audio)
            try:
                parsed = _parse_job(job)
            except BaseException:
                release()
                raise
            run = await asyncio.to_thread(recogniser.admit, parsed, path, release)
            # Whoever stops listening stops nothing: the job is sent again and joins, or /cancel ends it.
            async for step in run.follow():
                yield step.to_json() if isinstance(step, NodeProgress) else {"result": step.to_json()}

    async def detect_speech(audio: str | None, job: Any) -> dict[str, Any]:
        with told_to_the_caller():
            path, release = _held(audio)
            try:
                detection = await asyncio.to_thread(recogniser.detect_speech, _parse_job(job), path)
            finally:
                release()
            return detection.to_json()

    async def cancel(job_id: str) -> dict[str, bool]:
        return {"cancelled": recogniser.cancel(str(job_id))}

    def _held(audio: str | None) -> tuple[Path, Any]:
        if not audio:
            raise BadAudio("no audio was sent", reason="empty")
        check_path(audio)
        return Path(audio), uploads.hold(Path(audio))

    with gr.Blocks(title="Recognition node", analytics_enabled=False) as blocks:
        gr.Markdown("### Recognition node · 识别节点\nThe web UI sends its work here. State: [/healthz](/healthz)")
        with gr.Column(visible=False):
            audio = gr.Audio(type="filepath", label="audio")
            data, name, answer = gr.JSON(label="data"), gr.Textbox(label="job_id"), gr.JSON(label="answer")
            # concurrency_limit: the default is 1 at a time, the rest queued (FACTS).
            gr.Button("recognize").click(
                recognize, [audio, data], answer, api_name="recognize", concurrency_limit=None, show_progress="hidden"
            )
            gr.Button("detect_speech").click(
                detect_speech,
                [audio, data],
                answer,
                api_name="detect_speech",
                concurrency_limit=None,
                show_progress="hidden",
            )
            gr.Button("cancel").click(
                cancel, [name], answer, api_name="cancel", concurrency_limit=None, show_progress="hidden"
            )
    refuse_addresses(blocks)
    blocks.queue(default_concurrency_limit=None, max_size=None, api_open=False)
    # Gradio would look for calls a thousand times a second: a tenth of a core for a node that has nothing to do.
    blocks._queue.sleep_when_free, blocks._queue.progress_update_sleep_when_free = 0.01, 0.1
    return blocks


def _parse_job(job: Any) -> NodeJob:
    try:
        return NodeJob.from_json(job)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise InvalidOptions(f"the job cannot be read: {error!r}", field="job", reason="garbage") from error
