"""Fixtures for all tests: a real PostgreSQL."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1]))  # last, so that an installed package comes first

from tests.postgres import postgres_server, postgres_url

__all__ = ["postgres_server", "postgres_url"]
