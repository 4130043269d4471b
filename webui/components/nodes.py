"""The nodes page: one sentence, one line of numbers, a card per node, worst first."""

from collections.abc import Sequence
from html import escape

from domain.node import Availability, NodeReport, NodeStatus
from domain.sizes import size_text
from services.nodes import NodesOverview, serves_alone
from webui.components.details import FINGERPRINT_CHARS, node_name
from webui.components.node_form import adding_form, node_form
from webui.components.units import duration_text, speed_text, wait_text
from webui.i18n import Words

#: Whoever answered so lately answers.
_JUST_NOW_SECONDS = 5.0
#: Which node is shown, and named in the sentence, first.
_WORST_FIRST = (
    Availability.FAILED,
    Availability.QUARANTINED,
    Availability.UNREACHABLE,
    Availability.DRAINING,
    Availability.LOADING,
    Availability.BUSY,
    Availability.READY,
)
_SENTENCES = {
    Availability.FAILED: "nodes_failed",
    Availability.QUARANTINED: "nodes_quarantined",
    Availability.UNREACHABLE: "nodes_lost",
    Availability.DRAINING: "nodes_draining",
}
#: Where the sentence alone helps nobody to mend it.
_TO_BE_MENDED = {
    Availability.FAILED: "node_why_failed",
    Availability.QUARANTINED: "node_why_quarantined",
    Availability.UNREACHABLE: "node_why_unreachable",
}


def overview_view(overview: NodesOverview, words: Words, *, is_admin: bool) -> str:
    """The whole page body; the cards, worst first, are for administrators."""
    cards = "".join(
        node_card(node, number, words, asks_first=serves_alone(node, overview.nodes))
        for number, node in _worst_first(overview.nodes)
    )
    empty = f'<p class="asr-empty">{words.html("node_none")}</p>'
    details = f'<div class="asr-cards">{cards or empty}</div>{adding_form(words)}' if is_admin else ""
    return (
        f'<section class="asr-nodes" data-drawn><h1 class="asr-sentence {overview.state}" role="status"><i></i>'
        f"{escape(nodes_sentence(overview, words))}</h1>"
        f'<p class="asr-summary">{escape(summary_text(overview, words))}</p>'
        f"{details}</section>"
    )


def nodes_sentence(overview: NodesOverview, words: Words) -> str:
    """What a person should know first."""
    if overview.state in ("ok", "loading"):
        return words(f"nodes_{overview.state}")
    if overview.nodes and all(node.availability is Availability.DRAINING for node in overview.nodes):
        return words("nodes_all_draining")
    for number, node in _worst_first(overview.nodes):
        lost = node.availability is Availability.UNREACHABLE and overview.state == "down"
        if node.availability in _SENTENCES and not lost:
            return words(_SENTENCES[node.availability], name=_name(node, number, words))
    return words(f"nodes_{overview.state}")


def summary_text(overview: NodesOverview, words: Words) -> str:
    """节点 3/3 · 忙 5/8 · 排队 12（约 40 秒）· 命中率 31%（节省 12 分钟）· 磁盘剩余 120 GB."""
    ready = [n for n in overview.nodes if n.availability in (Availability.READY, Availability.BUSY)]
    waiting = overview.waiting
    queued = words("summary_queued", count=waiting.ahead)
    if waiting.ahead and waiting.expected_wait_seconds is not None:
        wait = wait_text(waiting.expected_wait_seconds, words)
        queued = words("summary_queued_wait", count=waiting.ahead, duration=wait)
    rate = "–" if overview.hit_rate is None else f"{overview.hit_rate:.0%}"
    hits = words("summary_hit_rate", rate=rate)
    if overview.saved_seconds >= 1:
        hits = words("summary_hit_rate_saved", rate=rate, duration=duration_text(overview.saved_seconds, words))
    return " · ".join(
        [
            words("summary_nodes", ready=len(ready), all=len(overview.nodes)),
            words("summary_busy", busy=sum(n.in_flight for n in ready), slots=sum(n.slots for n in ready)),
            queued,
            hits,
            words("summary_disk", size=size_text(overview.disk_free_bytes)),
        ]
    )


def node_card(node: NodeStatus, number: int, words: Words, *, asks_first: bool = False) -> str:
    """One node: name, state, slots, facts, and 排空 or 恢复, which the page does at once or ``asks_first``."""
    state = state_word(node, words)
    backup = f'<span class="asr-badge">{words.html("node_backup")}</span>' if node.intent.backup else ""
    facts = "".join(
        f"<div><dt>{words.html(key)}</dt><dd>{value}</dd></div>" for key, value in _facts(node, words) if value
    )
    return (
        f'<article class="asr-card {node.availability.value}" data-key="{escape(node.intent.url)}"><header>'
        f"<h2>{escape(_name(node, number, words))}</h2>"
        f'<span class="asr-node-state {node.availability.value}">{escape(state)}</span>{backup}</header>'
        f"{_slots(node, words)}<dl>{facts}</dl>{_buttons(node, number, words, asks_first)}</article>"
    )


def state_word(node: NodeStatus, words: Words) -> str:
    """正常, 忙, 失联 · 30 秒前还有回应 …"""
    if node.availability is Availability.DRAINING and not node.in_flight:
        return words("node_drained")
    word = words(f"node_{node.availability.value}")
    if node.availability is Availability.UNREACHABLE and node.last_seen_seconds_ago is not None:
        word += " · " + words("node_last_seen", duration=wait_text(node.last_seen_seconds_ago, words))
    return word


