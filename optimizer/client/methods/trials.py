"""Recipes: ask for them, list them, renew their leases, give them up."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from optimizer.client import shapes
from optimizer.client.errors import data_of
from optimizer.client.jobs import Progress, result
from optimizer.client.method import method
from optimizer.client.pages import Page, listing
from optimizer.client.wire import Steps, address, reading, writing

State = Literal["proposed", "running", "completed", "failed", "abandoned"]


class Trials:
    """What can be done with recipes."""

    @method
    def ask(
        self,
        campaign: str,
        n: int = 1,
        *,
        seed: int = 0,
        strategy: Literal["auto", "bayesian", "sobol"] = "auto",
        machine: str | None = None,
        lease_s: float | None = None,
        reserve: bool = True,
        progress: Progress | None = None,
        key: str | None = None,
    ) -> Steps[shapes.Suggested]:
        """Return n recipes under leases, however long they take: open ones of the caller, then any that nobody holds, then new ones.

        Args:
            campaign: Its name.
            n: Recipes wanted.
            seed: Same data, pending recipes, seed and machine give the same recipes.
            strategy: How new ones are chosen.
            machine: One of the caller's machines, which has recipes of its own.
            lease_s: Until they are free again, unless told or renewed, s; a week when left out.
            reserve: False only shows what would be proposed, in `batch`.
            progress: Called with the job at each look, if it takes longer than the service waits.
            key: Of this one question, where it may have to be asked again by another process; a new one when left out.
        """
        body = {"n": n, "seed": seed, "strategy": strategy, "machine": machine, "lease_s": lease_s, "reserve": reserve}
        return (yield from result(writing(address("campaigns", campaign, "suggestions"), body, key), progress))

    @method
    def trials(self, campaign: str, *, states: Sequence[State] = (), after: int | None = None, limit: int | None = None) -> Steps[Page[shapes.Trial]]:
        """Return trials as they are now, in order of number; of some states alone where they are named."""
        return (yield from listing(address("campaigns", campaign, "trials"), after, limit, {"state": list(states)}))

    @method
    def trial(self, campaign: str, number: int) -> Steps[shapes.Trial]:
        """Return one trial as it is now."""
        return data_of((yield reading(address("campaigns", campaign, "trials", number))))

    @method
    def renew(
        self, campaign: str, number: int, *, machine: str | None = None, lease_s: float | None = None, key: str | None = None
    ) -> Steps[shapes.Trial]:
        """Hold a recipe for longer, from now."""
        body = {"machine": machine, "lease_s": lease_s}
        return data_of((yield writing(address("campaigns", campaign, "trials", number, "renew"), body, key)))

    @method
    def abandon(self, campaign: str, number: int, *, reason: str = "", key: str | None = None) -> Steps[shapes.Trial]:
        """Give a recipe up: nobody will make it, and it may be proposed again."""
        return data_of((yield writing(address("campaigns", campaign, "trials", number, "abandon"), {"reason": reason}, key)))
