"""The repository as a whole: what is packaged, what is pinned, what stays light, and what must not be in a text file."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[1]
HEAVY = ("torch", "botorch", "gpytorch", "scipy", "sklearn", "ray")

with (ROOT / "pyproject.toml").open("rb") as _file:
    PROJECT: dict[str, Any] = tomllib.load(_file)
PACKAGES: list[str] = PROJECT["tool"]["hatch"]["build"]["targets"]["wheel"]["packages"]


def canonical(name: str) -> str:
    """Return a distribution's name in the one spelling that installers compare."""
    return re.sub(r"[-_.]+", "-", name).lower()


def required() -> list[str]:
    """Return every requirement of the project, those of the extras and of the build included."""
    project = PROJECT["project"]
    extras = [line for lines in project.get("optional-dependencies", {}).values() for line in lines]
    return [*project["dependencies"], *extras, *PROJECT["build-system"]["requires"]]


def pinned() -> dict[str, str]:
    """Return the versions of the lock file by canonical name."""
    lines = (ROOT / "requirements.lock").read_text(encoding="utf-8").splitlines()
    pairs = (line.split("==") for line in lines if line and not line.startswith("#"))
    return {canonical(name): version for name, version in pairs}


def tracked_texts() -> list[tuple[str, str]]:
    """Return path and content of each text file under version control; skip where there is no version control."""
    if shutil.which("git") is None or not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=True).stdout.decode()
    texts = []
    for name in filter(None, listing.split("\0")):
        path = ROOT / name
        content = path.read_bytes() if path.is_file() else b""
        if b"\0" not in content:
            texts.append((name, content.decode("utf-8", errors="replace")))
    if not texts:
        pytest.skip("nothing is tracked yet")
    return texts


def offences(pattern: re.Pattern[str]) -> list[str]:
    """Return `file:line: text` for each tracked line in which the pattern is found."""
    return [
        f"{name}:{number}: {line.strip()[:120]}"
        for name, text in tracked_texts()
        for number, line in enumerate(text.splitlines(), start=1)
        if pattern.search(line)
    ]


@pytest.mark.parametrize("package", PACKAGES)
def test_packaged_folder_is_a_typed_package(package: str) -> None:
    assert (ROOT / package / "__init__.py").is_file()
    assert (ROOT / package / "py.typed").is_file()


def test_every_top_level_package_is_packaged() -> None:
    found = {path.parent.name for path in ROOT.glob("*/__init__.py")} - {"tests"}
    assert found == set(PACKAGES)


def test_type_checker_and_import_linter_see_every_package() -> None:
    assert set(PACKAGES) <= set(PROJECT["tool"]["mypy"]["files"])
    assert set(PACKAGES) == set(PROJECT["tool"]["importlinter"]["root_packages"])


def test_configs_hold_data_and_no_code() -> None:
    code = [path.relative_to(ROOT).as_posix() for path in (ROOT / "configs").rglob("*.py")]
    assert code == ["configs/__init__.py"]


@pytest.mark.parametrize("package", ["objectives", "configs"])
def test_importing_all_of_a_light_package_loads_no_heavy_library(package: str) -> None:
    modules = sorted(".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in (ROOT / package).rglob("*.py"))
    program = f"import importlib, sys\nfor m in {modules!r}: importlib.import_module(m)\nprint([m for m in {HEAVY!r} if m in sys.modules])"
    finished = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=False)
    assert finished.returncode == 0, finished.stderr
    assert finished.stdout.strip() == "[]"


def test_every_requirement_is_pinned_within_its_range() -> None:
    packaging = pytest.importorskip("packaging.requirements")
    versions = pinned()
    for line in required():
        requirement = packaging.Requirement(line)
        name = canonical(requirement.name)
        if name == PROJECT["project"]["name"]:
            continue  # an extra that takes in another
        assert name in versions, f"{requirement.name} is not in requirements.lock; run make lock"
        assert requirement.specifier.contains(versions[name]), f"requirements.lock has {name} {versions[name]}, pyproject.toml wants {line}"


def test_lock_file_pins_public_versions_only() -> None:
    for name, version in pinned().items():
        assert re.fullmatch(r"[0-9][0-9a-z.]*", version), f"{name}=={version}: a local build or an address cannot be installed elsewhere"


def test_readme_and_changelog_know_the_version() -> None:
    assert f"[{PROJECT['project']['version']}]" in (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")


def test_no_machine_path_in_a_tracked_file() -> None:
    folders = "work", "root", "home", "opt", "Users"
    found = offences(re.compile(rf"(?<![\w.*$}}])/(?:{'|'.join(folders)})/\w"))
    assert not found, "\n".join(found)


def test_no_package_registry_address_in_a_tracked_file() -> None:
    hosts = "pypi" + ".org", "python" + "hosted", "npm" + "js", "index" + "-url", "find" + "-links"
    found = offences(re.compile("|".join(map(re.escape, hosts)), re.IGNORECASE))
    assert not found, "\n".join(found)