def _worst_first(nodes: Sequence[NodeStatus]) -> list[tuple[int, NodeStatus]]:
    numbered = list(enumerate(nodes, 1))
    return sorted(numbered, key=lambda item: (_WORST_FIRST.index(item[1].availability), item[0]))


def _name(node: NodeStatus, number: int, words: Words) -> str:
    """Its name; without one, a number: its address is for administrators."""
    return node_name(node.intent.name, words) if node.intent.name else words("node_number", number=number)


def _slots(node: NodeStatus, words: Words) -> str:
    cells = "".join(f"<i{' class=taken' if n < node.in_flight else ''}></i>" for n in range(node.slots))
    text = words.html("node_slots", busy=node.in_flight, slots=node.slots)
    return f'<div class="asr-slots"><span>{text}</span><span class="cells" aria-hidden="true">{cells}</span></div>'


def _facts(node: NodeStatus, words: Words) -> list[tuple[str, str]]:
    speed = words("node_speed_unknown")
    if node.speed is not None:
        speed = words("real_time", speed=speed_text(node.speed))
    now = words("node_now_count", count=node.in_flight) if node.in_flight else words("node_now_idle")
    silent = node.availability in (Availability.UNREACHABLE, Availability.FAILED)
    facts = [("node_now", "" if silent else escape(now)), ("node_speed", escape(speed))]
    report = node.report
    if report:
        model = f"{escape(report.model)} <code>{escape(report.fingerprint[:FINGERPRINT_CHARS])}</code>"
        facts += [
            ("node_device", escape(_device(report.device))),
            ("node_gpu", _use(report.gpu_percent, report.gpu_memory_used_bytes, report.gpu_memory_total_bytes)),
            ("node_model", model if report.model else ""),
        ]
        facts += [] if silent else _machine(node, report, words)
    weight = "" if node.intent.weight == 1 else f"{node.intent.weight:g}"
    return [
        *facts,
        ("node_weight", weight),
        ("node_address", f"<code>{escape(node.intent.url)}</code>"),
        ("node_last_word", _last_word(node, words)),
    ]


def _machine(node: NodeStatus, report: NodeReport, words: Words) -> list[tuple[str, str]]:
    machine = _use(report.cpu_percent, report.machine_memory_used_bytes, report.machine_memory_total_bytes)
    uptime = duration_text(report.uptime_seconds, words) if report.uptime_seconds else ""
    # A poll every two seconds is as it should be: a figure that runs up and down between them tells nobody anything.
    ago = node.last_seen_seconds_ago or 0.0
    heard = words("node_heard_now") if ago < _JUST_NOW_SECONDS else words("ago", duration=wait_text(ago, words))
    return [
        ("node_machine", machine),
        ("node_memory", size_text(report.memory_bytes) if report.memory_bytes else ""),
        ("node_version", escape(report.version)),
        ("node_uptime", escape(uptime)),
        ("node_heard", escape(heard)),
        ("node_failures", str(node.failures) if node.failures else ""),
    ]


def _use(percent: float | None, used_bytes: int | None, total_bytes: int | None) -> str:
    """35% · 12 GB / 24 GB."""
    parts = [] if percent is None else [f"{percent:.0f}%"]
    if used_bytes is not None and total_bytes:
        parts.append(f"{size_text(used_bytes)} / {size_text(total_bytes)}")
    return " · ".join(parts)


def _last_word(node: NodeStatus, words: Words) -> str:
    """Why a node cannot be used, as HTML; below, for whoever mends it, what it or the network said."""
    if node.availability is Availability.DRAINING:
        key = "node_why_draining" if node.intent.drain else "node_why_ending"
        running = words("node_why_running", count=node.in_flight) if node.in_flight else words("node_why_done")
        return escape(words(key) + running)
    if node.availability is Availability.LOADING:
        return words.html("node_why_loading" if node.report else "node_why_starting")
    why = _TO_BE_MENDED.get(node.availability)
    if why is None:
        return ""
    if node.availability is Availability.UNREACHABLE and node.report is None:
        why = "node_why_never_seen"
    said = f'<code class="asr-said">{escape(node.reason)}</code>' if node.reason else ""
    return words.html(why) + said


def _device(device: str) -> str:
    return "CPU" if device == "cpu" else device


def _buttons(node: NodeStatus, number: int, words: Words, asks_first: bool) -> str:
    event = "resume" if node.intent.drain else "drain"
    asked = ""
    if asks_first and not node.intent.drain:
        asked = (
            f' data-confirm="nodes_confirm_drain" data-confirm-yes="node_drain" data-confirm-no="cancel" '
            f'data-name="{escape(_name(node, number, words))}"'
        )
    url, name = escape(node.intent.url), _name(node, number, words)
    return (
        f'<footer><button type="button" class="asr-button" data-event="{event}" data-node="{url}" '
        f'title="{words.html(f"node_{event}_title")}"{asked}>{words.html(f"node_{event}")}</button>'
        f'<button type="button" class="asr-button quiet" data-event="change_node" data-opens data-node="{url}" '
        f'title="{words.html("node_more")}" aria-label="{words.html("node_more")}">⋯</button>'
        f"{node_form(node, name, words)}</footer>"
    )
