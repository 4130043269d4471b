"""How long a recording is kept, as its page says it."""

import re
from datetime import UTC, datetime, timedelta
from html import unescape

import pytest

from domain.access import Visitor
from domain.audio_keys import put_at
from domain.recognition import Hold, Recognition, Status
from services.retention import Retention
from tests.helpers.web_api import a_row
from webui.components.history_detail import detail_view
from webui.components.retention import retention_view
from webui.components.rows import history_rows
from webui.i18n import Catalogue, Words

CATALOGUE = Catalogue()
ZH, EN = Words(CATALOGUE, "zh"), Words(CATALOGUE, "en")
KEY = "2026/11/01a1faf6-5565-75b3-a0d3-1d298e15afb3.wav"
WEEK = Retention(7 * 86400.0)


def said(row: Recognition, words: Words = ZH, *, left: timedelta | None = None) -> str:
    """As plain text, so long before the recording expires."""
    expires_at = WEEK.audio_expires_at(row)
    now = expires_at - left if left is not None and expires_at else None
    return unescape(re.sub("<[^>]*>", " ", retention_view(row, words, WEEK, now=now))).strip()


@pytest.mark.parametrize(
    ("left", "zh", "en"),
    [
        (timedelta(days=7), "音频将于 7 天后删除", "in 7 days"),
        (timedelta(days=2, hours=23), "音频将于 2 天后删除", "in 2 days"),
        (timedelta(hours=47, minutes=50), "音频将于 47 小时后删除", "in 47 h"),
        (timedelta(minutes=175), "音频将于 2 小时后删除", "in 2 h"),
        (timedelta(minutes=119, seconds=50), "音频将于 119 分钟后删除", "in 119 min"),
        (timedelta(seconds=61), "音频将于 1 分钟后删除", "in 1 min"),
        (timedelta(seconds=59), "录音即将删除", "in a moment"),
        (timedelta(days=-1), "录音即将删除", "in a moment"),
    ],
)
def test_when_it_goes(left: timedelta, zh: str, en: str) -> None:
    row = a_row(audio_key=KEY)
    assert said(row, left=left).startswith(zh)
    assert en in said(row, EN, left=left)


def test_why_it_is_kept() -> None:
    hold = Hold("客户投诉 <b>", "local", datetime(2026, 11, 21, 14, 5, tzinfo=UTC))
    row = a_row(audio_key=KEY, hold=hold)
    assert said(row).startswith("录音已保留：客户投诉 <b>") and said(row).endswith("解除保留")
    assert "<b>" not in retention_view(row, ZH, WEEK)
    # Who gave it, as far as one may know.
    assert " 我 " in said(row)
    other = row.with_changes(hold=Hold("x", "api:crm", hold.at))
    assert "crm" in retention_view(other, ZH, WEEK, viewer=Visitor("local", is_admin=True))
    assert "管理员" in retention_view(other, ZH, WEEK, viewer=Visitor("local"))
    assert said(row.with_changes(audio_key=None)).startswith("记录已保留：")


def test_nothing_is_said_where_there_is_nothing_to_keep() -> None:
    assert said(a_row(audio_key=None)) == ""
    assert said(a_row(audio_key=KEY, status=Status.RUNNING)) == ""
    assert "asr-retention" in detail_view(a_row(audio_key=KEY), ZH, retention=WEEK)


def test_the_time_counts_from_the_upload() -> None:
    put = put_at(KEY)
    assert put and WEEK.audio_expires_at(a_row(audio_key=KEY)) == put + timedelta(days=7)
    assert WEEK.audio_expires_at(a_row(audio_key=KEY, status=Status.RUNNING)) is None
    assert Retention(1e15).audio_expires_at(a_row(audio_key=KEY)) is None
    assert Retention(0).audio_expires_at(a_row(audio_key="2026/11/notes.wav")) is None


def test_a_row_that_is_held_has_a_sign_in_the_list() -> None:
    hold = Hold('<b>"投诉"', "me", datetime(2026, 11, 21, tzinfo=UTC))
    html = history_rows([a_row(hold=hold, audio_key=KEY)], ZH)
    assert 'class="asr-held" role="img" title="录音已保留：&lt;b&gt;&quot;投诉&quot;"' in html
    assert "Record held: " in history_rows([a_row(hold=hold, audio_key=None)], EN)
    assert "asr-held" not in history_rows([a_row(audio_key=KEY)], ZH)
