"""The only importer of ``gradio_client``: one client, one call, one result, with the library's traps closed.

A ``Link`` is one session with one node and carries one call at a time (a cancelled call would kill its siblings).
"""

# pyright: reportMissingTypeStubs=false

import json
import logging
import ssl
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import CancelledError as CallCancelled
from pathlib import Path
from typing import Any, cast

import httpx
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError, AuthenticationError
from gradio_client.utils import QueueError

from domain.errors import (
    FingerprintMismatch,
    InvalidInput,
    NodeBusy,
    NodeUnreachable,
    RecognitionFailed,
    SpeechError,
    error_from_code,
)
from domain.node import TOKEN_HEADER

_log = logging.getLogger(__name__)
#: The read timeout is also that of the event stream, whose heartbeat comes every 15 s.
_TIMEOUT = httpx.Timeout(5.0, read=30.0)
#: How the library puts it that an app failed without a word for its visitors, as one does by an unforeseen error.
_CRASHED = "The upstream Gradio app has raised an exception"
#: What a node may say by code; anything else is a lie or a fault of the node.
_NODE_ERRORS = (NodeBusy, RecognitionFailed, InvalidInput, FingerprintMismatch)


class _QuietClient(Client):
    """The library's client without its telemetry, which ``analytics_enabled=False`` alone does not stop."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        self._over = threading.Event()
        super().__init__(*arguments, **named)

    def _telemetry_thread(self) -> None:
        return

    def stream_messages(self, protocol: Any, session_hash: str) -> None:
        """Reads the stream in a thread of its own, so that :meth:`close` ends a call which nobody can stop.

        The interpreter waits for the library's threads before it ends: an app that works for an hour would hold it.
        """
        stream, over = super().stream_messages, threading.Event()
        self._over = over

        def read() -> None:
            try:
                stream(protocol, session_hash)
            except BaseException as error:
                # The library looks at nothing but the end: the call ends as one whose stream broke.
                _log.debug("the stream of %s broke: %r", self.src, error)
            finally:
                over.set()

        threading.Thread(target=read, name="node-stream", daemon=True).start()
        if not self._kill_heartbeat.is_set():  # it was closed meanwhile
            over.wait()

    def close(self) -> None:
        """Ends its threads without waiting for the heartbeat, which notices only at its next beat."""
        self._kill_heartbeat.set()
        # After that: a stream that begins at this moment sees one or the other.
        self._over.set()
        for executor in (self.executor, self.helper_executor, self.stream_executor):
            executor.shutdown(wait=False)


class Call:
    """One call under way. Nothing here blocks."""

    def __init__(self, job: Any) -> None:
        self._job = job

    def outputs(self) -> Sequence[object]:
        """What the endpoint has yielded so far."""
        return cast("list[object]", self._job.outputs())

    def when_done(self, callback: Callable[[], None]) -> None:
        """Calls ``callback`` once, from another thread, when the call ends."""

        def tell(_: object) -> None:
            callback()

        self._job.future.add_done_callback(tell)

    def result(self) -> object:
        """The last output of a call that has ended. Raises what the library raised: see :func:`translated`."""
        return self._job.future.result(timeout=0)


class Link:
    """One exclusive client of one node. Building it blocks for two small requests."""

    def __init__(self, url: str, app_id: str, token: str, tls: ssl.SSLContext) -> None:
        self.app_id = app_id
        self._client: Any = _QuietClient(
            url,
            # Without this the library sends the machine's Hugging Face token to the node.
            token=cast("str", False),
            max_workers=2,
            verbose=False,
            # A dict of its own: the library takes keys out of it. No proxy between us and a node.
            httpx_kwargs={"timeout": _TIMEOUT, "trust_env": False},
            headers={TOKEN_HEADER: token} if token else {},
            download_files=False,
            # Verifying would build an SSL context per request even for plain http.
            ssl_verify=cast("bool", tls) if url.startswith("https://") else False,
            analytics_enabled=False,
        )

    def call(self, endpoint: str, *arguments: object) -> Call:
        """Starts a call; a ``Path`` among the arguments is uploaded. Raises ``ValueError`` where it has no endpoint."""
        sent: list[Any] = [handle_file(item) if isinstance(item, Path) else item for item in arguments]
        return Call(self._client.submit(*sent, api_name=endpoint))

    def close(self) -> None:
        """Ends its session and threads, and a call under way as one whose stream broke; does not block."""
        self._client.close()


#: Everything that the library and its transport are known to raise (FACTS).
LINK_ERRORS: tuple[type[BaseException], ...] = (
    AppError,
    CallCancelled,
    QueueError,
    httpx.HTTPError,
    httpx.InvalidURL,
    ssl.SSLError,
    OSError,
    KeyError,
    TypeError,
    ValueError,
)


def translated(error: BaseException) -> SpeechError:
    """What a failure of the library means."""
    if isinstance(error, SpeechError):
        return error
    if isinstance(error, AppError):
        return _said_by_node(str(cast("Any", error).title), str(cast("Any", error).message))
    if isinstance(error, QueueError):
        return NodeBusy("the node's queue is full", reason="queue_full")
    if isinstance(error, AuthenticationError) or _is_refusal(error):
        return NodeUnreachable("the node refuses this server's token", reason="token")
    if isinstance(error, httpx.ConnectError):
        return NodeUnreachable("the node does not accept connections", reason="refused")
    if isinstance(error, CallCancelled):
        return NodeUnreachable("the connection to the node broke while it worked", reason="broken")
    if isinstance(error, (httpx.HTTPError, OSError)):
        return NodeUnreachable(f"the connection to the node failed ({type(error).__name__})", reason="broken")
    return NodeUnreachable(f"the node's answer makes no sense ({error})", reason="garbage")


def translated_of_app(error: BaseException) -> SpeechError:
    """As :func:`translated`, of an app that knows nothing of our codes: whatever its error says is no code."""
    if not isinstance(error, AppError):
        return translated(error)
    said = str(cast("Any", error).message).strip()
    if said.startswith(_CRASHED):
        return NodeUnreachable("the app failed and does not say why", reason="garbage")
    return RecognitionFailed(f"the app says: {said[:300]}", reason="app", said=said[:300])


def _said_by_node(code: str, message: str) -> SpeechError:
    """The error that a node raised: its code is the title, its message the JSON of the whole."""
    try:
        data: Any = json.loads(message)
        text = str(data["message"])
        details = dict(data.get("details") or {})
    except (AttributeError, KeyError, TypeError, ValueError):
        text, details = message, dict[str, Any]()
    error = error_from_code(code, text, details)
    if isinstance(error, _NODE_ERRORS):
        return error
    if code == "cancelled":
        # Not by this caller, who has stopped listening then: an attempt before it was, and the run with it.
        return NodeUnreachable("the run on the node was cancelled by another attempt", reason="cancelled")
    return NodeUnreachable(f"the node failed: {text}"[:500], reason="garbage")


def _is_refusal(error: BaseException) -> bool:
    return isinstance(error, httpx.HTTPStatusError) and error.response.status_code in (401, 403)
