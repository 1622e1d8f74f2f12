"""Protocol of generator networks."""

from __future__ import annotations

from typing import Any, Self

import torch
from torch import Tensor, nn


class Network(nn.Module):
    """An encoder-decoder from a window of the song and its tokens to logits of the next token."""

    def hidden(self, *args: Any, **inputs: Any) -> Tensor:
        """Last hidden states (B, T, D)."""
        raise NotImplementedError

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., D) to the logits (..., V) of the token after each."""
        raise NotImplementedError

    def forward(self, **inputs: Tensor) -> Tensor:
        """Logits (B, T, V)."""
        return self.logits(self.hidden(**inputs))

    def to_precision(self, dtype: torch.dtype) -> Self:
        """Convert the weights to `dtype`, except those that need float32."""
        return self.to(dtype)
