"""The command `serve`: start the service, check its configuration, and make, list and revoke keys."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from optimizer.cli.common import print_json, refuse
from optimizer.cli.options import Json

if TYPE_CHECKING:
    from optimizer.service.keys import Scope
    from optimizer.service.settings import Settings

BY = "command line"  # who makes a key here, in the audit of keys
app = typer.Typer(name="serve", help="Serve campaigns to several people and machines over HTTP.", rich_markup_mode=None, add_completion=False)
key_app = typer.Typer(name="key", help="Keys of callers, made on the machine that has the store.", no_args_is_help=True, rich_markup_mode=None)
app.add_typer(key_app)

ConfigFile = Annotated[Path | None, typer.Option("--config", metavar="TOML", help="File of settings; GLITTERCAKE_* of the environment win over it.")]
StoreFile = Annotated[str | None, typer.Option("--store", metavar="FILE", help="The store: a file, or postgresql://...; glittercake.db.")]


@app.callback(invoke_without_command=True)
def serve(
    context: typer.Context,
    config: ConfigFile = None,
    store: StoreFile = None,
    host: Annotated[str | None, typer.Option("--host", help="Address to listen on; 127.0.0.1.")] = None,
    port: Annotated[int | None, typer.Option("--port", help="Port to listen on; 8765. 0 takes a free one.")] = None,
    tls_certificate: Annotated[Path | None, typer.Option("--tls-certificate", metavar="PEM", help="Certificate, with its chain.")] = None,
    tls_key: Annotated[Path | None, typer.Option("--tls-key", metavar="PEM", help="Key of the certificate.")] = None,
    insecure_bind: Annotated[bool, typer.Option("--insecure-bind", help="Listen beyond this machine without TLS: a proxy in front has it.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Only say whether it could be served: settings, store, files. Changes nothing.")] = False,
) -> None:
    """Serve the API until it is stopped; the first time with a key for everything, shown once."""
    if context.invoked_subcommand is not None:
        return
    given = {"store": store, "host": host, "port": port, "tls_certificate": tls_certificate, "tls_key": tls_key}
    settings = _settings(config, **given, insecure_bind=insecure_bind or None)
    if check:
        _check(settings)
        return
    from optimizer.service.server import announce, run

    try:
        announce(settings, typer.echo)
        run(settings, typer.echo)
    except (ValueError, OSError) as error:
        refuse(error)


@key_app.command("create")
def create(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Whose it is: the name that the audit shows.")],
    scope: Annotated[list[str], typer.Option("--scope", metavar="SCOPE", help="read, propose, write or admin; repeat for each.")],
    days: Annotated[float | None, typer.Option("--days", help="Until it expires; never when left out.")] = None,
    store: StoreFile = None,
    config: ConfigFile = None,
) -> None:
    """Make a key and print it: this once, for only its hash is kept."""
    from optimizer.service.keys import SCOPES, Keys
    from optimizer.service.state import open_store

    wanted: list[Scope] = [known for known in SCOPES if known in scope]
    if len(wanted) != len(set(scope)):
        refuse(f"--scope must be some of {', '.join(SCOPES)}, got {', '.join(scope)}; correct it")
    try:
        with open_store(_settings(config, store=store)) as opened:
            info, key = Keys(opened.engine).make(BY, name, wanted, None if days is None else days * 86_400.0)
    except ValueError as error:
        refuse(error)
    typer.echo(f"key {info.id} of {info.name} ({', '.join(info.scopes)}), shown this once:", err=True)
    typer.echo(key)


@key_app.command("list")
def list_keys(store: StoreFile = None, config: ConfigFile = None, as_json: Json = False) -> None:
    """List keys without their secrets."""
    from optimizer.service.keys import Keys
    from optimizer.service.state import open_store

    try:
        with open_store(_settings(config, store=store)) as opened:
            found = [key.as_json() for key in Keys(opened.engine).page(limit=10_000)]
    except ValueError as error:
        refuse(error)
    if as_json:
        print_json({"keys": found})
        return
    for key in found:
        typer.echo(f"{key['id']}  {key['state']:<8} {key['name']}  ({', '.join(key['scopes'])})  expires {key['expires_at'] or 'never'}")


@key_app.command("revoke")
def revoke(
    key_id: Annotated[str, typer.Argument(metavar="ID", help="As `list` shows it.")], store: StoreFile = None, config: ConfigFile = None
) -> None:
    """Close a key for good, at once."""
    from optimizer.service.keys import Keys
    from optimizer.service.state import open_store

    try:
        with open_store(_settings(config, store=store)) as opened:
            info = Keys(opened.engine).revoke(BY, key_id)
    except ValueError as error:
        refuse(error)
    typer.echo(f"key {info.id} of {info.name} is revoked")


def _settings(config: Path | None, **given: object) -> Settings:
    try:
        from optimizer.service.settings import ServiceError, load_settings
    except ImportError as error:
        refuse(f'serving needs the extra "service" ({error.name} is not installed); install it with: pip install "glittercake[service]"')
    try:
        return load_settings(config, **given)
    except ServiceError as error:
        refuse(error)


def _check(settings: Settings) -> None:
    """Say what would be served, or refuse with what would not."""
    from optimizer.service.server import examine

    try:
        found = examine(settings)
    except (ValueError, OSError) as error:
        refuse(error)
    for line in found:
        typer.echo(line)
