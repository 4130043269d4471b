"""版本: what 重新识别 made of a recording, what was corrected in the version on show, how two versions differ."""

from collections.abc import Iterable, Sequence
from html import escape
from urllib.parse import quote

from domain.access import Visitor
from domain.corrections import Correction, Step, steps
from domain.differences import Piece, text_differences
from domain.recognition import Recognition, Status
from services.versions import Comparison
from webui.components.badge import cache_badge, status_mark
from webui.components.details import moment, options_parts
from webui.components.origin import person
from webui.components.units import clock
from webui.i18n import Words

#: Corrections that are listed, the newest; every one is kept.
MAX_LISTED = 100
#: Beyond so many lines a comparison shows at first only those that differ.
_MANY_LINES = 40
#: Comparisons of characters for all corrections on one page, which is drawn on the event loop: a fraction of a second.
_MAX_WORK = 300_000
#: Characters of a long text that are listed beside a change in it.
_NEAR_CHARS = 40
_TAGS = {"gone": "del", "new": "ins"}


def versions_view(row: Recognition, versions: Sequence[Recognition], words: Words, viewer: Visitor | None) -> str:
    """Newest first; nothing where ``row`` is the only version and as it was recognised."""
    listed = ""
    if len(versions) > 1:
        before = [None, *versions]
        items = [_version(item, before[n], row, words, viewer) for n, item in enumerate(versions)]
        listed = f"<ol>{''.join(reversed(items))}</ol>"
    log = _corrections(row, words, viewer)
    if not (listed or log):
        return ""
    heading = f"<h2>{words.html('versions')}</h2>" if listed else ""
    return f'<section class="asr-versions" aria-label="{words.html("versions")}">{heading}{listed}{log}</section>'


def version_mark(row: Recognition, words: Words) -> str:
    """第 2 版; the first one is just the recording."""
    if row.version == 1:
        return ""
    title = words.html("version_title")
    return f'<span class="asr-version" title="{title}">{words.html("version", number=row.version)}</span>'


def _version(
    item: Recognition, before: Recognition | None, on_show: Recognition, words: Words, viewer: Visitor | None
) -> str:
    name = words.html("version", number=item.version)
    is_shown = item.id == on_show.id
    link = f'<a href="./history?r={quote(item.id)}" data-event="open" data-id="{escape(item.id)}">{name}</a>'
    which = f"<b>{name}</b>" if is_shown else link
    compare = ""
    if not is_shown and _can_be_compared(item) and _can_be_compared(on_show):
        compare = (
            f'<button type="button" class="asr-button" data-event="compare" data-with="{escape(item.id)}">'
            f"{words.html('version_compare')}</button>"
        )
    facts = [escape(item.model or ""), *map(escape, _changed_options(item, before, words))]
    made = f'<span class="facts">{" · ".join(fact for fact in facts if fact)}</span>' if any(facts) else ""
    current = ' aria-current="true"' if is_shown else ""
    return (
        f"<li{current}><div>{which}{moment(item.created_at.isoformat(), full=True)}"
        f"{cache_badge(item, words, short=True)}{status_mark(item.status, words)}</div>{compare}"
        f"{made}{_last_corrected(item, words, viewer)}</li>"
    )


def _can_be_compared(row: Recognition) -> bool:
    return row.status.is_final and bool(row.transcript.segments or row.status is Status.SUCCEEDED)


def _changed_options(row: Recognition, before: Recognition | None, words: Words) -> list[str]:
    """What was asked for otherwise than in the version before."""
    if before is None:
        return []
    # The same recording: what its channels are does not depend on the version.
    known = set(options_parts(before.with_changes(audio=row.audio), words))
    changed = [part for part in options_parts(row, words) if part not in known]
    if row.options.hotwords != before.options.hotwords:
        hotwords = "、".join(row.options.hotwords) or words("no_hotwords")
        changed.insert(0, words("version_hotwords", hotwords=hotwords))
    return changed


def _last_corrected(row: Recognition, words: Words, viewer: Visitor | None) -> str:
    count = sum(segment.corrected_text is not None for segment in row.transcript.segments)
    if not count or not row.corrections:
        return ""
    by = _by(row.corrections[-1], words, viewer)
    return f'<span class="facts">{words.html("corrected_count", count=count)} · {by}</span>'


def _by(correction: Correction, words: Words, viewer: Visitor | None) -> str:
    """Who and when."""
    return f"{escape(person(correction.user, words, viewer))} {moment(correction.at.isoformat(), full=True)}"


