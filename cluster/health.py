"""Asks nodes how they are: one small request each, never behind a model."""

import ssl
import time
from collections.abc import Awaitable, Callable
from dataclasses import replace
from typing import Any, cast

import httpx

from cluster.availability import Observation
from domain.node import TOKEN_HEADER, Health, NodeReport

#: Seconds between two polls of a node, while it is loading or was never seen, and else.
FAST_POLL_SECONDS = 0.3
POLL_SECONDS = 2.0
#: After so many polls without a single answer a node is asked at the slow pace.
FAST_POLLS = 200
_TIMEOUT = httpx.Timeout(3.0, connect=2.0)


class HealthProbe:
    """Polls ``/healthz`` over kept connections. ``token``: the secret of the node that is asked."""

    def __init__(self, tls: ssl.SSLContext) -> None:
        # Nodes are addressed directly: a proxy set in the environment is for the outside world.
        self._http = httpx.AsyncClient(timeout=_TIMEOUT, trust_env=False, verify=tls)

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def poll(self, url: str, token: str, before: Observation) -> Observation:
        """The observation after one more poll; never raises."""
        seen = await polled(before, lambda: self.report(url, token), "that of a node")
        if seen.failures or seen.report is None:
            return seen
        if before.report is None or before.report.instance != seen.report.instance or before.refuses_token:
            return replace(seen, refuses_token=await self._refuses_token(url, token))
        return seen

    async def report(self, url: str, token: str) -> NodeReport:
        """What the node says of itself. Raises ``httpx.HTTPError``, ``KeyError``, ``TypeError``, ``ValueError``."""
        response = await self._http.get(f"{url}/healthz", headers=_headers(token))
        return NodeReport.from_json(_object(response))

    async def app_id(self, url: str, token: str) -> str:
        """The random id of the node's Gradio app, new at each start. Raises as :meth:`report`."""
        return str((await self.read(f"{url}/gradio_api/app_id", token))["app_id"])

    async def read(self, address: str, token: str) -> dict[str, Any]:
        """The JSON object that is there. Raises as :meth:`report`."""
        response = await self._http.get(address, headers=_headers(token))
        response.raise_for_status()
        return _object(response)

    async def _refuses_token(self, url: str, token: str) -> bool:
        try:
            await self.app_id(url, token)
        except httpx.HTTPStatusError as error:
            return error.response.status_code in (401, 403)
        except (httpx.HTTPError, KeyError, ValueError):
            return False
        return False


async def polled(before: Observation, ask: Callable[[], Awaitable[NodeReport]], expected: str) -> Observation:
    """The observation after ``ask`` was asked once more; never raises. ``expected``: whose answer it should be."""
    try:
        report = await ask()
    except httpx.HTTPError as error:
        return replace(before, failures=before.failures + 1, error=_words(error))
    except (AttributeError, KeyError, TypeError, ValueError):
        return replace(before, failures=before.failures + 1, error=f"its answer is not {expected}")
    now = time.monotonic()
    was_gone = before.seen_at is not None and before.is_gone(now)
    back_since = now if was_gone else before.back_since
    return Observation(report, now, refuses_token=before.refuses_token, back_since=back_since)


def poll_pause_seconds(seen: Observation, polls: int) -> float:
    """How long to wait before the node's next poll."""
    loading = seen.starting or (seen.report is not None and seen.report.health is Health.LOADING)
    return FAST_POLL_SECONDS if loading or (seen.report is None and polls < FAST_POLLS) else POLL_SECONDS


def _headers(token: str) -> dict[str, str]:
    return {TOKEN_HEADER: token} if token else {}


def _object(response: httpx.Response) -> dict[str, Any]:
    data: object = response.json()
    if not isinstance(data, dict):
        raise ValueError("not a JSON object")
    return cast("dict[str, Any]", data)


def _words(error: httpx.HTTPError) -> str:
    if isinstance(error, httpx.ConnectError):
        return "connection refused"
    if isinstance(error, httpx.TimeoutException):
        return "no answer in time"
    if isinstance(error, httpx.HTTPStatusError):
        return f"it answers HTTP {error.response.status_code}"
    return type(error).__name__
