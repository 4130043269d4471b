"""The pieces of HTML: what they say, and that nothing a person wrote becomes markup."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser

import pytest

from domain.node import Availability, Health, NodeIntent, NodeReport, NodeStatus
from domain.options import RecognitionOptions
from domain.recognition import AudioInfo, CacheOutcome, Progress, Recognition, Source, Stage, Status
from domain.sizes import size_text
from domain.ticket import Waiting
from domain.transcript import Segment, Transcript
from services.model_download import DownloadState
from services.nodes import NodesOverview
from webui.components.admin import admin_view
from webui.components.badge import cache_badge
from webui.components.banner import demo_banner
from webui.components.header import header_view, model_chip
from webui.components.history_detail import detail_view
from webui.components.nodes import nodes_sentence, overview_view, summary_text
from webui.components.progress import progress_view, status_text
from webui.components.result import result_view
from webui.components.rows import empty_view, history_rows, recent_view
from webui.components.samples import read_samples
from webui.components.transcript import marked, snippet
from webui.components.units import age_text, clock, duration_text
from webui.i18n import Catalogue, Words

ZH, EN = Words(Catalogue(), "zh"), Words(Catalogue(), "en")
EVIL = "<img src=x onerror=alert(1)>\"'&"
NOW = datetime(2026, 3, 5, 12, tzinfo=UTC)


def recognition(**changes) -> Recognition:
    segments = (
        Segment(0, 2_000, "今天是二零二五年", "今天是2025年"),
        Segment(2_000, 4_500, "请打开空调", "请打开空调"),
    )
    row = Recognition(
        id="0192f0c1-0000-7000-8000-000000000001",
        user="visitor:a",
        source=Source.WEB,
        filename="会议.wav",
        options=RecognitionOptions(),
        status=Status.SUCCEEDED,
        audio_key="k.wav",
        audio=AudioInfo("wav", "pcm_s16le", 16_000, 1, 42.0),
        transcript=Transcript(segments, "zh"),
        cache=CacheOutcome.MISS,
        node="local",
        model="demo",
        fingerprint="9f3ab77c01d2e4f5",
        elapsed_ms=2_400,
        node_ms=2_000,
        created_at=NOW,
    )
    return replace(row, **changes)


class _Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.attributes: set[str] = set()

    def handle_starttag(self, tag: str, attrs: list) -> None:
        self.tags.append(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("input", "img", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag, f"</{tag}> closes nothing"


def parsed(html: str) -> _Tags:
    tags = _Tags()
    tags.feed(html)
    tags.close()
    assert tags.open == []
    return tags


def every_view_of(row: Recognition) -> list[str]:
    status = NodeStatus(
        NodeIntent(f"http://{EVIL}", EVIL), Availability.READY, NodeReport(Health.READY, EVIL, EVIL, device=EVIL)
    )
    overview = NodesOverview("ok", (status,), Waiting(0, None), 0.5, 10**9, EVIL, False)
    return [
        result_view(row, ZH, search=EVIL),
        result_view(replace(row, status=Status.FAILED, error={"code": EVIL, "details": {"word": EVIL}}), ZH),
        progress_view(
            replace(row, progress=Progress(Stage.RECOGNISING, segment=1, of=2, segments=row.transcript.segments)), ZH
        ),
        detail_view(row, EN, search=EVIL),
        history_rows([row], ZH, search=EVIL),
        recent_view([row], EN),
        overview_view(overview, ZH, is_admin=True),
        model_chip(EVIL, is_demo=False, state="ok", words=ZH),
        demo_banner(DownloadState("failed", message=EVIL), ZH, is_admin=True),
        header_view(ZH.catalogue, "nodes"),
    ]


def test_nothing_that_a_person_wrote_becomes_markup() -> None:
    row = recognition(
        filename=EVIL,
        options=RecognitionOptions(hotwords=(EVIL,)),
        transcript=Transcript((Segment(0, 9, EVIL, EVIL),), "zh", (EVIL,)),
        node=EVIL,
        model=EVIL,
        fingerprint=EVIL,
    )
    for html in every_view_of(row):
        tags = parsed(html)
        assert "img" not in tags.tags and "script" not in tags.tags
        assert not {name for name in tags.attributes if name.startswith("on")}


def test_the_badge_names_the_outcome_its_age_and_its_time() -> None:
    hit = recognition(cache=CacheOutcome.HIT, elapsed_ms=3, cached_at=NOW - timedelta(days=3))
    assert "缓存命中 · 3 天前 · 3 毫秒" in cache_badge(hit, ZH, now=NOW)
    fresh = recognition(cache=CacheOutcome.HIT, elapsed_ms=3, cached_at=NOW - timedelta(seconds=20))
    assert "缓存命中 · 3 毫秒" in cache_badge(fresh, ZH, now=NOW)
    assert "新识别 · 2.4 秒" in cache_badge(recognition(), ZH)
    assert "From cache · 3 d ago · 3 ms" in cache_badge(hit, EN, now=NOW)
    assert "Shared result" in cache_badge(recognition(cache=CacheOutcome.SHARED), EN)
    assert cache_badge(recognition(cache=None), ZH) == ""


@pytest.mark.parametrize(
    ("progress", "text"),
    [
        (Progress(Stage.QUEUED, ahead=3, expected_wait_seconds=20.2), "排队：前面 3 个 · 约 20 秒"),
        (Progress(Stage.RECOGNISING, segment=12, of=40, remaining_seconds=15), "识别中 12/40 段 · 剩 15 秒"),
        (Progress(Stage.RECOGNISING, segment=12, of=40, parts=6, parts_done=1), "识别中 12/40 段 · 1/6 份完成"),
        (Progress(Stage.RECOGNISING), "识别中…"),
        (Progress(Stage.WAITING_MODEL), "模型加载中…"),
        (Progress(Stage.WAITING_NODE), "没有可用节点，正在等待…"),
        (Progress(Stage.NODES_DRAINING), "所有节点都在排空，不接新任务；恢复任何一个后自动继续…"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_the_status_line_says_what_happens(progress: Progress, text: str) -> None:
    assert status_text(progress, ZH) == text


@pytest.mark.parametrize(
    ("doubt", "zh", "en"),
    [
        ("no_speech", "存疑：这里没有说话的声音", "Suspect: there is no sound of speech here"),
        ("only_hotwords", "存疑：只有热词，没有别的话", "Suspect: hotwords and nothing else"),
        ("repetition", "存疑：同样的话反复出现", "Suspect: the same words over and over"),
        ("cut_off", "存疑：文字与声音的长短不符", "Suspect: the text does not fit the length of the sound"),
    ],
)
def test_a_suspect_line_says_why_while_the_work_runs_and_after(doubt, zh: str, en: str) -> None:
    segments = (Segment(0, 900, "打开空调", "打开空调"), Segment(900, 2_000, "空调", "空调", suspect=doubt))
    row = recognition(transcript=Transcript(segments, "zh", ("suspect",)))
    running = replace(row, progress=Progress(Stage.RECOGNISING, segment=2, of=2, segments=segments))
    for words, text in ((ZH, zh), (EN, en)):
        for html in (result_view(row, words), progress_view(running, words)):
            assert html.count(text) == html.count('class="asr-suspect"') == html.count(words("suspect_title")) == 1
            parsed(html)
        assert words("warning_suspect") in result_view(row, words)
    assert "asr-suspect" not in result_view(recognition(), ZH)


def test_a_result_offers_both_tracks_and_lines_that_seek() -> None:
    html = result_view(recognition(), ZH)
    assert 'data-track="written"' in html and "今天是2025年" in html and "今天是二零二五年" in html
    assert 'data-start="2000" data-end="4500"' in html and "data-seek" in html
    assert "21× 实时" in html and "9f3ab77c01d2" in html and "9f3ab77c01d2e" not in html
    assert html.count("data-export=") == 4 and "演示结果" in html
    spoken = result_view(recognition(options=RecognitionOptions(itn=False)), ZH)
    assert '<section class="asr-result" data-id="0192f0c1-0000-7000-8000-000000000001" data-track="spoken"' in spoken


def test_a_spoken_track_that_was_not_made_can_be_asked_for() -> None:
    written_only = recognition(transcript=Transcript((Segment(0, 9, None, "2025年"),), "zh"))
    assert result_view(written_only, ZH).count('data-event="spoken"') == 2
    assert 'data-event="spoken"' not in result_view(recognition(), ZH)


def test_silence_is_told_once_and_without_tracks() -> None:
    html = result_view(recognition(transcript=Transcript((), "auto", ("silent", "no_speech"))), ZH)
    assert "全部为静音" in html and "没有听到说话" not in html and "asr-switch" not in html


def test_a_failure_has_its_sentence_its_reference_and_a_way_on() -> None:
    failed = recognition(status=Status.FAILED, error={"code": "no_node_available", "message": "", "details": {}})
    html = result_view(failed, ZH)
    assert "没有可用的识别节点" in html and failed.id in html and 'data-event="again"' in html
    hopeless = replace(failed, error={"code": "bad_audio", "details": {"reason": "empty"}})
    assert "0 字节" in result_view(hopeless, ZH) and 'data-event="again"' not in result_view(hopeless, ZH)
    known = replace(hopeless, transcript=Transcript(), cache=CacheOutcome.HIT, cached_at=NOW - timedelta(days=3))
    assert "缓存命中" in result_view(known, ZH) and "From cache" in result_view(known, EN)


def test_without_its_recording_a_result_has_no_player() -> None:
    html = result_view(recognition(audio_key=None), ZH)
    assert "asr-player" not in html and "录音已删除" in html and 'data-event="again"' not in html


def test_a_search_marks_its_matches_and_shows_their_surroundings() -> None:
    assert marked("A&B a&b", "a&b") == "<mark>A&amp;B</mark> <mark>a&amp;b</mark>"
    assert marked("甲 a 乙", "乙 甲") == "<mark>甲</mark> a <mark>乙</mark>"
    assert marked("<b>", "") == "&lt;b&gt;"
    assert snippet("一" * 100 + "空调" + "二" * 100, "空调").count("空调") == 1
    # A telephone's line holds about ten Chinese letters: what was found is among the first of them.
    assert snippet("一" * 100 + "空调", "空调") == "…" + "一" * 4 + "空调"
    assert snippet("一" * 10 + "空调", "空调") == "…" + "一" * 4 + "空调"
    assert snippet("x" * 100 + "air", "air") == "…" + "x" * 8 + "air"
    assert snippet("请打开空调", "空调") == "请打开空调"
    assert "<mark>空调</mark>" in history_rows([recognition()], ZH, search="空调")
    assert 'data-found><button type="button" class="asr-clock"' in result_view(recognition(), ZH, search="空调")


def test_an_empty_history_leads_to_the_first_page() -> None:
    assert 'href="./"' in empty_view(ZH, filtered=False) and "去识别" in empty_view(ZH, filtered=False)
    assert "去识别" not in empty_view(ZH, filtered=True)


def node(name: str, availability: Availability, **changes) -> NodeStatus:
    report = NodeReport(Health.READY, "demo", "f" * 40, device="cpu", slots=2)
    return replace(NodeStatus(NodeIntent(f"http://{name}", name), availability, report, in_flight=1), **changes)


def overview(state, *nodes: NodeStatus, **changes) -> NodesOverview:
    return replace(NodesOverview(state, nodes, Waiting(0, None), None, 5 * 1024**3, "demo", True), **changes)


def test_the_nodes_page_says_first_what_matters() -> None:
    lost = node("二号", Availability.UNREACHABLE, last_seen_seconds_ago=30)
    good = node("local", Availability.READY)
    assert nodes_sentence(overview("ok", good), ZH) == "一切正常"
    assert nodes_sentence(overview("degraded", good, lost), ZH) == "二号失联，任务已转移，无需操作"
    assert "没有可用节点" in nodes_sentence(overview("down", lost), ZH)
    html = overview_view(overview("degraded", good, lost), ZH, is_admin=True)
    assert html.index("二号") < html.index("本机") and "30 秒前还有回应" in html


def test_only_administrators_see_the_cards() -> None:
    one = overview("ok", node("", Availability.READY), node("b", Availability.DRAINING, in_flight=0))
    seen, admin = overview_view(one, ZH, is_admin=False), overview_view(one, ZH, is_admin=True)
    assert "一切正常" in seen and "节点 1/2" in seen
    assert "http://" not in seen and "data-event" not in seen and "asr-card" not in seen
    assert 'data-event="drain"' in admin and "http://b" in admin and "1 号节点" in admin and "已排空" in admin


@pytest.mark.parametrize(
    ("words", "sign_in", "sign_out"), [(ZH, "管理员登录", "退出管理员"), (EN, "sign-in", "Sign out")]
)
def test_the_way_in_is_for_visitors_and_the_way_out_for_administrators(words: Words, sign_in, sign_out) -> None:
    visitor = admin_view(words, is_admin=False, has_token=True)
    assert sign_in in visitor and sign_out not in visitor and "<details " in visitor and " open" not in visitor
    assert 'type="password"' in visitor and 'method="post"' in visitor and "form" in parsed(visitor).tags
    admin = admin_view(words, is_admin=True, has_token=True)
    assert sign_out in admin and "data-admin-sign-out" in admin and "form" not in parsed(admin).tags


@pytest.mark.parametrize("is_admin", [False, True])
def test_without_a_token_there_is_nothing_to_sign_in_with(is_admin: bool) -> None:
    assert admin_view(ZH, is_admin=is_admin, has_token=False) == ""


def test_the_summary_counts() -> None:
    busy = overview("ok", node("a", Availability.BUSY, in_flight=2), waiting=Waiting(12, 40.0), hit_rate=0.314)
    assert summary_text(busy, ZH) == "节点 1/1 · 忙 2/2 · 排队 12（约 40 秒） · 命中率 31% · 磁盘剩余 5.4 GB"
    saved = replace(busy, saved_seconds=750.0)
    assert "命中率 31%（节省识别 12 分钟） · 磁盘" in summary_text(saved, ZH)
    assert "Cache hits 31% (recognition saved: 12 min)" in summary_text(saved, EN)


def test_the_banner_leads_to_the_real_model_for_those_who_may() -> None:
    idle = DownloadState("idle", total_bytes=2 * 1024**3)
    assert 'data-event="start_download"' in demo_banner(idle, ZH, is_admin=True)
    assert "2.1 GB" in demo_banner(idle, ZH, is_admin=True)
    assert "data-event" not in demo_banner(idle, ZH, is_admin=False)
    running = demo_banner(replace(idle, phase="running", done_bytes=1024**3), ZH, is_admin=True)
    assert "width:50.0%" in running and 'data-event="stop_download"' in running
    assert "继续下载" in demo_banner(replace(idle, phase="failed", done_bytes=1024**3), ZH, is_admin=True)
    assert "data-event" not in demo_banner(replace(idle, phase="unavailable"), ZH, is_admin=True)


def test_a_call_that_was_cancelled_early_says_which_side_has_no_text() -> None:
    left = replace(recognition().transcript.segments[0], channel=0)
    early = recognition(status=Status.CANCELLED, transcript=Transcript((left,), "zh"), labels={"channel1": "<王>"})
    assert "“&lt;王&gt;”那一侧还没有文字" in result_view(early, ZH)
    right = replace(left, channel=1)
    assert "no text of “Agent”" in result_view(replace(early, transcript=Transcript((right,), "zh")), EN)
    for other in (
        replace(early, transcript=Transcript((left, right), "zh")),
        replace(early, status=Status.FAILED),
        recognition(status=Status.CANCELLED),
    ):
        assert "那一侧" not in result_view(other, ZH)


def test_a_failed_download_says_why_in_the_readers_language_and_what_is_kept_only_where_something_is() -> None:
    failed = DownloadState("failed", total_bytes=2 * 1024**3, reason="hub_unreachable", message="ConnectError <1>")
    for words, said, kept in ((ZH, "连不上模型下载站", "会保留"), (EN, "cannot reach the model hub", "kept")):
        nothing, part = (
            demo_banner(replace(failed, done_bytes=done), words, is_admin=True) for done in (0, 300_000_000)
        )
        assert said in nothing and 'title="ConnectError &lt;1&gt;"' in nothing and ">ConnectError" not in nothing
        assert kept not in nothing and f"300 MB {'会' if words is ZH else 'that'}" in part
        assert 'data-event="dismiss_download"' in nothing and 'data-event="start_download"' in nothing
        visitors = demo_banner(failed, words, is_admin=False)
        assert said not in visitors and "data-event" not in visitors
    assert "（exit status 9）" in demo_banner(replace(failed, reason="", message="exit status 9"), ZH, is_admin=True)
    assert "dismiss" not in demo_banner(replace(failed, phase="idle"), ZH, is_admin=True)


def test_numbers_read_well() -> None:
    assert [duration_text(s, ZH) for s in (0.003, 2.44, 12, 300, 5 * 3600, 3 * 86400)] == [
        "3 毫秒",
        "2.4 秒",
        "12 秒",
        "5 分钟",
        "5 小时",
        "3 天",
    ]
    assert [clock(ms) for ms in (0, 12_900, 3_723_000)] == ["00:00", "00:12", "1:02:03"]
    assert [size_text(n) for n in (0, 1536, 999_600, 2_100_000_000)] == ["0 B", "1.5 kB", "1 MB", "2.1 GB"]
    assert age_text(NOW - timedelta(seconds=30), ZH, now=NOW) is None
    assert age_text(NOW - timedelta(hours=5), EN, now=NOW) == "5 h ago"


def test_what_ended_early_keeps_its_text_and_says_so() -> None:
    row = recognition(status=Status.CANCELLED, error={"code": "cancelled"}, audio=AudioInfo())
    html = result_view(row, EN)
    parsed(html)
    assert "Unfinished" in html and "The recognition was cancelled" in html and "2025" in html and "data-copy" in html
    assert html.count("data-export=") == 4
    written = replace(row, transcript=Transcript((Segment(0, 9, None, "2025"),)))
    assert 'data-track="both"' not in result_view(written, EN)
    assert "2025" in history_rows([row], EN)


def test_hits_in_a_row_are_one_line_of_the_last_five() -> None:
    hit = recognition(cache=CacheOutcome.HIT)
    other = replace(hit, filename="b.wav")
    html = recent_view([hit, hit, hit, other, hit, recognition(), recognition()], EN)
    assert html.count("<li>") == 5 and html.count("×3") == 1 and html.count("asr-times") == 1
    foreign = [replace(hit, **{name: "another"}) for name in ("user", "model", "fingerprint")]
    assert "asr-times" not in recent_view([hit, *foreign], EN)
    # The segments of a long recording are not looked at.
    assert "×2" in recent_view([hit, replace(hit, transcript=replace(hit.transcript, language="en"))], EN)
    assert recent_view([replace(hit, filename=f"{n}.wav") for n in range(9)], EN).count("<li>") == 5


def test_samples_that_are_not_there_are_not_offered(tmp_path) -> None:
    assert read_samples(tmp_path / "none") == ()
    (tmp_path / "a.wav").write_bytes(b"x")
    entry = '{"file": "%s", "title_zh": "示例", "title_en": "Sample", "hotwords": ["空调", "北京"], "language": "zh"}'
    (tmp_path / "samples.json").write_text(f"[{entry % 'a.wav'}, {entry % 'gone.wav'}]", encoding="utf-8")
    (sample,) = read_samples(tmp_path)
    assert sample.path.name == "a.wav" and sample.hotwords == "空调, 北京"


def test_lines_say_who_speaks_and_offer_another_name() -> None:
    call = Transcript((Segment(0, 900, "您好", "您好", 0), Segment(900, 1_800, "你好", "你好", 1)), "zh")
    html = result_view(recognition(transcript=call), ZH)
    assert html.count('data-event="rename"') == 2
    assert 'data-line="1" data-name="客户" data-usual="客户" data-count="1"' in html
    assert "坐席 ⇄ 客户" in html
    assert '<template data-text="written">坐席：您好\n客户：你好</template>' in html
    assert "language=zh" in html
    assert "Agent ⇄ Customer" in result_view(recognition(transcript=call), EN)
    assert "客户：你好" in history_rows([recognition(transcript=call)], ZH)


def test_one_voice_alone_has_no_name_and_no_swap() -> None:
    html = result_view(recognition(), ZH)
    assert "asr-who" not in html
    assert 'data-event="swap"' not in html
    talk = Transcript((Segment(0, 900, "您好", "您好", None, "1"), Segment(900, 1_800, "好", "好", None, "2")), "zh")
    html = result_view(recognition(transcript=talk), ZH)
    assert "说话人 2" in html
    assert 'data-event="swap"' not in html


@pytest.mark.parametrize("status", [Status.CANCELLED, Status.FAILED])
def test_an_unfinished_text_has_names_that_nobody_can_change(status: Status) -> None:
    talk = Transcript((Segment(0, 900, "您好", "您好", 0), Segment(900, 1_800, "好", "好", 1)), "zh")
    html = result_view(recognition(transcript=talk, status=status, labels={"channel1": "王"}), ZH)
    assert '<span class="asr-who">坐席</span>' in html and '<span class="asr-who">王</span>' in html
    assert 'data-event="rename"' not in html


def test_a_name_becomes_no_markup() -> None:
    talk = Transcript((Segment(0, 900, "您好", "您好", 0), Segment(900, 1_800, "好", "好", 1)), "zh")
    row = recognition(transcript=talk, labels={"channel0": EVIL, "channel1": EVIL})
    for html in (result_view(row, ZH), detail_view(row, EN), history_rows([row], ZH), recent_view([row], EN)):
        assert "<img" not in html
        assert "&lt;img" in html
        assert 'x onerror=alert(1)>"' not in html


def test_the_text_that_comes_has_the_names_from_before() -> None:
    call = (Segment(0, 900, "您好", "您好", 0), Segment(900, 1_800, "你好", "你好", 1))
    row = recognition(status=Status.RUNNING, progress=Progress(segments=call), labels={"channel1": "王"})
    html = progress_view(row, ZH)
    assert '<span class="asr-who">坐席</span>' in html and '<span class="asr-who">王</span>' in html
