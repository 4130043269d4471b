"""What is refused before anybody is asked who they are: wrong host names, other sites' pages, closed routes."""

import ipaddress
import re
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import Scope

from domain.errors import AccessDenied, NotFound

#: Gradio routes that no page here uses: fetching for others, developer tools, running ffmpeg on anything.
_CLOSED_ROUTES = re.compile(
    r"^(?:/gradio_api)?/(?:proxy=|process_recording|vibe-|monitoring|custom_component/|profiling/|run-history/"
    r"|dev/reload|startup-events|file=\s*[a-z][a-z0-9+.-]*:/)",
    re.IGNORECASE,
)
_FORWARDING_HEADERS = ("forwarded", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto", "x-real-ip")
_SAFE_METHODS = ("GET", "HEAD")

#: Gradio compiles its pages' small scripts in the browser, so its own inline scripts and eval must be let in;
#: nothing from another origin is, and nothing is sent to one.
PAGE_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self' 'unsafe-inline' 'unsafe-eval' blob:",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",
        "media-src 'self' data: blob: mediastream:",
        "font-src 'self' data:",
        "connect-src 'self' data: blob:",
        "worker-src 'self' blob:",
        "object-src 'none'",
        "base-uri 'self'",
        "form-action 'self'",
        "frame-ancestors 'self'",
    )
)
SECURITY_HEADERS = {
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "content-security-policy": PAGE_POLICY,
}


def is_loopback(host: str) -> bool:
    """Whether a host name or address (without port) means this machine and nothing else."""
    name = host.strip("[]").lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = getattr(address, "ipv4_mapped", None)
    return (mapped or address).is_loopback


def host_of(headers: Headers) -> str:
    """The name in the Host header, without its port."""
    host = headers.get("host", "")
    return host.split("]")[0] + "]" if host.startswith("[") else host.rsplit(":", 1)[0] if ":" in host else host


def is_forwarded(headers: Headers) -> bool:
    """Whether a proxy says that it speaks for somebody else."""
    return any(name in headers for name in _FORWARDING_HEADERS)


def check_doors(scope: Scope, headers: Headers, *, local_only: bool) -> None:
    """Raises :class:`AccessDenied` or :class:`NotFound` for what nobody may ask.

    ``local_only``: the server is meant for this machine alone, so it answers to this machine's names only. A page
    elsewhere whose name was pointed at 127.0.0.1 (DNS rebinding) is thereby shut out.
    """
    if local_only and not is_loopback(host_of(headers)):
        raise AccessDenied(
            "This server answers on this machine only, under http://localhost or http://127.0.0.1. "
            "To serve other machines set ASR_ALLOW_OPEN=1.",
            reason="wrong_host",
        )
    if _is_cross_site(scope, headers, trust_forwarded=not local_only):
        raise AccessDenied("A page of another site may not call this server.", reason="cross_site")
    if _CLOSED_ROUTES.match(scope["path"]):
        raise NotFound("There is no such address.")


def _is_cross_site(scope: Scope, headers: Headers, *, trust_forwarded: bool) -> bool:
    """Browsers say by themselves where a request comes from, and no page can change what they say."""
    site = headers.get("sec-fetch-site")
    if site in ("same-origin", "none"):
        return False
    if scope["type"] == "http" and scope["method"] in _SAFE_METHODS and headers.get("sec-fetch-mode") == "navigate":
        return False  # a link that was followed
    if site == "cross-site":
        return True
    origin = headers.get("origin")
    if origin is None:
        return False  # no browser, or a plain GET of an old one
    own = {_authority(headers.get("host", ""))}
    if trust_forwarded:
        own.add(_authority(headers.get("x-forwarded-host", "")))
    return _authority(urlsplit(origin).netloc) not in own - {""}


def _authority(netloc: str) -> str:
    return netloc.strip().lower().removesuffix(":80").removesuffix(":443")
