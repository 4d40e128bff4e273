"""Sending again what was not answered, with pauses that grow: the same request, under the same key."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass

from optimizer.client.errors import may_come_later
from optimizer.client.wire import Answer, Pause, Request, Steps, T


@dataclass(frozen=True)
class Retry:
    """How often and when a request is sent again after no answer, 429 or 5xx.

    The pause is drawn between 0 and a bound that doubles each time ("full jitter"), so that many clients do not come back at once. Where the service
    says `Retry-After`, that long is waited first.

    Args:
        attempts: Most times that a request is sent; 1 never sends again.
        first_s: The first bound, s.
        longest_s: The largest bound, s. A service that wants a longer pause than `patience_s` is not waited for.
        patience_s: The longest `Retry-After` that is waited for, s.
        draw: A random number in [0, 1).
    """

    attempts: int = 8  # some 30 s on average: a service that was killed is up again long before
    first_s: float = 0.5
    longest_s: float = 20.0
    patience_s: float = 120.0
    draw: Callable[[], float] = random.random

    def pause(self, sent: int, answer: Answer) -> float | None:
        """Return how long to wait after a request was sent so many times, s; None where it is not to be sent again."""
        if sent >= self.attempts or not may_come_later(answer):
            return None
        jitter = self.draw() * min(self.first_s * 2.0 ** (sent - 1), self.longest_s)
        wanted = answer.headers.get("retry-after", "")
        least = float(wanted) if wanted.isascii() and wanted.isdigit() else 0.0  # a date, as proxies may send, is not looked at
        return least + jitter if least <= self.patience_s else None


def retried(steps: Steps[T], retry: Retry) -> Steps[T]:
    """Return the same steps, in which each request is sent again as the policy says, and only the last answer is handed in."""
    try:
        step = next(steps)
        while True:
            answer = yield step
            sent = 1
            while isinstance(step, Request) and (pause := retry.pause(sent, answer)) is not None:
                yield Pause(pause)
                answer = yield step
                sent += 1
            step = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result
