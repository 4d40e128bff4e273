"""The two drivers: `Client` blocks, `AsyncClient` is awaited. Both run the same steps, and only they do I/O."""

from __future__ import annotations

import asyncio
import os
import time
from types import TracebackType
from typing import Any, Self

import httpx2

from optimizer.client.methods import Methods
from optimizer.client.retry import Retry, retried
from optimizer.client.wire import NO_ANSWER, Answer, Pause, Request, Steps, T

URL, KEY = "GLITTERCAKE_CLIENT_URL", "GLITTERCAKE_CLIENT_KEY"
API = "/api/v1"
TIMEOUT = httpx2.Timeout(90.0, connect=10.0)  # s; a service waits at most 60 s for a job before it answers
_LOST = (httpx2.TransportError, httpx2.DecodingError)  # no answer, or half of one


class Client(Methods):
    """A client that blocks; use it in a `with`, or close it. Threads may share one.

    Args:
        url: Address as `glittercake serve` prints it, ending in /api/v1; of the environment (GLITTERCAKE_CLIENT_URL) when left out.
        key: The caller's key; of the environment (GLITTERCAKE_CLIENT_KEY) when left out.
        retry: When a request is sent again.

    Raises:
        ValueError: If there is no address or key, or one cannot be right.
    """

    def __init__(self, url: str | None = None, key: str | None = None, *, retry: Retry | None = None) -> None:
        self._http = httpx2.Client(**_options(url, key))
        self._retry = retry or Retry()

    def run(self, steps: Steps[T]) -> T:
        """Return what steps end with."""
        steps = retried(steps, self._retry)
        try:
            step = next(steps)
            while True:
                step = steps.send(self._do(step))
        except StopIteration as end:
            result: T = end.value
            return result

    def _do(self, step: Request | Pause) -> Answer:
        if isinstance(step, Pause):
            time.sleep(step.seconds)
            return Answer(NO_ANSWER)
        try:
            return _answer(self._http.request(**_arguments(step)))
        except _LOST as error:
            return _lost(error)

    def close(self) -> None:
        """Close its connections."""
        self._http.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()


class AsyncClient(Methods):
    """A client that is awaited (asyncio); use it in an `async with`, or close it. Its arguments are those of `Client`."""

    def __init__(self, url: str | None = None, key: str | None = None, *, retry: Retry | None = None) -> None:
        self._http = httpx2.AsyncClient(**_options(url, key))
        self._retry = retry or Retry()

    async def run(self, steps: Steps[T]) -> T:
        """Return what steps end with."""
        steps = retried(steps, self._retry)
        try:
            step = next(steps)
            while True:
                step = steps.send(await self._do(step))
        except StopIteration as end:
            result: T = end.value
            return result

    async def _do(self, step: Request | Pause) -> Answer:
        if isinstance(step, Pause):
            await asyncio.sleep(step.seconds)
            return Answer(NO_ANSWER)
        try:
            return _answer(await self._http.request(**_arguments(step)))
        except _LOST as error:
            return _lost(error)

    async def close(self) -> None:
        """Close its connections."""
        await self._http.aclose()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        await self.close()


def _options(url: str | None, key: str | None) -> dict[str, Any]:
    """Return what both libraries' clients take; redirects are not followed, so that the key goes nowhere else."""
    where = (url or os.environ.get(URL, "")).rstrip("/")
    secret = key or os.environ.get(KEY, "")
    if not where.startswith(("http://", "https://")) or not where.endswith(API):
        raise ValueError(f"the address must be as `glittercake serve` prints it, http(s)://...{API}, got {where!r}; give url, or set {URL}")
    if not (secret.isascii() and secret.isprintable() and secret and " " not in secret):
        raise ValueError(f"the key must be one of the service, gck_..., got {'none' if not secret else 'something else'}; give key, or set {KEY}")
    headers = {"Authorization": f"Bearer {secret}", "User-Agent": "glittercake"}
    return {"base_url": where, "headers": headers, "timeout": TIMEOUT, "follow_redirects": False}


def _arguments(request: Request) -> dict[str, Any]:
    return {
        "method": request.method,
        "url": request.path,
        "params": list(request.query) or None,
        "content": request.body,
        "headers": request.headers,
    }


def _answer(response: httpx2.Response) -> Answer:
    return Answer(response.status_code, {name.lower(): value for name, value in response.headers.items()}, response.content)


def _lost(error: Exception) -> Answer:
    return Answer(NO_ANSWER, {}, (str(error) or type(error).__name__).encode())
