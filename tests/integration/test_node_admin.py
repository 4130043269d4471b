"""What administrators do with nodes: on real nodes, and durable for every replica."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import pytest_asyncio

from cluster.members import Members
from cluster.pool import Pool
from domain.access import Visitor
from domain.errors import AccessDenied, InvalidInput, InvalidOptions, NodeUnreachable, NotFound, StorageUnavailable
from domain.membership import Announcement
from domain.node import Availability, NodeIntent, Origin
from services.node_admin import NodeAdmin
from settings import PROJECT
from storage.migrations import upgrade
from storage.models import SqlModelRegistry
from storage.nodes import SqlNodes
from storage.sql import Database, open_database
from tests.helpers.node_process import NodeProcess, NoObserver, fake_node

ADMIN, GUEST = Visitor("boss", is_admin=True), Visitor("guest")


class Said:
    """Announcements that a test makes."""

    def __init__(self) -> None:
        self.nodes: list[Announcement] = []

    async def all(self) -> list[Announcement]:
        return self.nodes


class Replica:
    """One web UI process's share of the matter."""

    def __init__(self, database: Database, *configured: NodeIntent) -> None:
        registry, store = SqlModelRegistry(database), SqlNodes(database)
        self.database = database
        self.pool = Pool((), token="secret", registry=registry, observer=NoObserver())
        self.said = Said()
        self.members = Members(configured, store, self.said, self.pool.take)
        self.admin = NodeAdmin(
            self.pool, store, registry, self.members.look, sample=PROJECT / "samples" / "numbers.flac"
        )

    def nodes(self) -> dict[str, NodeIntent]:
        return {status.intent.url: status.intent for status in self.pool.statuses()}

    async def stop(self) -> None:
        self.admin.close()
        await self.pool.stop()


@pytest.fixture(scope="module")
def node() -> Iterator[NodeProcess]:
    with fake_node(FAKE_TOKEN="secret") as running:
        yield running


@pytest.fixture(scope="module")
def other_node() -> Iterator[NodeProcess]:
    with fake_node(FAKE_TOKEN="secret") as running:
        yield running


@pytest.fixture
def database(tmp_path: Path) -> Database:
    url = f"sqlite:///{tmp_path / 'history.db'}"
    upgrade(url)
    return open_database(url)


@pytest_asyncio.fixture
async def replicas(database: Database, node: NodeProcess) -> AsyncIterator[tuple[Replica, Replica]]:
    found = Replica(database, NodeIntent(node.url, "甲")), Replica(database, NodeIntent(node.url, "甲"))
    for replica in found:
        await replica.members.look()
        await replica.pool.start()
        await replica.pool.refresh()
    yield found
    for replica in found:
        await replica.stop()
    database.close()


Replicas = tuple[Replica, Replica]


async def test_a_node_is_added_once_it_recognised_something(replicas: Replicas, other_node: NodeProcess) -> None:
    ours, theirs = replicas
    trial = await ours.admin.add(other_node.url, {"name": "乙", "weight": 2}, visitor=ADMIN)
    assert trial and trial.model == "demo" and trial.text == "你好"
    added = NodeIntent(other_node.url, "乙", 2.0, origin=Origin.ADDED)
    assert ours.nodes()[other_node.url] == added
    await theirs.members.look()
    assert theirs.nodes()[other_node.url] == added
    with pytest.raises(InvalidInput, match="already"):
        await ours.admin.add(other_node.url + "/", {}, visitor=ADMIN)


async def test_a_node_that_recognises_nothing_is_not_added(replicas: Replicas, other_node: NodeProcess) -> None:
    ours, _ = replicas
    with pytest.raises(NodeUnreachable):
        await ours.admin.add("http://127.0.0.1:9", {}, visitor=ADMIN)
    with pytest.raises(NodeUnreachable, match="token"):
        await ours.admin.add(other_node.url, {}, token="wrong", visitor=ADMIN)
    with pytest.raises(InvalidOptions):
        await ours.admin.add(other_node.url, {"weight": 0}, visitor=ADMIN)
    assert len(ours.nodes()) == 1
    assert await ours.admin.add("http://127.0.0.1:9", {}, visitor=ADMIN, try_first=False) is None
    assert "http://127.0.0.1:9" in ours.nodes()


async def test_what_is_said_of_a_node_counts_for_every_replica_and_after_a_start(
    replicas: Replicas, node: NodeProcess, database: Database
) -> None:
    ours, theirs = replicas
    await ours.admin.drain("甲", visitor=ADMIN)
    assert ours.pool.statuses()[0].availability is Availability.DRAINING
    await theirs.members.look()
    assert theirs.pool.statuses()[0].availability is Availability.DRAINING
    await theirs.admin.change(node.url, {"slots": 1, "backup": True}, visitor=ADMIN)
    await theirs.admin.resume("甲", visitor=ADMIN)
    started_later = Replica(database, NodeIntent(node.url, "甲", slots=2))
    await started_later.members.look()
    assert started_later.nodes()[node.url] == NodeIntent(node.url, "甲", slots=1, backup=True)
    await started_later.stop()


