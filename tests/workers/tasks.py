"""What the tests of executors let workers do: functions and exceptions that worker processes import."""

import os
import signal
import threading
import time
from pathlib import Path

import numpy as np

PATIENCE = 60.0  # seconds until a wait counts as a hang; no test measures time


def square(number: int) -> int:
    return number * number


def power(base: int, *, exponent: int) -> int:
    return int(base**exponent)


class TooThinError(Exception):
    """An exception with a state of its own."""

    def __init__(self, name: str, value: float) -> None:
        super().__init__(name, value)
        self.value = value


class AwkwardError(Exception):
    """An exception that pickles, but does not unpickle."""

    def __init__(self, name: str, value: float) -> None:
        super().__init__(f"{name} is {value}")


def raise_too_thin() -> None:
    raise TooThinError("thickness_um", 3.5)


def raise_awkward() -> None:
    raise AwkwardError("thickness_um", 3.5)


def refuse_three(number: int) -> int:
    if number == 3:
        raise ValueError("three is refused")
    return number


def record(directory: Path, number: int) -> int:
    """Leave one line in the item's file for each time it runs."""
    with (directory / str(number)).open("a") as file:
        file.write("ran\n")
    return number


def record_or_fail(directory: Path, number: int) -> int:
    if number == 0:
        raise ValueError("item 0 is refused")
    return record(directory, number)


def wait_for_file(path: Path) -> int:
    deadline = time.monotonic() + PATIENCE
    while not path.exists():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return os.getpid()


def wait_for_others(directory: Path, number: int) -> int:
    """Hold this worker until as many others hold theirs."""
    (directory / str(os.getpid())).touch()
    deadline = time.monotonic() + PATIENCE
    while len(list(directory.iterdir())) < number:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return os.getpid()


def touch_and_wait(directory: Path) -> int:
    (directory / "new").write_text(str(os.getpid()))
    (directory / "new").rename(directory / "begun")  # whoever sees it reads all of it
    return wait_for_file(directory / "never")


def hang_at_zero(directory: Path, number: int, gate: Path | None = None) -> int:
    if gate is not None:
        wait_for_file(gate)
    return number or touch_and_wait(directory)


def raise_timeout() -> None:
    raise TimeoutError("the furnace")


def increment_in_place(values: np.ndarray) -> np.ndarray:
    values += 1
    return values


def number_of_threads() -> set[int]:
    from threadpoolctl import threadpool_info

    return {library["num_threads"] for library in threadpool_info()}


def die_once(marker: Path) -> int:
    if not marker.exists():
        marker.touch()
        os._exit(1)
    return os.getpid()


def die_on_multiples_of_ten(directory: Path, number: int) -> int:
    with (directory / str(number)).open("a") as file:
        file.write("ran\n")
    if number % 10 == 0 and (directory / str(number)).read_text() == "ran\n":
        os.kill(os.getpid(), signal.SIGKILL)
    return number


class Killer:
    """A picklable function of one item that kills its worker under every tenth, once."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory

    def __call__(self, number: int) -> int:
        return die_on_multiples_of_ten(self.directory, number)


def own_name(recipe: str) -> str:
    import ray

    return str(ray.get_runtime_context().get_task_name())


def build_once(kept: list[int] = []) -> tuple[int, int]:  # noqa: B006
    """Return this process and how often it has run this function."""
    kept.append(0)
    return os.getpid(), len(kept)


def iter_lock() -> object:

    return threading.Lock()
