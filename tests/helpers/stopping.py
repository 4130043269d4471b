"""Stopping work that runs in a thread, at a point that is known."""

import threading
from collections.abc import Callable
from types import TracebackType
from typing import Self


class SetFromAnotherThread(threading.Event):
    """An event that a second thread sets when the work asks for it at its ``packet``-th packet.

    ``before`` is called just before; ``packets`` says how often the work has asked.
    """

    def __init__(self, packet: int, before: Callable[[], None] = lambda: None) -> None:
        super().__init__()
        self.packets = 0
        self._packet = packet
        self._before = before
        self._reached = threading.Event()
        self._thread = threading.Thread(target=self._set_when_reached)

    def is_set(self) -> bool:
        """Whether the work has to end; called by it once per packet."""
        self.packets += 1
        if self.packets == self._packet:
            self._before()
            self._reached.set()
            assert self.wait(30)
        return super().is_set()

    def _set_when_reached(self) -> None:
        if self._reached.wait(30):
            self.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._reached.set()
        self._thread.join()
