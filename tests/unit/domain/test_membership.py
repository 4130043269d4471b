"""Three sources of nodes, one cluster."""

from typing import Any

import pytest

from domain.errors import InvalidOptions
from domain.membership import Announcement, Membership, StoredNode, checked_fields, checked_url, members
from domain.node import NodeIntent, Origin

A, B, C = "http://a:1", "http://b:1", "http://c:1"


def test_they_merge_by_address_and_keep_their_order() -> None:
    configured = [NodeIntent(A, "甲", 3.0, slots=2), NodeIntent(A, "twice")]
    stored = [StoredNode(B, Membership.ADDED, name="乙"), StoredNode(C)]
    announced = [Announcement(A, "self"), Announcement(C, "丙")]
    assert members(configured, stored, announced) == [
        NodeIntent(A, "甲", 3.0, slots=2, origin=Origin.CONFIGURED),
        NodeIntent(B, "乙", origin=Origin.ADDED),
        NodeIntent(C, "丙", origin=Origin.ANNOUNCED),
    ]


def test_what_an_administrator_said_wins_and_what_was_not_said_stays() -> None:
    said = StoredNode(A, weight=1.5, drain=True, token="secret")
    [node] = members([NodeIntent(A, "甲", 3.0, slots=2, backup=True)], [said], [])
    assert node == NodeIntent(A, "甲", 1.5, slots=2, backup=True, drain=True, token="secret")
    assert "secret" not in repr(node) + repr(said)
    [node] = members([NodeIntent(A, backup=True)], [StoredNode(A, backup=False)], [])
    assert not node.backup


def test_a_removed_node_stays_away_whoever_names_it() -> None:
    removed = [StoredNode(A, Membership.REMOVED), StoredNode(B, Membership.REMOVED)]
    assert members([NodeIntent(A)], removed, [Announcement(B)]) == []


def test_something_said_of_a_node_alone_makes_it_no_member() -> None:
    assert members([], [StoredNode(A, drain=True)], []) == []


@pytest.mark.parametrize(
    "url",
    [
        "",
        "10.0.0.5:7861",
        "ftp://a",
        "http://",
        "http://a:b",
        "http://a:99999",
        "http://user:pass@a",
        "http://a/?x=1",
        "http://a b",
        "http://[::1",
        "http://a/" + "x" * 500,
    ],
)
def test_what_is_no_address_is_refused(url: str) -> None:
    with pytest.raises(InvalidOptions, match="an address such as"):
        checked_url(url)


def test_addresses_are_compared_without_their_last_stroke() -> None:
    assert checked_url(" https://host:8443/gpu/ ") == "https://host:8443/gpu"
    same = {checked_url(url) for url in ("http://gpu1", "HTTP://GPU1:80/", "http://Gpu1:80")}
    assert same == {"http://gpu1"}
    assert checked_url("http://[::1]:7861/") == "http://[::1]:7861"


def test_fields_are_read_as_forms_and_json_give_them() -> None:
    given = {"name": "  2  号 ", "weight": "1.5", "slots": "", "backup": "on"}
    assert checked_fields(given) == {"name": "2 号", "weight": 1.5, "slots": None, "backup": True}


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({"weight": 0}, "weight"),
        ({"weight": "nan"}, "weight"),
        ({"weight": None}, "weight"),
        ({"weight": 1001}, "weight"),
        ({"slots": 0}, "slots"),
        ({"slots": "many"}, "slots"),
        ({"slots": 257}, "slots"),
        ({"backup": "perhaps"}, "backup"),
        ({"name": "x" * 81}, "name"),
        ({"drain": True}, "drain"),
    ],
)
def test_what_cannot_be_said_names_its_field(given: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidOptions) as caught:
        checked_fields(given)
    assert caught.value.details["field"] == field


def test_an_announcement_comes_back() -> None:
    node = Announcement(A, "甲")
    assert Announcement.from_json(node.to_json()) == node
    with pytest.raises(InvalidOptions):
        Announcement.from_json({**node.to_json(), "url": "file:///etc"})
