"""Rotary position embeddings and scaled dot-product attention, shared by the generator networks."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def rotary(positions: Tensor, width: int) -> tuple[Tensor, Tensor]:
    """Cosines and sines (..., width / 2) that rotate `width` channels by `positions` (...)."""
    exponents = torch.arange(0, width, 2, device=positions.device, dtype=torch.float32) / width
    angles = positions.float()[..., None] * 10_000.0**-exponents
    return angles.cos(), angles.sin()


def rotate(x: Tensor, cos: Tensor, sin: Tensor) -> Tensor:
    """Rotate channel pairs (i, i + K/2) of x (B, H, T, K) by angles (B or 1, T, K/2)."""
    first, second = x.chunk(2, dim=-1)
    cos, sin = cos[:, None].to(x.dtype), sin[:, None].to(x.dtype)  # (B, 1, T, K/2)
    return torch.cat([first * cos - second * sin, second * cos + first * sin], dim=-1)


def attend(query: Tensor, key: Tensor, value: Tensor, causal: bool, seen: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention of (B, H, T, K) over (B, H, S, K); `seen` (T, S) takes the place of causality."""
    if query.device.type != "cpu" or query.dtype != torch.bfloat16 or seen is not None:
        return F.scaled_dot_product_attention(query, key, value, attn_mask=seen, is_causal=causal and seen is None)
    # torch's CPU kernel is half as fast as plain products in bfloat16, which is how training runs on a CPU.
    with torch.autocast("cpu", enabled=False):
        logits = (query * query.shape[-1] ** -0.5) @ key.transpose(-1, -2)  # (B, H, T, S)
        if causal:
            logits = logits + torch.full_like(logits[0, 0], -1e9).triu(1)
        return logits.softmax(dim=-1) @ value


def embedding(count: int, width: int) -> nn.Embedding:
    """An embedding like torch's own, which on the device "meta" imports torch's compiler to initialise weights: a
    second at every start."""
    made: nn.Embedding = nn.Embedding.from_pretrained(torch.randn(count, width), freeze=False)  # type: ignore[no-untyped-call]
    return made
