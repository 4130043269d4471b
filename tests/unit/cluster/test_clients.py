"""The pooled links of a node, with a stand-in for the link: who gets which, and which are closed."""

import ssl
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import pytest

from cluster import clients
from cluster.clients import NodeClients


class StandIn:
    """Knows whether it was closed."""

    def __init__(self, url: str, app_id: str, token: str, tls: ssl.SSLContext) -> None:
        self.app_id = app_id
        self.is_closed = False

    def close(self) -> None:
        self.is_closed = True


@pytest.fixture
def node(monkeypatch: pytest.MonkeyPatch) -> Iterator[NodeClients]:
    monkeypatch.setattr(clients, "Link", StandIn)

    async def app_id(_: str) -> str:
        return "app-1"

    with ThreadPoolExecutor(1) as executor:
        yield NodeClients("http://127.0.0.1:9", "", executor, app_id, ssl.create_default_context())


async def test_a_link_is_used_again_after_a_call_that_went_well(node: NodeClients) -> None:
    async with node.link() as first:
        pass
    async with node.link() as second:
        assert second is first
    with pytest.raises(LookupError):
        async with node.link():
            raise LookupError
    assert first.is_closed
    async with node.link() as third:
        assert third is not first


async def test_a_link_that_comes_back_after_closing_is_closed(node: NodeClients) -> None:
    async with node.link() as idle, node.link() as late:
        async with node.link() as spare:
            pass
        node.close()
        assert spare.is_closed
        assert not late.is_closed
    assert idle.is_closed
    assert late.is_closed
