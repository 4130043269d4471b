"""今天 and 7 天 begin at the reader's own midnight."""

from datetime import UTC, datetime

from webui.pages.history_events import since

#: 01:30 on 6 March in Shanghai (JavaScript calls its offset -480), still 5 March in London.
NOW = datetime(2026, 3, 5, 17, 30, tzinfo=UTC)


def test_today_begins_where_the_reader_is() -> None:
    assert since("today", "-480", NOW) == datetime(2026, 3, 5, 16, tzinfo=UTC)
    assert since("today", "0", NOW) == datetime(2026, 3, 5, tzinfo=UTC)


def test_seven_days_count_today() -> None:
    assert since("week", "-480", NOW) == datetime(2026, 2, 27, 16, tzinfo=UTC)


def test_no_filter_and_a_garbled_zone() -> None:
    assert since("any", "-480", NOW) is None
    assert since("today", "<script>", NOW) == datetime(2026, 3, 5, tzinfo=UTC)
