"""The one access check: who asks, and whether they may ask at all. Every route and WebSocket goes through it."""

import hashlib
import hmac
import secrets
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi import FastAPI
from itsdangerous import BadSignature, TimestampSigner
from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import HTTPConnection, cookie_parser
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from domain.access import ADMIN_HEADER, Visitor
from domain.errors import AccessDenied, SpeechError
from webui.doors import SECURITY_HEADERS, check_doors, host_of, is_forwarded, is_loopback
from webui.errors import UnexpectedErrors, refuse

VISITOR_COOKIE = "asr_visitor"
ADMIN_COOKIE = "asr_admin"
#: Browsers keep no cookie for longer than 400 days; one in use is renewed after 30.
VISITOR_COOKIE_SECONDS = 400 * 86400
_RENEW_AFTER_SECONDS = 30 * 86400
ADMIN_COOKIE_SECONDS = 12 * 3600
#: Where the visitor lies in the ASGI scope.
_SCOPE_KEY = "asr.visitor"
#: Wrong admin tokens that one address may send within the window, in seconds.
LOGIN_ATTEMPTS, LOGIN_WINDOW_SECONDS = 5, 60.0

_OPEN_WITHOUT_KEY = ("/v1/admin/login", "/v1/admin/logout")
_NEEDS_KEY = ("/v1/", "/api/predict", "/recognize", "/gradio_api/")


@dataclass(frozen=True, slots=True)
class _Caller:
    visitor: Visitor
    cookie: str | None = None


