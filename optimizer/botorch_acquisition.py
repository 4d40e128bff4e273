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
from botorch.sampling.index_sampler import IndexSampler
from botorch.sampling.list_sampler import ListSampler
from botorch.sampling.normal import IIDNormalSampler

from objectives.composition import Array
from optimizer.kernel import use_own_directory
from optimizer.model import FittedModel
from optimizer.samples import Samples, objective_values, reference_point

MC_SAMPLES = 128


class _Block(Model):
    """A fitted model that reads its own columns of a wider X."""

    def __init__(self, model: Model, block: slice) -> None:
        super().__init__()
        self.model, self.block = model, block

    @property
    def num_outputs(self) -> int:
        return 1

    def posterior(self, X: torch.Tensor, *args: Any, **kwargs: Any) -> Any:
        return self.model.posterior(X[..., self.block], *args, **kwargs)


def _wide(model: FittedModel, recipes: Array) -> tuple[torch.Tensor, list[slice]]:
    """Return every learned outcome's inputs side by side, then the recipe itself; and where each outcome's columns are."""
    inputs = model.inputs(recipes)
    blocks = [model.predictors[name].columns(inputs[name]) for name in model.learned]
    ends = np.cumsum([block.shape[1] for block in blocks])
    slices = [slice(int(end) - block.shape[1], int(end)) for block, end in zip(blocks, ends, strict=True)]
    return torch.cat([*blocks, torch.as_tensor(recipes, dtype=torch.float64)], dim=1), slices


def _completed(model: FittedModel) -> Callable[[torch.Tensor], tuple[Samples, torch.Size]]:
    """Return a function from samples ``(..., 4 learned + 4 recipe)`` to complete samples over the flattened points."""

    def complete(y: torch.Tensor) -> tuple[Samples, torch.Size]:
        flat = y.detach().reshape(-1, y.shape[-1]).numpy()
        recipes = flat[:, len(model.learned) :]
        closed = model.physics.outcomes(recipes)
        natural = {name: model.predictors[name].unscaled(flat[None, :, i]) for i, name in enumerate(model.learned)}
        known = {name: model.campaign.outcomes[name].from_natural(values) for name, values in natural.items()}
        known["mean_discharge_voltage"] = closed.mean_discharge_voltage[None, :]
        return model.complete(recipes, closed, known), y.shape[:-1]

    return complete


def choose(model: FittedModel, candidates: Array, known: Array, n: int, seed: int) -> list[int]:
    """Return the indices of n candidates by BoTorch's acquisition, one after another, each given those before it."""
    use_own_directory()
    x, slices = _wide(model, candidates)
    baseline = _wide(model, known if len(known) else candidates[-1:])[0]
    width = x.shape[1]
    recipe = GenericDeterministicModel(lambda X: X[..., width - candidates.shape[1] :], num_outputs=candidates.shape[1])
    parts = [_Block(model.predictors[name].model, block) for name, block in zip(model.learned, slices, strict=True)]
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
    return [int(torch.nonzero((x == row).all(dim=1))[0, 0]) for row in chosen]
