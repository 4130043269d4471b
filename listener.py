"""The port to serve on: taken, or a sentence with the command that helps."""

import socket

import httpx

from settings import BadSetting, Settings


def listen(settings: Settings) -> socket.socket:
    """The socket to serve on. Raises :class:`BadSetting` with the command that helps."""
    host = settings.host
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends answers at once (without Nagle's 40 ms) only on sockets that say they are TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, settings.port))
    except OSError as error:
        listener.close()
        if runs_already(settings):
            raise BadSetting(f"已在运行 · it is running already: http://{host}:{settings.port}") from None
        raise BadSetting(cannot_listen(settings, error) + f"ASR_PORT={settings.port + 1} make run") from None
    return listener


def runs_already(settings: Settings) -> bool:
    """Whether this program answers where it is asked to serve."""
    try:
        answer = httpx.get(f"http://{settings.host}:{settings.port}/healthz", timeout=2, trust_env=False)
        return answer.status_code == 200 and "status" in answer.json()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError):
        return False


def cannot_listen(settings: Settings, error: OSError) -> str:
    """Why the port cannot be used; how to choose another is to follow."""
    return f"port {settings.port} on {settings.host} cannot be used ({error.strerror}); choose another: "
