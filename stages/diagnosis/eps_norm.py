"""The size of noise predictions."""

from __future__ import annotations

from torch import Tensor


def eps_norm(eps: Tensor) -> Tensor:
    """Return [S]: the mean over images of ||eps||_2 over C, H, W, of predictions [S, n, C, H, W] (ES, Sec. 4, Fig. 2).

    Of white noise it is about sqrt(d); the norm while sampling over that at true states is ES's Delta N (Fig. 3).
    """
    return eps.double().flatten(2).norm(dim=2).mean(dim=1).cpu()