# -- what was corrected in the version on show ---------------------------------------------------------------------


def _corrections(row: Recognition, words: Words, viewer: Visitor | None) -> str:
    if not row.corrections:
        return ""
    made = steps(row.corrections)
    there = len(row.transcript.segments)
    listed = [step for step in reversed(made[-MAX_LISTED:]) if step.correction.segment < there]
    changed = text_differences((_texts(step, row) for step in listed), max_work=_MAX_WORK)
    items = "".join(_step(step, pieces, row, words, viewer) for step, pieces in zip(listed, changed, strict=True))
    older = len(made) - MAX_LISTED
    more = f'<p class="asr-note">{words.html("corrections_older", count=older)}</p>' if older > 0 else ""
    title = words.html("corrections_made", count=len(made))
    return f'<details class="asr-corrections"><summary>{title}</summary><ol>{items}</ol>{more}</details>'


def _texts(step: Step, row: Recognition) -> tuple[str, str]:
    """What stood there before, and then."""
    recognised = row.transcript.segments[step.correction.segment].recognised_text(row.options.itn)
    before, after = step.before, step.correction.text
    return recognised if before is None else before, recognised if after is None else after


def _step(step: Step, pieces: Sequence[Piece], row: Recognition, words: Words, viewer: Visitor | None) -> str:
    change = step.correction
    segment = row.transcript.segments[change.segment]
    undo = ""
    if segment.corrected_text != step.before:
        text = "" if step.before is None else f' data-text="{escape(step.before)}"'
        undo = (
            f'<button type="button" class="asr-link" data-restore="{change.segment}"{text} '
            f'title="{words.html("corrected_back_title")}">{words.html("corrected_restore")}</button>'
        )
    return (
        f'<li><span class="asr-clock">{clock(segment.start_ms)}</span><span>{pieces_view(_near(pieces))}</span>'
        f'<span class="facts">{_by(change, words, viewer)}{undo}</span></li>'
    )


def _near(pieces: Sequence[Piece]) -> Iterable[Piece]:
    """What stands beside the changes of a text; all of a short one."""
    for number, (kind, text) in enumerate(pieces):
        if kind == "same" and len(text) > 2 * _NEAR_CHARS:
            before = text[:_NEAR_CHARS] if number else ""
            after = text[-_NEAR_CHARS:] if number < len(pieces) - 1 else ""
            yield Piece(kind, f"{before}…{after}")
        else:
            yield Piece(kind, text)


# -- two versions --------------------------------------------------------------------------------------------------


def comparison_view(comparison: Comparison, words: Words) -> str:
    """Every line of both, what only the older one has struck through, what only the newer one has underlined."""
    older, newer, count = comparison.older, comparison.newer, comparison.count
    title = words.html("compared", older=older.version, newer=newer.version)
    found = words.html("compared_count", count=count) if count else words.html("compared_same")
    only = ""
    if count and not all(line.differs for line in comparison.lines):
        checked = " checked" if len(comparison.lines) > _MANY_LINES else ""
        only = f'<label><input type="checkbox" data-only-different{checked}>{words.html("compared_only")}</label>'
    lines = "".join(
        f'<li data-start="{line.start_ms}" data-end="{line.end_ms}"{" data-differs" if line.differs else ""}>'
        f'<button type="button" class="asr-clock" data-seek aria-label="'
        f'{words.html("segment_seek", time=clock(line.start_ms))}">{clock(line.start_ms)}</button>'
        f'<span class="asr-text">{pieces_view(line.pieces)}</span></li>'
        for line in comparison.lines
    )
    return (
        f'<section class="asr-comparison" tabindex="-1" aria-label="{title}"><header><strong>{title}</strong>'
        f'<span role="status">{found}</span>{only}<button type="button" class="asr-button" data-end-comparison>'
        f"{words.html('compared_end')}</button></header>"
        f'<p class="asr-note"><del>{words.html("version", number=older.version)}</del> '
        f"<ins>{words.html('version', number=newer.version)}</ins></p>"
        f'<ol class="asr-lines">{lines}</ol></section>'
    )


def pieces_view(pieces: Iterable[Piece]) -> str:
    """A text with ``<del>`` and ``<ins>`` in it."""
    return "".join(
        f"<{tag}>{escape(piece.text)}</{tag}>" if (tag := _TAGS.get(piece.kind)) else escape(piece.text)
        for piece in pieces
    )
