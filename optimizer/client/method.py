"""What makes one generator a method that blocks on `Client` and one that is awaited on `AsyncClient`, both fully typed."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from functools import wraps
from typing import TYPE_CHECKING, Any, Concatenate, Generic, ParamSpec, overload

from optimizer.client.wire import Steps, T

if TYPE_CHECKING:
    from optimizer.client.clients import AsyncClient, Client

P = ParamSpec("P")


class method(Generic[P, T]):  # noqa: N801 (a decorator, as property is)
    """A method of both clients, of the steps that it takes."""

    def __init__(self, steps: Callable[Concatenate[Any, P], Steps[T]]) -> None:
        self.steps = steps
        self.__doc__ = steps.__doc__

    @overload
    def __get__(self, client: Client, owner: type) -> Callable[P, T]: ...
    @overload
    def __get__(self, client: AsyncClient, owner: type) -> Callable[P, Coroutine[Any, Any, T]]: ...
    @overload
    def __get__(self, client: None, owner: type) -> method[P, T]: ...

    def __get__(self, client: Any, owner: type) -> Any:
        """Return the method of one client."""
        if client is None:
            return self

        @wraps(self.steps)
        def call(*args: P.args, **kwargs: P.kwargs) -> Any:
            return client.run(self.steps(client, *args, **kwargs))

        return call
