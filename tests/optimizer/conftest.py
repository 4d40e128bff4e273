"""A model of the reference campaign, fitted once for all tests of the optimizer."""

from __future__ import annotations

import pytest

from optimizer.campaign import Campaign, load_campaign
from optimizer.candidates import Feasible
from optimizer.model import FittedModel, fit_model


@pytest.fixture(scope="session")
def campaign() -> Campaign:
    return load_campaign()


@pytest.fixture(scope="session")
def model(campaign: Campaign) -> FittedModel:
    return fit_model(campaign)


@pytest.fixture(scope="session")
def feasible(campaign: Campaign, model: FittedModel) -> Feasible:
    constraints = campaign.constraints(model.physics)
    return Feasible(campaign.space, constraints, campaign.accept(constraints))
