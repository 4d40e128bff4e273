"""Who may call what: each route names the scope that it takes, and a route that names none cannot be made."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import Annotated, Any

from fastapi import Depends, Header, Request, Response
from fastapi.routing import APIRoute

from optimizer.service.keys import KeyInfo, Scope
from optimizer.service.problems import Finding, Problem
from optimizer.store import By

OPEN = "none"  # the scope of health, which anybody may ask for
_SCOPE, _ACCEPTS = "x-scope", "x-accepts"


def allowed(scope: Scope, accepts: Sequence[str] = ()) -> dict[str, Any]:
    """Return what a route's decorator takes to say who may call it, and which types of content it takes beside JSON."""
    return {"openapi_extra": {_SCOPE: scope, "security": [{"key": []}], **({_ACCEPTS: list(accepts)} if accepts else {})}}


def anybody() -> dict[str, Any]:
    """Return what the decorator of a route without a key takes; health alone has it."""
    return {"openapi_extra": {_SCOPE: OPEN, "security": []}}


class Guarded(APIRoute):
    """A route that looks at scope and content type before anything of the request is read."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        extra = self.openapi_extra or {}
        if _SCOPE not in extra:
            raise TypeError(f"the route {self.path} must name its scope; add **allowed(...) to its decorator")
        self.scope: Scope = extra[_SCOPE]
        self.accepts: tuple[str, ...] = tuple(extra.get(_ACCEPTS, ("application/json",) if self.body_field is not None else ()))

    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        """Return the handler with the guard before it."""
        inner = super().get_route_handler()

        async def guarded(request: Request) -> Response:
            if self.scope != OPEN:
                check_scope(caller(request), self.scope)
            if self.accepts:
                check_type(request, self.accepts)
            return await inner(request)

        return guarded


def caller(request: Request) -> KeyInfo:
    """Return the key that a request came with; there is one behind the shield."""
    found: KeyInfo = request.scope["state"]["caller"]
    return found


def check_scope(key: KeyInfo, scope: Scope) -> None:
    """Refuse a key that does not open a scope.

    Raises:
        Problem: If it does not.
    """
    if scope not in key.scopes:
        has = ", ".join(key.scopes)
        raise Problem(403, "scope", f'this takes a key with the scope {scope}, and the key "{key.id}" has {has}; ask an administrator for one')


def check_type(request: Request, accepts: Sequence[str]) -> None:
    """Refuse a body of another type than a route takes.

    Raises:
        Problem: If it is, or none is named.
    """
    got = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if got not in accepts:
        wanted = ", ".join(accepts)
        finding = Finding("Content-Type", f"must be {wanted}", got, "name what the body is")
        raise Problem(415, "content-type", f"the Content-Type must be {wanted}, got {got or 'none'!r}; name what the body is", [finding])


def _writer(
    request: Request,
    idempotency_key: Annotated[
        str,
        Header(
            min_length=1,
            max_length=200,
            pattern=r"^[!-~]+$",
            description="Of this one request: sent again with the same key it has no second effect and gives the same answer.",
            examples=["1c1f5a0e-6b5e-4f0e-9f0e-0c6b6c6b1c1f"],
        ),
    ],
) -> By:
    return By(caller(request).name, idempotency_key)


Caller = Annotated[KeyInfo, Depends(caller)]
Writer = Annotated[By, Depends(_writer)]