class Throttle:
    """Counts failures per address; memory is bounded."""

    def __init__(self, limit: int, window_seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._limit, self._window, self._clock = limit, window_seconds, clock
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def is_shut(self, address: str) -> bool:
        """Whether this address failed too often lately."""
        since = self._clock() - self._window
        return len([at for at in self._failures.get(address, ()) if at > since]) >= self._limit

    def failed(self, address: str) -> None:
        """Notes one failure."""
        self._failures[address] = [*self._failures.pop(address, ())[-self._limit + 1 :], self._clock()]
        while len(self._failures) > 10_000:
            self._failures.popitem(last=False)


class Access:
    """Who a caller is. Makes no difference between pages, Gradio's API, HTTP routes and WebSockets.

    ``secret`` signs cookies. ``admin_token``: what makes an administrator; without one everybody on this machine is.
    ``api_keys``: ``{name: key}``. ``is_loopback``: only this machine can reach the server.
    ``allow_open``: the operator opened it to others although there are no accounts.
    """

    def __init__(
        self,
        *,
        secret: bytes,
        admin_token: str = "",
        api_keys: Mapping[str, str] | None = None,
        is_loopback: bool = True,
        allow_open: bool = False,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._secret = secret
        self._admin_token = admin_token
        self._api_keys = dict(api_keys or {})
        self.local_only = is_loopback and not allow_open
        #: Whether a browser can become an administrator's by a token.
        self.has_admin_token = bool(admin_token)
        self._visitors = TimestampSigner(secret, salt="asr-visitor", digest_method=hashlib.sha256)
        self._admins = TimestampSigner(secret, salt="asr-admin", digest_method=hashlib.sha256)
        self._throttle = Throttle(LOGIN_ATTEMPTS, LOGIN_WINDOW_SECONDS, clock)

    def guard(self, app: FastAPI) -> None:
        """Puts the check before everything that the app answers, mounted apps and other middleware included.

        Call it last: what is added later would stand before the door.
        """
        app.add_middleware(AccessMiddleware, access=self)

    def visitor(self, request: Any) -> Visitor:
        """Who sent this request (Starlette's, or the ``gr.Request`` of a Gradio handler). Raises ``AccessDenied``."""
        inner = getattr(request, "request", None) or request
        found = getattr(inner, "scope", {}).get(_SCOPE_KEY)
        if not isinstance(found, Visitor):
            raise AccessDenied("This call did not come through the front door.", reason="unknown_caller")
        return found

    def identify(self, scope: Scope) -> _Caller:
        """Who calls, and the cookie to set, if any. Raises :class:`AccessDenied`."""
        headers = Headers(scope=scope)
        cookies = cookie_parser(headers.get("cookie", ""))
        named = self._api_user(headers)
        known, age_seconds = self._read_visitor(cookies)
        is_admin = self._is_admin(scope, headers, cookies, by_key=named is not None)
        if not (named or known or ADMIN_HEADER in headers) and self._wants_key(scope["path"]):
            raise AccessDenied("This server wants an API key: Authorization: Bearer <key>.", reason="key_required")
        if named:
            return _Caller(Visitor(named, is_admin))
        is_page = scope["type"] == "http" and scope["method"] == "GET" and "text/html" in headers.get("accept", "")
        if known:
            renewed = self._visitor_cookie(scope, known) if is_page and age_seconds > _RENEW_AFTER_SECONDS else None
            return _Caller(Visitor(known, is_admin), renewed)
        if is_page:
            user = f"visitor:{secrets.token_urlsafe(12)}"
            return _Caller(Visitor(user, is_admin), self._visitor_cookie(scope, user))
        return _Caller(Visitor(self._user_by_address(scope, headers), is_admin))

    def log_in(self, request: HTTPConnection, token: str) -> str:
        """The Set-Cookie value that makes this browser an administrator's. Raises :class:`AccessDenied`."""
        self._check_admin_token(request.scope, token)
        value = self._admins.sign(self._admin_mark()).decode()
        return _cookie(request.scope, ADMIN_COOKIE, value, ADMIN_COOKIE_SECONDS)

    def log_out(self, request: HTTPConnection) -> str:
        """The Set-Cookie value that ends it."""
        return _cookie(request.scope, ADMIN_COOKIE, "", 0)

    def _api_user(self, headers: Headers) -> str | None:
        scheme, _, given = headers.get("authorization", "").partition(" ")
        if not self._api_keys or scheme.lower() != "bearer":
            return None  # without configured keys any key will do: the openai package always sends one
        # Every key is compared, so that the time taken tells nothing.
        names = [name for name, key in self._api_keys.items() if _same(given.strip(), key)]
        if not names:
            raise AccessDenied("This API key is not known here.", reason="unknown_key")
        return f"api:{names[0]}"

    def _wants_key(self, path: str) -> bool:
        return bool(self._api_keys) and path.startswith(_NEEDS_KEY) and path not in _OPEN_WITHOUT_KEY

    def _read_visitor(self, cookies: dict[str, str]) -> tuple[str | None, float]:
        try:
            value, made_at = self._visitors.unsign(
                cookies.get(VISITOR_COOKIE, ""), max_age=VISITOR_COOKIE_SECONDS, return_timestamp=True
            )
        except BadSignature:
            return None, 0.0
        return value.decode(), time.time() - made_at.timestamp()

    def _visitor_cookie(self, scope: Scope, user: str) -> str:
        return _cookie(scope, VISITOR_COOKIE, self._visitors.sign(user).decode(), VISITOR_COOKIE_SECONDS)

    def _is_admin(self, scope: Scope, headers: Headers, cookies: dict[str, str], *, by_key: bool) -> bool:
        if given := headers.get(ADMIN_HEADER):
            self._check_admin_token(scope, given)
            return True
        if self._admin_token and (cookie := cookies.get(ADMIN_COOKIE)):
            try:
                if _same(self._admins.unsign(cookie, max_age=ADMIN_COOKIE_SECONDS).decode(), self._admin_mark()):
                    return True
            except BadSignature:
                pass
        # Whoever sits at the machine, for as long as nothing else was settled: a proxy that says nothing of its
        # callers looks the same, so a token, once there is one, is asked of everybody.
        if by_key or self._admin_token or not self.local_only:
            return False
        return self._is_local(scope, headers) and is_loopback(host_of(headers))

    def _is_local(self, scope: Scope, headers: Headers) -> bool:
        return is_loopback(_peer(scope)) and not is_forwarded(headers)

    def _check_admin_token(self, scope: Scope, given: str) -> None:
        address = _peer(scope)
        if self._throttle.is_shut(address):
            raise AccessDenied("Too many wrong tokens; wait a minute.", reason="too_many_attempts")
        if not self._admin_token or not _same(given, self._admin_token):
            self._throttle.failed(address)
            raise AccessDenied("This is not the administrator's token.", reason="wrong_token")

    def _admin_mark(self) -> str:
        """Stands for the token in the cookie, so that a new token ends every old cookie."""
        return hmac.new(self._secret, b"admin:" + self._admin_token.encode(), hashlib.sha256).hexdigest()[:32]

    def _user_by_address(self, scope: Scope, headers: Headers) -> str:
        if self._is_local(scope, headers):
            return "local"
        # The last entry was added by the proxy next to us; together with the peer nobody can claim another's.
        address = f"{_peer(scope)}>{headers.get('x-forwarded-for', '').rsplit(',', 1)[-1].strip()}"
        return "address:" + hmac.new(self._secret, address.encode(), hashlib.sha256).hexdigest()[:16]


class AccessMiddleware:
    """Lets a request in, or answers why not; pure ASGI, so that streams stay streams."""

    def __init__(self, app: ASGIApp, access: Access) -> None:
        self._app = UnexpectedErrors(app)
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """ASGI."""
        if scope["type"] not in ("http", "websocket"):
            await self._app(scope, receive, send)
            return
        try:
            check_doors(scope, Headers(scope=scope), local_only=self._access.local_only)
            caller = self._access.identify(scope)
        except SpeechError as error:
            await refuse(scope, receive, _with_headers(send, None), error)
            return
        scope[_SCOPE_KEY] = caller.visitor
        await self._app(scope, receive, _with_headers(send, caller.cookie))


def _with_headers(send: Send, cookie: str | None) -> Send:
    async def wrapped(message: Message) -> None:
        if message["type"] == "http.response.start":
            message.setdefault("headers", [])
            headers = MutableHeaders(scope=message)
            for name, value in SECURITY_HEADERS.items():
                headers.setdefault(name, value)
            if cookie and headers.get("content-type", "").startswith("text/html") and message["status"] < 400:
                headers.append("set-cookie", cookie)
                headers["cache-control"] = "private, no-store"
        await send(message)

    return wrapped


def _peer(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else ""


def _same(given: str, wanted: str) -> bool:
    return hmac.compare_digest(given.encode(errors="replace"), wanted.encode(errors="replace"))


def _cookie(scope: Scope, name: str, value: str, seconds: int) -> str:
    forwarded = Headers(scope=scope).get("x-forwarded-proto", "").split(",")[0].strip()
    secure = "; Secure" if "https" in (scope.get("scheme"), forwarded) else ""
    return f"{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
