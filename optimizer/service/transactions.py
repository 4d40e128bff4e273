"""Reads and writes of the service's own tables, with the database's errors as the store words them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from sqlalchemy import Connection, Engine
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from optimizer.database import reading, writing
from optimizer.store.errors import unavailable

T = TypeVar("T")


def read(engine: Engine, run: Callable[[Connection], T]) -> T:
    """Return what a function reads.

    Raises:
        UnavailableError: If the database cannot be read now.
    """
    try:
        with engine.connect() as connection, reading(connection):
            return run(connection)
    except (DBAPIError, PoolTimeoutError) as error:
        raise unavailable(engine, error) from error


def write(engine: Engine, run: Callable[[Connection], T]) -> T:
    """Return the answer of a function that writes: all of it is kept, or nothing.

    Raises:
        IntegrityError: If a row is there already that may be there once.
        UnavailableError: If the database cannot be written now.
    """
    try:
        with engine.connect() as connection, writing(connection):
            return run(connection)
    except IntegrityError:
        raise
    except (DBAPIError, PoolTimeoutError) as error:
        raise unavailable(engine, error) from error
