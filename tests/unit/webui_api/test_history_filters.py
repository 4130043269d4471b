"""The filters of the history over HTTP: the same for the list and for an export."""

from pathlib import Path

import pytest

from domain.access import Visitor
from domain.errors import InvalidOptions
from domain.history import HistoryQuery
from domain.recognition import CacheOutcome, Source, Status
from services.history import history_query
from tests.helpers.web_api import WebApi, a_row
from webui.api.fields import Fields
from webui.api.history_filters import FILTER_FIELDS, filters_from

GIVEN = [
    ("text", "退款"),
    ("status", "succeeded,failed"),
    ("source", "api"),
    ("source", "WEB"),
    ("cache", "hit,shared"),
    ("node", "一号, 东"),
    ("node", "it's two"),
    ("model", "nano"),
    ("heard", "zh,English"),
    ("speaker", "王经理"),
    ("hold", "true"),
]
WANTED = HistoryQuery(
    "ann",
    "退款",
    (Status.SUCCEEDED, Status.FAILED),
    (Source.API, Source.WEB),
    (CacheOutcome.HIT, CacheOutcome.SHARED),
    ("一号, 东", "it's two"),
    ("nano",),
    ("zh", "en"),
    "王经理",
    held=True,
)


def asked(*pairs: tuple[str, object]) -> HistoryQuery:
    return history_query(visitor=Visitor("ann"), **filters_from(Fields(pairs)))


def test_each_filter_reaches_the_query() -> None:
    assert asked(*GIVEN) == WANTED
    assert {name for name, _ in GIVEN} | {"since", "until"} == set(FILTER_FIELDS)


def test_nothing_given_and_given_twice() -> None:
    assert asked(*((name, "") for name in FILTER_FIELDS)) == HistoryQuery("ann")
    assert asked(("source", "api,api"), ("node", "a"), ("node", "a ")) == HistoryQuery(
        "ann", sources=(Source.API,), nodes=("a",)
    )


def test_what_is_held_can_be_asked_for_or_left_out() -> None:
    assert asked(("hold", "1")).held is True and asked(("hold", "no")).held is False
    with pytest.raises(InvalidOptions, match="hold is 'perhaps'"):
        asked(("hold", "perhaps"))


def test_what_no_database_takes_does_not_reach_it() -> None:
    assert asked(("node", "a\0b"), ("model", "\ud800"), ("speaker", "王\0")) == HistoryQuery(
        "ann", nodes=("ab",), speaker="王"
    )


@pytest.mark.parametrize("name", ["status", "source", "cache"])
def test_an_unknown_word_is_refused_with_those_that_are_known(name: str) -> None:
    with pytest.raises(InvalidOptions, match="'fax'") as refused:
        asked((name, "fax"))
    assert refused.value.details["field"] == name
    assert {"status": "queued, running", "source": "web, api, cli", "cache": "miss, hit, shared"}[name] in str(
        refused.value
    )


@pytest.mark.parametrize("value", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "tomorrow"])
def test_a_time_that_no_calendar_has_is_refused(value: str) -> None:
    with pytest.raises(InvalidOptions, match="since is not a time such as"):
        asked(("since", value))


def test_too_many_values_and_what_is_no_text_are_refused() -> None:
    for pairs in ([("node", str(n)) for n in range(101)], [("node", 7)]):
        with pytest.raises(InvalidOptions) as refused:
            asked(*pairs)
        assert refused.value.details["field"] == "node"


async def test_the_list_and_an_export_take_them_all(tmp_path: Path) -> None:
    api = WebApi(tmp_path)
    api.store.rows = [a_row()]
    async with api.client() as client:
        listed = await client.get("/v1/recognitions", params=[*GIVEN])
        exported = await client.get("/v1/recognitions/export", params=[*GIVEN, ("format", "csv"), ("language", "en")])
    assert (listed.status_code, exported.status_code) == (200, 200)
    assert api.history.asked["sources"] == [Source.API, Source.WEB] and api.history.asked["languages"] == ["zh", "en"]
    [query] = api.store.asked
    assert (query.caches, query.nodes, query.speaker) == (WANTED.caches, WANTED.nodes, WANTED.speaker)
