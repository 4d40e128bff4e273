"""What can be set of a service, from a TOML file and from ``GLITTERCAKE_*`` of the environment, which wins."""

from __future__ import annotations

import os
import tomllib
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource, SettingsConfigDict

from optimizer.service.validation import sentences

PREFIX = "GLITTERCAKE_"
OF_THE_CLIENT = "GLITTERCAKE_CLIENT_"  # where a client on this machine finds its service; none of the service's business


class ServiceError(ValueError):
    """Raised when a service cannot be started as it is configured."""


class Settings(BaseSettings):
    """The settings of a service. Times are in seconds; every limit is meant to be hit by mistakes and abuse, not by a lab at work."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, extra="forbid", frozen=True, strict=False)

    store: str = Field("glittercake.db", description="File, or postgresql:// URL, of the store.")
    host: str = Field("127.0.0.1", description="Address to listen on.")
    port: int = Field(8765, ge=0, le=65535, description="Port; 0 takes a free one.")
    tls_certificate: Path | None = Field(None, description="PEM file of the certificate, with its chain.")
    tls_key: Path | None = Field(None, description="PEM file of its key.")
    insecure_bind: bool = Field(False, description="Listen beyond this machine without TLS, as behind a proxy that has it.")
    workers: int = Field(1, ge=1, le=64, description="Processes for models; a campaign stays with one of them. Simulations have one beside.")
    warm: bool = Field(True, description="Load what models need when the service starts, so that the first answer comes soon.")
    connections: int = Field(8, ge=2, le=100, description="Connections to the store that are kept open.")
    body_bytes: int = Field(10_000_000, ge=1_000, le=100_000_000, description="Largest body of a request.")
    body_s: float = Field(60.0, gt=0, description="Longest time that a body may take to arrive.")
    rows: int = Field(1_000, ge=1, le=10_000, description="Most reports in one request.")
    requests_a_minute: int = Field(1_200, ge=1, description="Of one key, in the long run.")
    burst: int = Field(200, ge=1, description="Requests of one key at once.")
    refusals_a_minute: int = Field(60, ge=1, description="Requests without a right key, from one address.")
    jobs: int = Field(256, ge=1, le=1_000, description="Jobs at once, waiting ones included.")
    jobs_of_one: int = Field(32, ge=1, le=1_000, description="The same, of one caller.")
    job_s: float = Field(600.0, gt=0, description="Longest time that a job may compute.")
    jobs_kept_s: float = Field(30 * 86_400.0, ge=60, description="How long a job that has ended is kept.")
    inline_s: float = Field(10.0, ge=0, le=60, description="How long an answer is waited for, unless the request says so; then it is a job.")
    longest_inline_s: float = Field(60.0, ge=0, le=300, description="The longest that a request may wait.")
    stream_s: float = Field(900.0, gt=0, description="Longest time that a stream of events stays open.")
    sweep_s: float = Field(60.0, gt=0, description="Between two looks for leases that have run out.")
    shutdown_s: float = Field(10.0, ge=0, description="For requests to end when the service is stopped.")

    @property
    def tls(self) -> bool:
        """Whether it speaks TLS."""
        return self.tls_certificate is not None

    @property
    def loopback(self) -> bool:
        """Whether only this machine can reach it."""
        try:
            return ip_address(self.host).is_loopback
        except ValueError:
            return self.host == "localhost"


def load_settings(file: Path | None = None, **given: object) -> Settings:
    """Return the settings of a file and the environment; what is given by name wins over both.

    Raises:
        ServiceError: If a setting is unknown or wrong, or a file cannot be read; names all of them.
    """
    told: dict[str, Any] = {}
    if file is not None:
        try:
            told = tomllib.loads(file.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ServiceError(f"the settings {file} must be a readable TOML file ({error}); correct it") from error
    known = {f"{PREFIX}{name}".upper() for name in Settings.model_fields}
    unknown = sorted(name for name in os.environ if name.startswith(PREFIX) and not name.startswith(OF_THE_CLIENT) and name.upper() not in known)
    if unknown:
        raise ServiceError(f"the environment must set what there is to set, got {', '.join(unknown)}; see docs/service.md, or unset it")

    class Filed(Settings):
        """The same, with the file as the last to be asked."""

        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,
            file_secret_settings: PydanticBaseSettingsSource,
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, told)

    try:
        settings = Filed(**{name: value for name, value in given.items() if value is not None})  # type: ignore[arg-type]
    except ValidationError as error:
        raise ServiceError("; ".join(sentences(error.errors()))) from error
    check_binding(settings)
    return settings


def check_binding(settings: Settings) -> None:
    """Refuse to listen where keys would travel in the open.

    Raises:
        ServiceError: If it would, or the files of TLS are not there.
    """
    if (settings.tls_certificate is None) != (settings.tls_key is None):
        raise ServiceError("tls_certificate and tls_key must be given together, got one of them; give the other, or neither")
    for file in (settings.tls_certificate, settings.tls_key):
        if file is not None and not file.is_file():
            raise ServiceError(f"the TLS file must exist, got {file}; correct the path")
    if not settings.loopback and not settings.tls and not settings.insecure_bind:
        raise ServiceError(
            f"beyond this machine keys must travel under TLS, got host {settings.host} without it; give tls_certificate and tls_key, "
            "or say insecure_bind where a proxy in front has TLS"
        )
