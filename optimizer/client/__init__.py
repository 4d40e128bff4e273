"""A client of the service, `glittercake serve`: blocking and awaited from one source, typed, with retries and an outbox; see docs/client.md.

Needs httpx2 and nothing of the service, the models or numpy.
"""

from optimizer.client.clients import AsyncClient, Client
from optimizer.client.errors import ApiError
from optimizer.client.outbox import Kept, Outbox, Replayed
from optimizer.client.pages import Page
from optimizer.client.retry import Retry

__all__ = ["ApiError", "AsyncClient", "Client", "Kept", "Outbox", "Page", "Replayed", "Retry"]
