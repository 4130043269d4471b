"""The pooled clients of one node: one per job in flight, used again only after a call that went well."""

import asyncio
import ssl
from collections.abc import AsyncGenerator, Awaitable, Callable
from concurrent.futures import Executor
from contextlib import asynccontextmanager

from cluster.gradio_link import LINK_ERRORS, Link, translated
from domain.errors import NodeUnreachable


class NodeClients:
    """Hands out exclusive links to one node.

    ``app_id`` asks the node for its Gradio app's id: a link from before a restart would call the wrong function.
    """

    def __init__(
        self,
        url: str,
        token: str,
        executor: Executor,
        app_id: Callable[[str], Awaitable[str]],
        tls: ssl.SSLContext,
    ) -> None:
        self.url = url
        self._token = token
        self._executor = executor
        self._app_id = app_id
        self._tls = tls
        self._idle: list[Link] = []
        self._closed = False

    @asynccontextmanager
    async def link(self) -> AsyncGenerator[Link]:
        """An exclusive link; closed and forgotten if the block raises. Raises ``NodeUnreachable``."""
        link = await self._take()
        try:
            yield link
        except BaseException:
            link.close()
            raise
        if self._closed:
            link.close()
        else:
            self._idle.append(link)

    def close(self) -> None:
        """Closes every idle link now, and each that is in use when its call ends."""
        self._closed = True
        while self._idle:
            self._idle.pop().close()

    async def _take(self) -> Link:
        try:
            app_id = await self._app_id(self.url)
            while self._idle:
                link = self._idle.pop()
                if link.app_id == app_id:
                    return link
                link.close()
            return await asyncio.get_running_loop().run_in_executor(self._executor, self._build, app_id)
        except LINK_ERRORS as error:
            failure = translated(error)
            raise failure if isinstance(failure, NodeUnreachable) else NodeUnreachable(str(error)) from error

    def _build(self, app_id: str) -> Link:
        return Link(self.url, app_id, self._token, self._tls)
