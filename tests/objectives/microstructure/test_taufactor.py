"""TauFactor as an independent check of the tortuosity factors of binary images."""

import warnings

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from objectives.composition import Mask
from objectives.microstructure.solve import effective_conductivity, tortuosity_factor

with warnings.catch_warnings():  # of what it imports for plotting
    warnings.simplefilter("ignore", DeprecationWarning)
    import taufactor


def image(voxels: int, share: float, grain: float, seed: int) -> Mask:
    """A random two-phase image, periodic, with features of about a size in voxels."""
    noise = gaussian_filter(np.random.default_rng(seed).standard_normal((voxels,) * 3), grain, mode="wrap")
    return np.asarray(noise < np.quantile(noise, share))


@pytest.mark.parametrize(("share", "grain"), [(0.3, 2.0), (0.5, 1.5), (0.7, 1.0), (0.5, 0.0)])
def test_tortuosity_factor_of_a_binary_image_is_that_of_taufactor(share: float, grain: float) -> None:
    conducting = image(32, share, grain, seed=1)
    theirs = taufactor.PeriodicSolver(conducting.astype(np.uint8), device="cpu")
    theirs.solve(verbose=False, conv_crit=1e-3)
    ours = effective_conductivity(conducting.astype(float))
    assert ours.converged
    assert tortuosity_factor(float(conducting.mean()), 1.0, ours.sigma_eff) == pytest.approx(float(np.squeeze(theirs.tau)), rel=0.01)
