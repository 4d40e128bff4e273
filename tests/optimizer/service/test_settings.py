"""Settings, from a file and the environment; what must not be served is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from optimizer.service import ServiceError, load_settings


def test_environment_wins_over_the_file_and_options_over_both(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "service.toml"
    file.write_text('port = 1\nworkers = 2\nstore = "a.db"\n')
    monkeypatch.setenv("GLITTERCAKE_PORT", "2")
    monkeypatch.setenv("GLITTERCAKE_WORKERS", "3")
    settings = load_settings(file, port=4)
    assert (settings.store, settings.workers, settings.port) == ("a.db", 3, 4)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("prot = 1", "prot must be left out, there is no such field"),
        ("port = 99999", "port must be less than or equal to 65535, got 99999"),
        ("port = [", "must be a readable TOML file"),
        ('workers = "many"', "workers must be a valid integer"),
        ('tls_key = "missing.pem"', "must be given together"),
        ('tls_key = "missing.pem"\ntls_certificate = "missing.pem"', "TLS file must exist"),
        ('host = "0.0.0.0"', "keys must travel under TLS"),
        ('host = "::"', "keys must travel under TLS"),
        ('host = "lab.example.org"', "keys must travel under TLS"),
    ],
)
def test_wrong_settings_are_refused_in_one_sentence(tmp_path: Path, content: str, said: str) -> None:
    file = tmp_path / "service.toml"
    file.write_text(content)
    with pytest.raises(ServiceError, match=said):
        load_settings(file)


def test_misspelt_variable_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLITTERCAKE_PROT", "1")
    with pytest.raises(ServiceError, match="got GLITTERCAKE_PROT"):
        load_settings()


def test_variables_of_the_client_are_none_of_the_services(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GLITTERCAKE_CLIENT_URL", "http://127.0.0.1:8765/api/v1")
    monkeypatch.setenv("GLITTERCAKE_CLIENT_KEY", "gck_any")
    assert load_settings().port == 8765


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1", "localhost"])
def test_this_machine_needs_no_tls(host: str) -> None:
    assert load_settings(host=host).loopback


def test_insecure_bind_is_said_and_not_guessed() -> None:
    assert not load_settings(host="0.0.0.0", insecure_bind=True).loopback
