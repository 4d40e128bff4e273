"""What every request passes before a route sees it: who it is, how often, how long a body takes. And what every answer has: headers, no traceback."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from starlette.concurrency import run_in_threadpool
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from optimizer.service.problems import Problem, problem_of

if TYPE_CHECKING:
    from optimizer.service.state import Service

PREFIX = "/api/v1"
OPEN = (f"{PREFIX}/health", f"{PREFIX}/health/ready")
HEADERS: Mapping[str, str] = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
}
TLS_HEADERS: Mapping[str, str] = {"Strict-Transport-Security": "max-age=31536000"}
HOW = "send it as: Authorization: Bearer gck_..."


class Shield:
    """Middleware around the whole application."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if scope["type"] == "lifespan":
            await self.app(scope, receive, send)
            return
        if scope["type"] != "http":  # there are no websockets here, and none is let in unseen
            await send({"type": "websocket.close", "code": 1008})
            return
        service: Service = scope["app"].state.service
        answer = _Answer(send, service.settings.tls)
        began = time.perf_counter()
        try:
            await self._admit(scope, service)
            await self.app(scope, _in_time(receive, service.settings.body_s), answer)
        except Exception as error:
            if answer.begun:
                raise
            await problem_of(error).response()(scope, receive, answer)
        finally:
            service.metrics.answered(scope, answer.status, time.perf_counter() - began)

    async def _admit(self, scope: Scope, service: Service) -> None:
        scope.setdefault("state", {})
        if scope["path"] in OPEN and scope["method"] in ("GET", "HEAD"):
            return
        address = (scope.get("client") or ("",))[0]
        values = [value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"]
        kind, _, token = values[0].partition(" ") if len(values) == 1 else ("", "", "")
        key = await run_in_threadpool(service.keys.find, token.strip()) if kind.lower() == "bearer" and len(token) <= 200 else None
        if key is None:
            _check_rate(service.refusals.take(address), "requests without a right key from one address")  # right ones pass: a proxy's are one address
            what = "the key is wrong, expired or revoked" if token else "this takes a key, and the request has none"
            raise Problem(401, "key", f"{what}; {HOW}", headers={"WWW-Authenticate": 'Bearer realm="glittercake"'})
        scope["state"]["caller"] = key
        _check_length(scope, service.settings.body_bytes)
        _check_rate(service.requests.take(key.id), "requests of one key")


def _check_rate(seconds: float, what: str) -> None:
    if seconds > 0.0:
        raise Problem(429, "too-many", f"too many {what}; wait {seconds:.0f} s", headers={"Retry-After": f"{seconds:.0f}"})


def _check_length(scope: Scope, most: int) -> None:
    """Refuse a body by the length that its head states; one that states none is counted as it comes."""
    stated = b"".join(value for name, value in scope["headers"] if name == b"content-length")
    if stated.isdigit() and int(stated[:20]) > most:
        raise Problem(413, "too-large", f"a body must have at most {most} bytes, got {stated[:20].decode()}; split it, or raise body_bytes")


class _Answer:
    """The sender of an answer, which adds the headers and remembers the status."""

    def __init__(self, send: Send, tls: bool) -> None:
        self._send = send
        more = {**HEADERS, "X-Request-ID": uuid4().hex, **(TLS_HEADERS if tls else {})}
        self._headers = [(name.lower().encode(), value.encode()) for name, value in more.items()]
        self.begun = False
        self.status = 500

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.begun, self.status = True, message["status"]
            message = {**message, "headers": [*message.get("headers", ()), *self._headers]}
        await self._send(message)


def _in_time(receive: Receive, seconds: float) -> Receive:
    """Return a receiver that gives up on a body that does not arrive in time."""
    end = time.monotonic() + seconds
    whole = False

    async def within() -> Any:
        nonlocal whole
        if whole:
            return await receive()
        message = await asyncio.wait_for(receive(), max(end - time.monotonic(), 0.001))
        whole = not message.get("more_body", False)
        return message

    return within
