"""⋯ on a node's card, 添加节点 and 操作日志."""

from dataclasses import replace
from datetime import UTC, datetime

from domain.access import Visitor
from domain.membership import NodeEvent
from domain.node import Availability, Health, NodeIntent, NodeReport, NodeStatus, Origin
from webui.components.node_form import adding_form, node_form
from webui.components.node_log import log_view
from webui.components.nodes import node_card
from webui.i18n import Catalogue, Words

ZH, EN = Words(Catalogue(), "zh"), Words(Catalogue(), "en")
REPORT = NodeReport(
    Health.READY,
    "demo",
    "f" * 16,
    version="0.1.0",
    uptime_seconds=7_200,
    cpu_percent=34.6,
    machine_memory_used_bytes=3 * 10**9,
    machine_memory_total_bytes=16 * 10**9,
    gpu_percent=91.0,
    gpu_memory_used_bytes=20 * 10**9,
    gpu_memory_total_bytes=24 * 10**9,
)
INTENT = NodeIntent("http://a:1", '<b>"2 号"</b>', 2.5, slots=4, backup=True)
NODE = NodeStatus(INTENT, Availability.READY, REPORT, last_seen_seconds_ago=1.4, failures=1)


def test_the_form_has_what_was_said_and_escapes_it() -> None:
    html = node_form(NODE, INTENT.name, ZH)
    assert 'value="2.5"' in html and 'value="4"' in html and "checked" in html
    assert "<b>" not in html and "&lt;b&gt;&quot;2 号" in html


def test_what_is_offered_depends_on_the_node() -> None:
    def offers(node: NodeStatus) -> list[str]:
        html = node_form(node, "a", EN)
        return [action for action in ("change", "test", "promote", "remove") if f'value="{action}_node"' in html]

    assert offers(NODE) == ["change", "test", "remove"]
    assert offers(replace(NODE, availability=Availability.QUARANTINED)) == ["change", "test", "promote", "remove"]
    # Quarantined for its token: it told no fingerprint.
    refusing = replace(NODE, availability=Availability.QUARANTINED, report=NodeReport(Health.READY))
    assert offers(refusing) == ["change", "test", "remove"]
    assert offers(replace(NODE, intent=replace(INTENT, origin=Origin.OWN))) == ["change", "test"]


def test_the_card_tells_how_the_machine_is() -> None:
    card = node_card(NODE, 1, ZH)
    for told in ("91% · 20 GB / 24 GB", "35% · 3 GB / 16 GB", "0.1.0", "2 小时", "刚刚", "连续失败"):
        assert told in card
    quiet = node_card(replace(NODE, last_seen_seconds_ago=9.0, failures=0), 1, EN)
    assert "9 s" in quiet and "Failures" not in quiet
    # A node of before tells less.
    assert "None" not in node_card(replace(NODE, report=NodeReport(Health.READY, "demo")), 1, EN)


def test_a_node_is_added_by_its_address() -> None:
    html = adding_form(ZH)
    assert 'name="url" type="url" required' in html and 'name="token" type="password"' in html


def test_the_log_says_who_did_what() -> None:
    at = datetime(2026, 11, 21, 8, tzinfo=UTC)
    change = NodeEvent("2", at, "boss<", "change", "<i>", {"weight": 3.0, "backup": True, "secret": "hush"})
    promote = NodeEvent("1", at, "boss", "promote", "甲", {"model": "demo", "fingerprint": "0123456789", "before": "x"})
    html = log_view([change, promote], ZH, Visitor("boss", is_admin=True))
    assert "修改 &lt;i&gt; · 权重 3 · 备用 是" in html and "hush" not in html
    assert "boss&lt;</span>" in html and ">我</span>" in html
    assert "以 甲 的模型版本为准 · 指纹 01234567" in html
    assert "Nothing has been done yet." in log_view([], EN, Visitor("boss", is_admin=True))
