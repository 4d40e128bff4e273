"""BoTorch's qLogNEI and qLogNEHVI over the candidate recipes: the reference that the default rule is compared with."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from botorch.acquisition.logei import qLogNoisyExpectedImprovement
from botorch.acquisition.multi_objective.logei import qLogNoisyExpectedHypervolumeImprovement
from botorch.acquisition.multi_objective.objective import GenericMCMultiOutputObjective
from botorch.acquisition.objective import GenericMCObjective
from botorch.models import ModelList
from botorch.models.deterministic import GenericDeterministicModel
from botorch.models.model import Model
from botorch.optim import optimize_acqf_discrete
from botorch.posteriors import GPyTorchPosterior
from botorch.sampling.index_sampler import IndexSampler
from botorch.sampling.list_sampler import ListSampler
from botorch.sampling.normal import IIDNormalSampler
from gpytorch.distributions import MultivariateNormal

from objectives.composition import Array
from optimizer.kernel import use_own_directory
from optimizer.model import FittedModel
from optimizer.samples import Samples, objective_values, reference_point

MC_SAMPLES = 128
JITTER = 1e-8  # of the mean variance


class _Known(Model):
    """One outcome's posterior at recipes known beforehand, on its natural scale; X holds their indices.

    An average of models is a mixture, which no BoTorch posterior is: here it is the Gaussian of the same mean and covariance.
    """

    def __init__(self, mean: Array, covariance: Array) -> None:
        super().__init__()
        self.mean, self.covariance = torch.as_tensor(mean), torch.as_tensor(covariance)

    @property
    def num_outputs(self) -> int:
        return 1

    def posterior(self, X: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        at = X[..., 0].long()
        covariance = self.covariance[at.unsqueeze(-1), at.unsqueeze(-2)]
        jitter = JITTER * self.covariance.diagonal().mean() * torch.eye(at.shape[-1], dtype=covariance.dtype)  # a recipe may come twice
        return GPyTorchPosterior(MultivariateNormal(self.mean[at], covariance + jitter))


def _completed(model: FittedModel) -> Callable[[torch.Tensor], tuple[Samples, torch.Size]]:
    """Return a function from samples ``(..., learned + 4 recipe)`` to complete samples over the flattened points."""

    def complete(y: torch.Tensor) -> tuple[Samples, torch.Size]:
        flat = y.detach().reshape(-1, y.shape[-1]).numpy()
        recipes = flat[:, len(model.learned) :]
        closed = model.physics.outcomes(recipes)
        known = {name: model.campaign.outcomes[name].from_natural(flat[None, :, i]) for i, name in enumerate(model.learned)}
        known["mean_discharge_voltage"] = closed.mean_discharge_voltage[None, :]
        return model.complete(recipes, closed, known), y.shape[:-1]

    return complete


def choose(model: FittedModel, candidates: Array, known: Array, n: int, seed: int) -> list[int]:
    """Return the indices of n candidates by BoTorch's acquisition, one after another, each given those before it."""
    use_own_directory()
    torch.set_num_threads(1)  # the same numbers whatever the load
    everything = np.concatenate([candidates, known if len(known) else candidates[-1:]])
    recipes, index = torch.as_tensor(everything), torch.arange(len(everything), dtype=torch.float64).unsqueeze(-1)
    x, baseline = index[: len(candidates)], index[len(candidates) :]
    recipe = GenericDeterministicModel(lambda X: recipes[X[..., 0].long()], num_outputs=candidates.shape[1])
    parts = [_Known(*model.moments(name, everything)) for name in model.learned]
    complete = _completed(model)
    campaign = model.campaign

    def objectives(y: torch.Tensor, X: torch.Tensor | None = None) -> torch.Tensor:
        samples, shape = complete(y)
        return torch.as_tensor(objective_values(campaign.objectives, samples)[0]).reshape(*shape, len(campaign.objectives))

    def violation(y: torch.Tensor) -> torch.Tensor:
        """Return the worst soft margin with its sign turned: at most 0 where every limit holds."""
        samples, shape = complete(y)
        worst = np.minimum.reduce([margin[0] for margin in samples.margins.values()])
        return torch.as_tensor(-worst).reshape(shape)

    shape = torch.Size([MC_SAMPLES])
    # Independent normals: Sobol samplers that differ by their seed alone would make the outcomes correlate.
    samplers = [*(IIDNormalSampler(shape, seed=seed + i) for i in range(len(parts))), IndexSampler(shape, seed=seed)]
    settings: dict[str, Any] = {"sampler": ListSampler(*samplers), "prune_baseline": False, "cache_root": False, "constraints": [violation]}
    joined = ModelList(*parts, recipe)
    with warnings.catch_warnings(), torch.no_grad():
        warnings.simplefilter("ignore")  # BoTorch warns of scaling and of compiling; both are by design here
        if len(campaign.objectives) == 1:
            objective = GenericMCObjective(lambda y, X=None: objectives(y).squeeze(-1))
            acquisition: Any = qLogNoisyExpectedImprovement(joined, baseline, objective=objective, **settings)
        else:
            reference = reference_point(campaign.objectives).tolist()
            acquisition = qLogNoisyExpectedHypervolumeImprovement(
                joined, reference, baseline, objective=GenericMCMultiOutputObjective(objectives), **settings
            )
        chosen, _ = optimize_acqf_discrete(acquisition, q=min(n, len(candidates)), choices=x, max_batch_size=128, unique=True)
    return [int(row[0]) for row in chosen]
