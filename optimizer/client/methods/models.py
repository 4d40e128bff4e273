"""What models say: checks, predictions and what-if, advice, diagnostics, validations, simulations; each is waited for, however long it takes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from optimizer.client.jobs import Progress, result
from optimizer.client.measurements import Recipe
from optimizer.client.method import method
from optimizer.client.wire import Steps, address, writing

Said = dict[str, Any]  # as `--json` of the command of the same name prints it


class Models:
    """What can be asked of the models."""

    @method
    def check(self, campaign: str, recipe: Recipe, *, progress: Progress | None = None, key: str | None = None) -> Steps[Said]:
        """Say which limits a recipe keeps, by how much, and the nearest recipe that passes."""
        return (yield from result(writing(address("campaigns", campaign, "checks"), {"recipe": recipe}, key), progress))

    @method
    def predict(
        self, campaign: str, recipe: Recipe, *, explain: bool = False, progress: Progress | None = None, key: str | None = None
    ) -> Steps[Said]:
        """Say what the models expect of a recipe; with `explain` why, and what one lab step each way would change."""
        body = {"recipe": recipe, "explain": explain}
        return (yield from result(writing(address("campaigns", campaign, "predictions"), body, key), progress))

    @method
    def advise(
        self,
        campaign: str,
        n: int | None = None,
        *,
        seed: int = 0,
        least: Sequence[float] | None = None,
        trust: float | None = None,
        progress: Progress | None = None,
        key: str | None = None,
    ) -> Steps[Said]:
        """Say whether to go on, repeat a recipe or stop, and whether simulating first would change it.

        Args:
            campaign: Its name.
            n: Cells of the next batch; the campaign's batch size when left out.
            seed: Of the random numbers.
            least: What a batch must gain in each objective, in its unit; the scatter of one cell when left out.
            trust: Correlation of a simulation with what is still unknown, 0 to 1.
            progress: Called with the job at each look.
            key: Of this one question; a new one when left out.
        """
        body = {"n": n, "seed": seed, "least": least, "trust": trust}
        return (yield from result(writing(address("campaigns", campaign, "advice"), body, key), progress))

    @method
    def diagnose(self, campaign: str, *, seed: int = 0, progress: Progress | None = None, key: str | None = None) -> Steps[Said]:
        """Say which parameters matter to each outcome, and to how unsure the model is of it."""
        return (yield from result(writing(address("campaigns", campaign, "diagnostics"), {"seed": seed}, key), progress))

    @method
    def validate(self, campaign: str, *, seed: int = 0, progress: Progress | None = None, key: str | None = None) -> Steps[Said]:
        """Say how well each model predicts the campaign's own designs, each left out of its fit, and which model each outcome chooses."""
        return (yield from result(writing(address("campaigns", campaign, "validations"), {"seed": seed}, key), progress))

    @method
    def simulate(
        self,
        campaign: str,
        recipe: Recipe,
        *,
        c_rates: Sequence[float] | None = None,
        fidelity: Literal["analytic", "cell", "micro"] = "analytic",
        seeds: int | None = None,
        screen: bool = False,
        progress: Progress | None = None,
        key: str | None = None,
    ) -> Steps[Said]:
        """Simulate a recipe.

        Args:
            campaign: Its name.
            recipe: By parameter.
            c_rates: 1/h; the campaign's when left out.
            fidelity: Closed form, cell model or 3D microstructures.
            seeds: Microstructures to average over (micro).
            screen: One small cube instead of the full thickness (micro).
            progress: Called with the job at each look.
            key: Of this one question; a new one when left out.
        """
        body = {"recipe": recipe, "c_rates": c_rates, "fidelity": fidelity, "seeds": seeds, "screen": screen}
        return (yield from result(writing(address("campaigns", campaign, "simulations"), body, key), progress))
