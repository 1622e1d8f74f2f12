"""Linear layers with weights of 8 bits, for CPUs that multiply bytes: a third of the time, a quarter of the memory.

Each row of weights has a scale of its own, and so has each row of inputs, which is found when it arrives; products are
exact sums of whole numbers. Only the large layers of attention and feed-forward are converted. Everything between them, the
embeddings and the logits stay in float32.
"""

from __future__ import annotations

from collections.abc import Collection

import torch
from torch import Tensor, nn

LARGEST = 127.0
"""Of a whole number; -128 is not used."""
BLOCK = 256
"""Rows of inputs at a time, which stay in a core's cache between the steps."""
SMALLEST = 1e-30
"""Scale of rows of zeros."""


class Int8Linear(nn.Module):
    """A linear layer in 8 bits; float32 in and out."""

    def __init__(self, layer: nn.Linear) -> None:
        """Convert a layer, which is not kept."""
        super().__init__()
        weight = layer.weight.detach().float()
        scales = _scales(weight)
        whole = (weight / scales).round_().to(torch.int8)  # (out, in)
        self.register_buffer("weight", whole.T)
        self.register_buffer("scales", scales[:, 0])
        self.register_buffer("bias", None if layer.bias is None else layer.bias.detach().float().clone())
        self.weight: Tensor
        self.scales: Tensor
        self.bias: Tensor | None

    def forward(self, x: Tensor) -> Tensor:
        """(..., in) to (..., out)."""
        rows = x.reshape(-1, x.shape[-1])
        found = rows.new_empty(len(rows), len(self.scales))
        for at in range(0, len(rows), BLOCK):
            block, target = rows[at : at + BLOCK], found[at : at + BLOCK]
            scales = _scales(block)
            whole = (block * scales.reciprocal()).round_().to(torch.int8)
            target.copy_(torch._int_mm(whole, self.weight)).mul_(scales).mul_(self.scales)
            if self.bias is not None:
                target.add_(self.bias)
        return found.view(*x.shape[:-1], -1)


def _scales(rows: Tensor) -> Tensor:
    """(n, 1) what 1 stands for in each row (n, in)."""
    return torch.maximum(rows.amax(1, keepdim=True), -rows.amin(1, keepdim=True)).clamp_min_(SMALLEST) / LARGEST


def convert(network: nn.Module, names: Collection[str]) -> None:
    """Convert the linear layers whose names end so; all other tensors are copied, so that no file of weights that they
    are a part of is kept in memory."""
    linear = [name for name, module in network.named_modules() if isinstance(module, nn.Linear)]
    for name in linear:  # one after the other, so that each is in memory twice only while it is converted
        if any(f".{name}".endswith(f".{last}") for last in names):
            parent, _, own = name.rpartition(".")
            layer = network.get_submodule(name)
            assert isinstance(layer, nn.Linear)
            setattr(network.get_submodule(parent), own, Int8Linear(layer))
    for module in network.modules():
        for name, parameter in list(module.named_parameters(recurse=False)):
            setattr(module, name, nn.Parameter(parameter.detach().clone(), requires_grad=False))
        if not isinstance(module, Int8Linear):
            for name, buffer in list(module.named_buffers(recurse=False)):
                setattr(module, name, buffer.clone())
