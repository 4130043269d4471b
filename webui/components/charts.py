"""The last hour as small line charts: SVG, drawn here."""

from collections.abc import Mapping, Sequence
from html import escape

from domain.activity import Minute
from webui.components.details import node_name
from webui.i18n import Words

#: Size in the units of the picture; the page scales it.
_WIDTH, _HEIGHT = 300.0, 80.0
#: Nodes with a line of their own; the busiest.
MAX_LINES = 8

Line = Sequence[float | None]


def charts_view(hour: Sequence[Minute], words: Words) -> str:
    """Folded: throughput, queue, load of each node, hit rate."""
    done, queue = [float(minute.done) for minute in hour], [minute.queue for minute in hour]
    # Of what is counted, the newest whole minute is told: the one under way has only begun.
    hits = [minute.hit_rate for minute in hour]
    load = _loads(hour, words)
    shown = (
        _chart(words("chart_done"), _last(done[:-1], "{:.0f}"), {"": done}, None, words),
        _chart(words("chart_queue"), _last(queue, "{:.0f}"), {"": queue}, None, words),
        _chart(words("chart_load"), "", load, 1.0, words),
        _chart(words("chart_hit_rate"), _last(hits, "{:.0%}"), {"": hits}, 1.0, words),
    )
    return (
        f'<details class="asr-details asr-charts"><summary>{words.html("nodes_charts")}</summary>'
        f"<div>{''.join(shown)}</div></details>"
    )


def _loads(hour: Sequence[Minute], words: Words) -> Mapping[str, Line]:
    totals: dict[str, float] = {}
    for minute in hour:
        for name, share in minute.load.items():
            totals[name] = totals.get(name, 0.0) + share
    busiest = sorted(totals, key=lambda name: (-totals[name], name))[:MAX_LINES]
    return {node_name(name, words): [minute.load.get(name) for minute in hour] for name in sorted(busiest)}


def _chart(title: str, now: str, lines: Mapping[str, Line], top: float | None, words: Words) -> str:
    """``top``: the value at the upper edge; ``None``: the largest that there is."""
    known = [value for line in lines.values() for value in line if value is not None]
    highest = top or max(known, default=0.0) or 1.0
    drawn = "".join(f'<path class="line-{n}" d="{_path(line, highest)}"/>' for n, line in enumerate(lines.values()))
    scale = f"{highest:.0%}" if top else f"{highest:g}"
    legend = "".join(f'<li class="line-{n}">{escape(name)}</li>' for n, name in enumerate(lines) if name)
    return (
        f'<figure class="asr-chart"><figcaption>{escape(title)}<b>{escape(now)}</b></figcaption>'
        f'<div class="plot"><span class="top">{scale}</span>'
        f'<svg viewBox="0 0 {_WIDTH:g} {_HEIGHT:g}" preserveAspectRatio="none" role="img" '
        f'aria-label="{escape(f"{title} {now}".strip())}">{drawn}</svg></div>'
        f'<p class="axis"><span>{words.html("chart_hour_ago")}</span><span>{words.html("chart_now")}</span></p>'
        f"{f'<ul>{legend}</ul>' if legend else ''}</figure>"
    )


def _path(line: Line, highest: float) -> str:
    """Moves over what is not known, and draws the rest."""
    step, parts, is_down = _WIDTH / max(1, len(line) - 1), list[str](), False
    for place, value in enumerate(line):
        if value is None:
            is_down = False
            continue
        parts.append(f"{'L' if is_down else 'M'}{place * step:.1f} {_HEIGHT - 1 - value / highest * (_HEIGHT - 2):.1f}")
        if not is_down:
            parts.append("h.1")  # a minute alone is a dot
        is_down = True
    return "".join(parts)


def _last(line: Line, form: str) -> str:
    known = [value for value in line if value is not None]
    return form.format(known[-1]) if known else "–"
