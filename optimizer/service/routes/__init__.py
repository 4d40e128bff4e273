"""The routes of the API, a module for each resource."""

from optimizer.service.routes import audit, campaigns, exports, health, jobs, keys, models, observations, trials

ROUTERS = tuple(module.router for module in (health, campaigns, trials, observations, models, jobs, exports, audit, keys))