async def test_a_node_is_measured_with_as_many_as_it_takes(replicas: Replicas) -> None:
    ours, _ = replicas
    one, two = [await ours.admin.measure("甲", streams, visitor=ADMIN) for streams in (1, 2)]
    assert (one.streams, two.streams) == (1, 2)
    assert min(one.speed, two.speed) > 0 and not (one.refused or two.refused)
    with pytest.raises(InvalidOptions):
        await ours.admin.measure("甲", 9, visitor=ADMIN)


async def test_a_removed_node_stays_away_until_it_is_added_again(replicas: Replicas, node: NodeProcess) -> None:
    ours, theirs = replicas
    await ours.admin.change("甲", {"weight": 5}, visitor=ADMIN)
    await ours.admin.remove("甲", visitor=ADMIN)
    theirs.said.nodes = [Announcement(node.url, "甲")]
    await theirs.members.look()
    assert ours.nodes() == theirs.nodes() == {}
    with pytest.raises(NotFound):
        await ours.admin.resume("甲", visitor=ADMIN)
    await ours.admin.add(node.url, {}, visitor=ADMIN, try_first=False)
    assert ours.nodes()[node.url].weight == 1.0


async def test_a_promotion_lets_an_upgrade_proceed(replicas: Replicas, database: Database, node: NodeProcess) -> None:
    ours, _ = replicas
    registry = SqlModelRegistry(database)
    await registry.expect("demo", "the-old-one")
    await ours.pool.refresh()
    assert ours.pool.statuses()[0].availability is Availability.QUARANTINED
    await ours.admin.promote("甲", visitor=ADMIN)
    await ours.pool.refresh()
    assert ours.pool.statuses()[0].availability is Availability.READY
    [line, *_] = await ours.admin.log(visitor=ADMIN)
    assert (line.action, line.details["before"]) == ("promote", "the-old-one")


async def test_the_log_says_who_did_what_and_keeps_no_secret(replicas: Replicas) -> None:
    ours, theirs = replicas
    await ours.admin.add("http://127.0.0.1:9", {"name": "乙"}, token="hush", visitor=ADMIN, try_first=False)
    await theirs.members.look()
    await theirs.admin.change("乙", {"weight": 3, "name": "乙"}, visitor=Visitor("other", is_admin=True))
    await theirs.admin.change("乙", {"weight": "3", "backup": False}, visitor=ADMIN)
    lines = await theirs.admin.log(visitor=ADMIN)
    assert [(line.user, line.action, line.node) for line in lines] == [
        ("other", "change", "乙"),
        ("boss", "add", "http://127.0.0.1:9"),
    ]
    assert lines[0].details == {"weight": 3.0}
    assert "hush" not in str(lines)


async def test_ones_own_node_is_drained_for_as_long_as_it_lives_and_never_removed(replicas: Replicas) -> None:
    ours, _ = replicas
    await ours.pool.set_intent(NodeIntent("http://127.0.0.1:9", "local", origin=Origin.OWN))
    await ours.admin.drain("local", visitor=ADMIN)
    await ours.members.look()
    assert ours.nodes()["http://127.0.0.1:9"].drain
    with pytest.raises(InvalidInput, match="own node"):
        await ours.admin.remove("local", visitor=ADMIN)


async def test_two_of_one_name_are_told_apart_by_address(replicas: Replicas, node: NodeProcess) -> None:
    ours, _ = replicas
    await ours.admin.add("http://127.0.0.1:9", {"name": "甲"}, visitor=ADMIN, try_first=False)
    with pytest.raises(InvalidInput, match="2 nodes"):
        await ours.admin.drain("甲", visitor=ADMIN)
    await ours.admin.drain(node.url, visitor=ADMIN)
    assert [intent.drain for intent in ours.nodes().values()] == [True, False]


@pytest.mark.parametrize("action", ["drain", "resume", "remove", "promote", "test"])
async def test_who_is_no_administrator_changes_nothing(replicas: Replicas, action: str) -> None:
    ours, _ = replicas
    with pytest.raises(AccessDenied):
        await getattr(ours.admin, action)("甲", visitor=GUEST)
    with pytest.raises(AccessDenied):
        await ours.admin.add("http://127.0.0.1:9", {}, visitor=GUEST)
    with pytest.raises(AccessDenied):
        await ours.admin.change("甲", {"weight": 2}, visitor=GUEST)
    with pytest.raises(AccessDenied):
        await ours.admin.log(visitor=GUEST)


async def test_without_the_database_the_nodes_stay_as_they_are(
    replicas: Replicas, monkeypatch: pytest.MonkeyPatch
) -> None:
    ours, _ = replicas
    await ours.admin.change("甲", {"weight": 4}, visitor=ADMIN)

    async def away() -> None:
        raise StorageUnavailable

    monkeypatch.setattr(ours.members._store, "rows", away)
    await ours.members.look()
    assert [intent.weight for intent in ours.nodes().values()] == [4.0]
    # One that never knew what was said of its nodes gives them no work: one may have been removed.
    started_now = Replica(ours.database, NodeIntent("http://127.0.0.1:9"))
    monkeypatch.setattr(started_now.members._store, "rows", away)
    await started_now.members.look()
    assert started_now.nodes() == {}
    await started_now.stop()
