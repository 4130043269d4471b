"""The status line of a recognition under way, and the text that has come so far."""

from html import escape

from domain.recognition import Progress, Recognition, Stage
from webui.components.origin import recording_name
from webui.components.transcript import live_lines
from webui.components.units import wait_text
from webui.i18n import Words


def status_text(progress: Progress, words: Words) -> str:
    """排队：前面 3 个 · 约 20 秒; 识别中 90/400 段 · 3/12 份完成 · 剩 2 分钟; 模型加载中…"""
    parts = [_stage_text(progress, words)]
    if progress.stage is Stage.RECOGNISING and progress.parts:
        parts.append(words("parts_done", done=progress.parts_done, parts=progress.parts))
    if progress.stage is Stage.QUEUED and progress.expected_wait_seconds is not None:
        parts.append(words("about", duration=wait_text(progress.expected_wait_seconds, words)))
    if progress.stage is Stage.RECOGNISING and progress.of and progress.remaining_seconds is not None:
        parts.append(words("remaining", duration=wait_text(progress.remaining_seconds, words)))
    return " · ".join(parts)


def _stage_text(progress: Progress, words: Words) -> str:
    if progress.stage is Stage.QUEUED:
        return words("stage_queued", ahead=progress.ahead) if progress.ahead else words("stage_queued_next")
    if progress.stage is Stage.RECOGNISING and not progress.of:
        return words("stage_recognising_start")
    return words(f"stage_{progress.stage.value}", segment=progress.segment, of=progress.of)


def progress_view(row: Recognition, words: Words) -> str:
    """The whole panel while the work runs."""
    progress = row.progress
    known = progress.stage is Stage.RECOGNISING and progress.of > 0
    share = f' style="width:{100 * progress.segment / progress.of:.1f}%"' if known else ""
    return (
        f'<section class="asr-running" data-id="{escape(row.id)}" data-stage="{progress.stage.value}">'
        f'<p class="asr-status-line" role="status">'
        f'<span class="asr-file">{escape(recording_name(row.filename, words))}</span>'
        f"<span>{escape(status_text(progress, words))}</span></p>"
        f'<div class="asr-bar{"" if known else " unknown"}"><i{share}></i></div>'
        f"{live_lines(progress.segments, row.options.itn, words, row.labels)}</section>"
    )


def waiting_view(words: Words) -> str:
    """The panel between the click and the row's id."""
    return (
        f'<section class="asr-running"><p class="asr-status-line" role="status">{words.html("stage_receiving")}</p>'
        '<div class="asr-bar unknown"><i></i></div></section>'
    )
