"""What an audit of the packages says: a flaw fails it, and a database that knows nothing is not taken for a clean bill."""

from __future__ import annotations

from tests.audit import verdict

SOUND = {"name": "good", "version": "1", "vulns": []}
FLAWED = {"name": "bad", "version": "2", "vulns": [{"id": "PYSEC-1"}, {"id": "CVE-2"}]}
SKIPPED = {"name": "own", "skip_reason": "not found"}


def test_known_flaw_fails_and_is_named() -> None:
    assert verdict({"dependencies": [SOUND, FLAWED, SKIPPED]}) == ("known vulnerabilities in bad 2: PYSEC-1, CVE-2", False)


def test_packages_without_a_known_flaw_pass() -> None:
    said, clean = verdict({"dependencies": [SOUND, SKIPPED]})
    assert clean
    assert said.startswith("no known vulnerability in 1 of 2 packages")


def test_database_that_knows_nothing_has_audited_nothing() -> None:
    said, clean = verdict({"dependencies": [SKIPPED]})
    assert clean
    assert said.startswith("NOT audited")
