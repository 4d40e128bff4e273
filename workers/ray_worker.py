"""What runs in a Ray actor's process: pickled calls, one after the other. What a call loads or compiles stays for the next."""

import os
import time
import traceback

Answer = tuple[bytes, float]  # the pickled result or exception of a task, and the seconds that it took


class Worker:
    """The actor: runs pickled calls one at a time."""

    def ready(self) -> None:
        """Answer once the process is up."""

    def run(self, calls: list[bytes]) -> list[Answer]:
        """Return the answers of calls, run in their order."""
        return [self._one(call) for call in calls]

    def _one(self, call: bytes) -> Answer:
        """Return the pickled ``(result, None)`` or ``(None, exception)`` of a pickled ``(fn, args, kwargs)``, and the seconds that it took.

        SystemExit is an answer too; left alone, Ray would take it for a wish to end the actor.
        """
        from ray import cloudpickle

        start = time.perf_counter()
        try:
            fn, args, kwargs = cloudpickle.loads(call)
            answer = cloudpickle.dumps((fn(*args, **kwargs), None))
        except BaseException as error:
            error.add_note(f"in Ray worker {os.getpid()}:\n{''.join(traceback.format_exception(error))}")
            try:
                answer = cloudpickle.dumps((None, error))
                cloudpickle.loads(answer)
            except Exception:
                stand_in = RuntimeError(f"task raised {type(error).__qualname__}, which cannot be pickled: {error}; give it arguments that can")
                stand_in.__notes__ = error.__notes__
                answer = cloudpickle.dumps((None, stand_in))
        return bytes(answer), time.perf_counter() - start
