"""How much one caller may ask for: a bucket of tokens for each, that fills with time. In memory, of this process."""

from __future__ import annotations

import math
import time
from collections import OrderedDict
from collections.abc import Callable
from threading import Lock

MOST = 10_000  # callers remembered; the one not seen for longest is forgotten first, and by then its bucket is mostly full


class Buckets:
    """A bucket for each caller."""

    def __init__(self, a_minute: float, burst: float, clock: Callable[[], float] = time.monotonic) -> None:
        """Take how many requests a minute refill a bucket, and how many it holds."""
        self._rate, self._burst, self._clock = a_minute / 60.0, float(burst), clock
        self._buckets: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = Lock()

    def take(self, caller: str) -> float:
        """Take a token, and return 0, or in how many seconds there is one."""
        with self._lock:
            level = self._level(caller)
            left = level - 1.0 if level >= 1.0 else level
            self._buckets[caller] = left, self._clock()
            self._buckets.move_to_end(caller)
            while len(self._buckets) > MOST:
                self._buckets.popitem(last=False)
        return 0.0 if level >= 1.0 else math.ceil((1.0 - level) / self._rate)

    def _level(self, caller: str) -> float:
        now = self._clock()
        level, then = self._buckets.get(caller, (self._burst, now))
        return min(self._burst, level + (now - then) * self._rate)
