"""The service: campaigns, recipes and measurements over HTTP, for several people and machines; see docs/service.md. Loads no torch."""

from optimizer.service.app import create_app
from optimizer.service.settings import ServiceError, Settings, load_settings

__all__ = ["ServiceError", "Settings", "create_app", "load_settings"]
