"""What may be asked of a suggestion; checked before anything heavy is loaded. Imports nothing heavy."""

from typing import Literal

Strategy = Literal["auto", "bayesian", "sobol"]
LARGEST_SEED = 2**31 - 1  # what every generator used takes
MOST = 32  # recipes a batch; beyond it a batch is a campaign


class SuggestError(ValueError):
    """Raised when a request for suggestions makes no sense."""


def check_request(n: int, seed: int) -> int:
    """Return the number of recipes asked for.

    Raises:
        SuggestError: If it is not between 1 and 32, or the seed is out of range.
    """
    if not 1 <= n <= MOST:
        raise SuggestError(f"the number of recipes must be between 1 and {MOST}, got {n}; ask for fewer, or run several batches")
    if not 0 <= seed <= LARGEST_SEED:
        raise SuggestError(f"the seed must be a whole number from 0 to {LARGEST_SEED}, got {seed}; choose another")
    return n
