"""What Ray keeps of its own, from its addresses to its end."""

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

from tests.workers.processes import assert_all_end, descendants, is_loopback, listening_addresses, marked
from tests.workers.tasks import PATIENCE, iter_lock, own_name, raise_awkward, raise_too_thin, square
from workers import RayExecutor


@pytest.mark.parametrize(
    ("address", "error"),
    [
        ("127.0.0.1:1", 'ConnectionError: no Ray cluster answers at "127.0.0.1:1"'),
        ("ray://127.0.0.1:10001", 'ValueError: Ray address "ray://127.0.0.1:10001" is not "host:port"'),
        ("cluster", 'ValueError: Ray address "cluster" is not "host:port"'),
        ("auto", 'ConnectionError: no Ray cluster answers at "127.0.0.1:2"'),
    ],
)
def test_useless_address_is_refused_at_once(address: str, error: str) -> None:
    script = f"import workers; workers.RayExecutor(1, address='{address}')"
    environment = os.environ | {"RAY_ADDRESS": "127.0.0.1:2"}  # what "auto" means
    answer = subprocess.run([sys.executable, "-W", "error", "-c", script], env=environment, capture_output=True, text=True, timeout=PATIENCE)
    assert error in answer.stderr


def test_ray_knows_a_running_task_by_its_name(ray_executor: RayExecutor) -> None:
    assert ray_executor.submit(own_name, "recipe 85:5").result(PATIENCE) == "own_name('recipe 85:5')"


def test_exception_names_its_worker_and_shows_the_remote_traceback(ray_executor: RayExecutor) -> None:
    error = ray_executor.submit(raise_too_thin).exception(PATIENCE)
    assert error is not None
    assert "in Ray worker" in error.__notes__[0]
    assert "in raise_too_thin" in error.__notes__[0]


def test_exception_that_does_not_unpickle_is_described(ray_executor: RayExecutor) -> None:
    with pytest.raises(RuntimeError, match=r"AwkwardError, which cannot be pickled: thickness_um is 3\.5"):
        ray_executor.submit(raise_awkward).result(PATIENCE)


def test_result_that_cannot_be_pickled_is_an_exception(ray_executor: RayExecutor) -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        ray_executor.submit(iter_lock).result(PATIENCE)
    assert ray_executor.submit(square, 3).result(PATIENCE) == 9


def test_argument_that_cannot_be_pickled_is_an_exception(ray_executor: RayExecutor) -> None:
    with pytest.raises(TypeError, match="cannot pickle"):
        ray_executor.submit(id, iter_lock()).result(PATIENCE)


def test_another_cluster_is_refused_while_connected(ray_executor: RayExecutor) -> None:
    with pytest.raises(ValueError, match=r'Ray address "192\.0\.2\.1:6379" differs from "127\.0\.0\.1:'):
        RayExecutor(1, address="192.0.2.1:6379")


def test_local_ray_listens_on_loopback_only(ray_executor: RayExecutor) -> None:
    ray_executor.submit(square, 1).result(PATIENCE)
    addresses = listening_addresses({os.getpid(), *descendants(os.getpid())})
    assert addresses
    assert [address for address in addresses if not is_loopback(address)] == []


def test_local_ray_has_no_dashboard(ray_executor: RayExecutor) -> None:
    import ray

    assert ray.get_runtime_context().gcs_address.startswith("127.0.0.1:")
    assert not ray._private.worker._global_node.webui_url


@pytest.mark.parametrize("credentials", [{"RAY_AUTH_MODE": "disabled"}, {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": "wrong"}], ids=["none", "wrong"])
def test_local_ray_refuses_a_client_without_its_token(ray_executor: RayExecutor, credentials: dict[str, str]) -> None:
    import ray

    script = f"from ray._raylet import GcsClient; GcsClient(address='{ray.get_runtime_context().gcs_address}').get_all_node_info(timeout={PATIENCE})"
    answer = subprocess.run([sys.executable, "-c", script], env=os.environ | credentials, capture_output=True, text=True, timeout=PATIENCE)
    assert "AuthenticationError: RPC error: InvalidAuthToken" in answer.stderr


def test_token_is_not_left_in_the_environment(ray_executor: RayExecutor) -> None:
    assert not [name for name in os.environ if name.startswith("RAY_AUTH")]


def test_handler_of_sigterm_is_left_alone(ray_executor: RayExecutor) -> None:
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL


def test_executor_that_started_ray_ends_it_all_and_prints_nothing(tmp_path: Path) -> None:
    script = textwrap.dedent("""
        import os, sys, workers
        from pathlib import Path
        assert "ray" not in sys.modules
        with workers.RayExecutor(1) as executor:
            executor.submit(os._exit, 1).exception()
            import ray
            directory = Path(ray._private.worker._global_node.get_temp_dir_path())
            assert directory.parent.stat().st_mode & 0o077 == 0
        print(directory.parent.exists(), ray.is_initialized(), flush=True)
        sys.stdin.read()
    """)
    errors = tmp_path / "stderr"
    with (
        errors.open("w") as stderr,
        subprocess.Popen(
            [sys.executable, "-W", "error", "-c", script],
            env=os.environ | {"WORKERS_TEST": str(tmp_path)},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=stderr,
            text=True,
        ) as driver,
    ):
        assert driver.stdout is not None
        line = driver.stdout.readline()
        assert_all_end(marked(f"WORKERS_TEST={tmp_path}") - {driver.pid})
        rest, _ = driver.communicate(timeout=PATIENCE)
    assert (errors.read_text(), line, rest, driver.returncode) == ("", "False False\n", "", 0)
