"""说明 on a node's card: the page's own sentence, in the reader's language."""

from dataclasses import replace

import pytest

from domain.node import Availability, Health, NodeIntent, NodeReport, NodeStatus
from webui.components.nodes import node_card
from webui.i18n import Catalogue, Words

ZH, EN = Words(Catalogue(), "zh"), Words(Catalogue(), "en")
ENGLISH = "it says <this> itself"
NODE = NodeStatus(NodeIntent("http://a", "a"), Availability.READY, NodeReport(Health.READY, "demo"), reason=ENGLISH)
DRAINED = NodeIntent("http://a", "a", drain=True)


@pytest.mark.parametrize(
    ("changes", "zh", "en"),
    [
        ({"availability": Availability.DRAINING, "intent": DRAINED}, "管理员让它排空", "it takes no new work"),
        (
            {"availability": Availability.DRAINING, "intent": DRAINED, "in_flight": 2},
            "手上还有 2 个",
            "2 still running",
        ),
        ({"availability": Availability.DRAINING}, "它正在关闭", "It is shutting down"),
        ({"availability": Availability.LOADING}, "正在加载模型", "It is loading its model"),
        ({"availability": Availability.LOADING, "report": None}, "进程正在启动", "Its process is starting"),
    ],
)
def test_what_needs_no_mending_is_told_in_the_readers_language_alone(changes, zh: str, en: str) -> None:
    node = replace(NODE, **changes)
    for words, text in ((ZH, zh), (EN, en)):
        assert text in node_card(node, 1, words) and "itself" not in node_card(node, 1, words)


@pytest.mark.parametrize(
    ("changes", "zh"),
    [
        ({"availability": Availability.UNREACHABLE}, "连不上它"),
        ({"availability": Availability.UNREACHABLE, "report": None}, "它还没有回应过"),
        ({"availability": Availability.QUARANTINED}, "结果不可信，已停用"),
        ({"availability": Availability.FAILED}, "模型加载失败"),
    ],
)
def test_what_is_to_be_mended_comes_with_what_was_said(changes, zh: str) -> None:
    card = node_card(replace(NODE, **changes), 1, ZH)
    assert zh in card and '<code class="asr-said">it says &lt;this&gt; itself</code>' in card


def test_a_node_that_serves_has_nothing_to_explain() -> None:
    assert "itself" not in node_card(NODE, 1, ZH)
