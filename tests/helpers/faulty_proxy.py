"""A TCP proxy before a real server, for what networks and servers do when they break.

It runs in a thread of its own, so that tests with and without an event loop may use it.
"""

import asyncio
import socket
import threading
from collections.abc import Callable, Coroutine, Iterator
from contextlib import contextmanager, suppress
from typing import Any

_READ_BYTES = 65_536


class FaultyProxy:
    """Passes everything on to ``127.0.0.1:target_port`` until it is told otherwise; what is open changes, too."""

    def __init__(self, target_port: int) -> None:
        self.target_port = target_port
        self.port = 0
        #: Connections that were taken, and pieces of data that came from the program, so far.
        self.connections = 0
        self.requests = 0
        self._delay_seconds = 0.0
        self._swallows = False
        self._bytes_until_cut: int | None = None
        self._server: asyncio.Server | None = None
        self._open: set[asyncio.Task[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="faulty proxy", daemon=True)

    def start(self) -> "FaultyProxy":
        """Listens on a free port."""
        self._thread.start()
        self._do(self._listen())
        return self

    def stop(self) -> None:
        """Closes everything."""
        self._do(self._refuse())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    def heal(self) -> None:
        """Passes everything on again. (What was swallowed or cut stays lost.)"""
        self._delay_seconds, self._swallows, self._bytes_until_cut = 0.0, False, None
        self._do(self._listen())

    def refuse(self) -> None:
        """Nobody listens, and what was open is closed."""
        self._do(self._refuse())

    def delay(self, seconds: float) -> None:
        """Each piece of an answer comes so much later."""
        self._delay_seconds = seconds

    def blackhole(self) -> None:
        """Connections are taken, and nothing ever comes back."""
        self._swallows = True

    def cut(self, after_bytes: int) -> None:
        """Closes each connection after so many bytes of answers, counted from now over all of them."""
        self._bytes_until_cut = after_bytes

    async def _listen(self) -> None:
        if self._server is None:
            listener = socket.create_server(("127.0.0.1", self.port))
            self.port = listener.getsockname()[1]
            self._server = await asyncio.start_server(self._serve, sock=listener)

    async def _refuse(self) -> None:
        if self._server:
            self._server.close()
            self._server = None
        for task in list(self._open):
            task.cancel()
        await asyncio.gather(*self._open, return_exceptions=True)

    async def _serve(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.current_task()
        assert task
        self._open.add(task)
        to_server: asyncio.StreamWriter | None = None
        try:
            server, to_server = await asyncio.open_connection("127.0.0.1", self.target_port)
            ways = [
                asyncio.create_task(self._requests(client, to_server)),
                asyncio.create_task(self._answers(server, to_client)),
            ]
            try:
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
            finally:
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
        except OSError:
            pass  # the server is away: the client sees its connection end
        except asyncio.CancelledError:
            pass  # refused; asyncio's own callback would report it
        finally:
            self._open.discard(task)
            for writer in (to_client, to_server):
                if writer:
                    writer.transport.abort()

    async def _requests(self, client: asyncio.StreamReader, to_server: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await client.read(_READ_BYTES):
                self.requests += 1
                if not self._swallows:
                    to_server.write(data)
                    await to_server.drain()

    async def _answers(self, server: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await server.read(_READ_BYTES):
                if self._delay_seconds:
                    await asyncio.sleep(self._delay_seconds)
                if self._swallows:
                    continue
                if self._bytes_until_cut is not None:
                    passed = data[: self._bytes_until_cut]
                    self._bytes_until_cut -= len(passed)
                    to_client.write(passed)
                    if len(passed) < len(data):
                        # Without this the last bytes would go down with the connection.
                        await asyncio.sleep(0.02)
                        return
                else:
                    to_client.write(data)
                await to_client.drain()

    def _do(self, work: Coroutine[Any, Any, None]) -> None:
        asyncio.run_coroutine_threadsafe(work, self._loop).result(10)


@contextmanager
def faulty_proxy(target_port: int) -> Iterator[FaultyProxy]:
    """Before a server on this machine; closed afterwards."""
    proxy = FaultyProxy(target_port).start()
    try:
        yield proxy
    finally:
        proxy.stop()


def faults(*, cut_after_bytes: int) -> dict[str, Callable[[FaultyProxy], None]]:
    """What may happen to a server that was well: by its name, how the proxy does it."""
    return {
        "refuse": FaultyProxy.refuse,
        "cut in the middle of an answer": lambda proxy: proxy.cut(cut_after_bytes),
        "late": lambda proxy: proxy.delay(2.0),
        "blackhole": FaultyProxy.blackhole,
    }
