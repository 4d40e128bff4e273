"""Serving the application with uvicorn: checked before, announced, stopped in order."""

from __future__ import annotations

import logging
import socket
import ssl
from collections.abc import Callable
from pathlib import Path

import uvicorn

from optimizer.database import locate, shown
from optimizer.service.app import create_app
from optimizer.service.keys import SCOPES, Keys
from optimizer.service.settings import ServiceError, Settings
from optimizer.service.shield import PREFIX
from optimizer.service.state import open_store
from optimizer.store import Store

FIRST = "admin"  # the owner of the first key
_BACKLOG = 512


def examine(settings: Settings) -> list[str]:
    """Return what would be served, and change nothing.

    Raises:
        ServiceError: If the port is taken or a file of TLS is no good.
        StoreError: If the store cannot be opened.
    """
    _context(settings)
    _listen(settings).close()
    url = locate(settings.store)
    found = [f"listens on {_url(settings, settings.port)}: {'TLS' if settings.tls else 'this machine only' if settings.loopback else 'no TLS here'}"]
    if url.drivername == "sqlite" and not Path(str(url.database)).exists():
        folder = Path(str(url.database)).absolute().parent
        if not folder.is_dir():
            raise ServiceError(f"the folder of the store must exist, got {folder}; make it, or name another")
        return [*found, f"store {shown(url)}: will be made"]
    with Store(settings.store, connections=2) as store:
        return [*found, f"store {shown(url)}: opens, {len(store.campaigns.page(limit=1000))} campaigns on its first page"]


def announce(settings: Settings, say: Callable[[str], None]) -> None:
    """Make the first key where there is none, and show it, this once."""
    with open_store(settings) as store:
        keys = Keys(store.engine)
        if keys.none:
            _, key = keys.make("glittercake serve", FIRST, SCOPES)
            say(f"first key, for everything, shown this once: {key}")


def run(settings: Settings, say: Callable[[str], None]) -> None:
    """Serve until a signal stops it: no new requests, those begun may end, workers end.

    Raises:
        ServiceError: If the port is taken or a file of TLS is no good.
    """
    _context(settings)
    listener = _listen(settings)
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(name)s %(levelname)s %(message)s")
    config = uvicorn.Config(
        create_app(settings),
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,  # the address of a caller is the connection's: a header could be anybody's
        lifespan="on",
        ws="none",
        http="h11",
        timeout_keep_alive=15,
        timeout_graceful_shutdown=int(settings.shutdown_s),
        h11_max_incomplete_event_size=65_536,  # bytes of a request's head
        ssl_certfile=settings.tls_certificate,
        ssl_keyfile=settings.tls_key,
    )
    say(f"serving {_url(settings, listener.getsockname()[1])}")
    server = uvicorn.Server(config)
    try:
        server.run(sockets=[listener])
    finally:
        listener.close()
    if not server.started:
        raise ServiceError("the service could not start; its log says why")


def _context(settings: Settings) -> None:
    """Refuse files of TLS that are no good."""
    if settings.tls_certificate is not None:
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(settings.tls_certificate, settings.tls_key)
        except (ssl.SSLError, OSError) as error:
            raise ServiceError(
                f"{settings.tls_certificate} and {settings.tls_key} must be a certificate and its key ({error}); correct them"
            ) from error


def _listen(settings: Settings) -> socket.socket:
    """Return a listening socket."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)[0]
        listener = socket.socket(family, kind, protocol)
        try:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            listener.bind(address)
            listener.listen(_BACKLOG)
        except OSError:
            listener.close()
            raise
    except OSError as error:
        raise ServiceError(f"{settings.host} port {settings.port} cannot be listened on ({error.strerror}); choose another") from error
    return listener


def _url(settings: Settings, port: int) -> str:
    host = f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"{'https' if settings.tls else 'http'}://{host}:{port}{PREFIX}"
