"""How long a connection is waited for."""

import os
import time
from typing import Any

import psycopg2
import pytest
from psycopg2 import extensions

from storage import postgres


class Changing:
    """A connection that gets another socket while it connects, and then hears nothing."""

    def __init__(self) -> None:
        self.polls = 0
        self.pipes = [os.pipe(), os.pipe()]

    def poll(self) -> int:
        self.polls += 1
        assert self.polls < 100, "it waits for nothing"
        if self.polls == 1:
            os.write(self.pipes[0][1], b"x")
        if self.polls == 2:
            for end in self.pipes[0]:
                os.close(end)
        return extensions.POLL_READ

    def fileno(self) -> int:
        return self.pipes[min(self.polls, 2) - 1][0]


def test_a_socket_that_is_replaced_while_connecting_is_let_go_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres, "SILENCE_SECONDS", 0.2)
    connection: Any = Changing()
    began = time.monotonic()
    with pytest.raises(psycopg2.OperationalError, match="no answer"):
        postgres._wait(connection)
    assert connection.polls == 2
    assert time.monotonic() - began >= 0.2
    for end in connection.pipes[1]:
        os.close(end)
