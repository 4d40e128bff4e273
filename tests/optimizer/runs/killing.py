"""A program that drives a run in children and kills them with signal 9: at marked points of an ask or a tell, and at random moments.

python killing.py STORE SEED
"""

import os
import random
import signal
import sys
import time
from typing import Any

from optimizer.runs import driver
from optimizer.runs import store as store_module
from optimizer.runs.evaluate import Job, evaluate
from optimizer.runs.history import Result
from optimizer.runs.store import Store

POINTS = ("in an ask", "after an ask", "in an evaluation", "in a tell", "after a tell")


def die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def die_in_third_evaluation(job: Job, calls: list[int] = []) -> Result:  # noqa: B006
    calls.append(job.number)
    if len(calls) == 3:
        die()
    return evaluate(job)


def arm(point: str) -> Any:
    """Make this process die at the third ask, evaluation or tell; return what evaluates."""
    kind = "asked" if "ask" in point else "ended"
    calls = []
    if point.startswith("in a") and "evaluation" not in point:
        log = store_module._log

        def deadly_log(*args: Any) -> int:
            number = log(*args)
            calls.append(args[2])
            if calls.count(kind) == 3:
                die()  # the transaction is open: half of it is written
            return number

        store_module.__dict__["_log"] = deadly_log
    elif point.startswith("after"):
        name = "ask" if kind == "asked" else "tell"
        whole = getattr(Store, name)

        def deadly(self: Store, *args: Any) -> Any:
            result = whole(self, *args)
            calls.append(name)
            if len(calls) == 3:
                die()
            return result

        setattr(Store, name, deadly)
    return die_in_third_evaluation if point == "in an evaluation" else evaluate


def drive_and_die(address: str, point: str) -> None:
    evaluator = arm(point)
    with Store(address) as store:
        driver.drive(store, evaluator=evaluator)


def main(address: str, seed: int) -> None:
    rng, kills = random.Random(seed), 0
    for point in (*POINTS, *["at random"] * 4):
        child = os.fork()
        if child == 0:
            drive_and_die(address, point)
            os._exit(0)
        if point == "at random":
            time.sleep(rng.uniform(0.02, 0.2))
            os.kill(child, signal.SIGKILL)
        _, status = os.waitpid(child, 0)
        assert os.WIFSIGNALED(status) or status == 0, point
        kills += os.WIFSIGNALED(status)
    print(kills)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]))
