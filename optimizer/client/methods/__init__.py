"""The methods of the client, by resource; each is written once, as steps."""

from optimizer.client.methods.campaigns import Campaigns
from optimizer.client.methods.jobs import Jobs
from optimizer.client.methods.models import Models
from optimizer.client.methods.observations import Observations
from optimizer.client.methods.service import Service
from optimizer.client.methods.trials import Trials


class Methods(Campaigns, Trials, Observations, Models, Jobs, Service):
    """All methods."""


__all__ = ["Methods"]
