"""Asks nodes how they are: one small request each, never behind a model."""

import ssl
import time
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
    """Polls ``/healthz`` over kept connections."""

    def __init__(self, token: str, tls: ssl.SSLContext) -> None:
        headers = {TOKEN_HEADER: token} if token else {}
        # Nodes are addressed directly: a proxy set in the environment is for the outside world.
        self._http = httpx.AsyncClient(headers=headers, timeout=_TIMEOUT, trust_env=False, verify=tls)

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def poll(self, url: str, before: Observation) -> Observation:
        """The observation after one more poll; never raises."""
        try:
            report = await self.report(url)
        except httpx.HTTPError as error:
            return replace(before, failures=before.failures + 1, error=_words(error))
        except (AttributeError, KeyError, TypeError, ValueError):
            return replace(before, failures=before.failures + 1, error="its answer is not that of a node")
        refuses = before.refuses_token
        if before.report is None or before.report.instance != report.instance or refuses:
            refuses = await self._refuses_token(url)
        return Observation(report, time.monotonic(), refuses_token=refuses)

    async def report(self, url: str) -> NodeReport:
        """What the node says of itself. Raises ``httpx.HTTPError``, ``KeyError``, ``TypeError``, ``ValueError``."""
        response = await self._http.get(f"{url}/healthz")
        return NodeReport.from_json(_object(response))

    async def app_id(self, url: str) -> str:
        """The random id of the node's Gradio app, new at each start. Raises as :meth:`report`."""
        response = await self._http.get(f"{url}/gradio_api/app_id")
        response.raise_for_status()
        return str(_object(response)["app_id"])

    async def _refuses_token(self, url: str) -> bool:
        try:
            await self.app_id(url)
        except httpx.HTTPStatusError as error:
            return error.response.status_code in (401, 403)
        except (httpx.HTTPError, KeyError, ValueError):
            return False
        return False


def poll_pause_seconds(seen: Observation, polls: int) -> float:
    """How long to wait before the node's next poll."""
    loading = seen.starting or (seen.report is not None and seen.report.health is Health.LOADING)
    return FAST_POLL_SECONDS if loading or (seen.report is None and polls < FAST_POLLS) else POLL_SECONDS


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
    return type(error).__name__
