"""Nodes by a name that means the same on every machine."""

import socket
from urllib.parse import urlsplit


class Places:
    """A node's place is its URL; that of a loopback address ends with the machine which alone reaches it there."""

    def __init__(self, machine: str = "") -> None:
        self._mark = f"#{machine or socket.gethostname()}"

    def of(self, url: str) -> str:
        """Where the node is."""
        host = urlsplit(url).hostname or ""
        return url + self._mark if host in ("localhost", "::1") or host.startswith("127.") else url

    def url(self, place: str) -> str:
        """How the node is reached from here; of another machine's own node, its place."""
        return place.removesuffix(self._mark)
