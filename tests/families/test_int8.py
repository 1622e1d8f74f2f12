"""Linear layers in 8 bits: close to those in float32, whatever the scale of their rows, and the only ones converted."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch")
from torch import nn  # noqa: E402

from maimod.families.int8 import BLOCK, Int8Linear, convert  # noqa: E402


def test_products_are_close_even_where_rows_have_other_scales() -> None:
    torch.manual_seed(3)
    layer = nn.Linear(48, 20)
    with torch.no_grad():
        layer.weight *= torch.logspace(-3, 3, 20)[:, None]
    x = torch.randn(2, BLOCK + 5, 48) * torch.logspace(-4, 4, BLOCK + 5)[:, None]
    x[0, 7] = 0
    with torch.inference_mode():
        exact, found = layer(x), Int8Linear(layer)(x)
    sizes = x.norm(dim=-1, keepdim=True) * layer.weight.norm(dim=-1)
    assert found.shape == exact.shape
    assert ((found - exact).abs() / (sizes + 1e-9)).max() < 0.02
    assert torch.equal(found[0, 7], layer.bias)


def test_layers_without_bias_and_single_rows() -> None:
    layer = nn.Linear(8, 3, bias=False)
    x = torch.ones(1, 8)
    with torch.inference_mode():
        assert torch.allclose(Int8Linear(layer)(x), layer(x), atol=0.05)


def test_only_the_named_layers_are_converted_and_nothing_of_the_file_is_kept() -> None:
    file = torch.randn(1_000)
    network = nn.ModuleDict({"fc1": nn.Linear(4, 4), "other": nn.Linear(4, 4), "inner": nn.Sequential(nn.Linear(4, 2))})
    with torch.no_grad():
        network["other"].weight = nn.Parameter(file[:16].view(4, 4))
    before = network["other"].weight.clone()
    convert(network, ("fc1", "inner.0"))
    kinds = [type(module) for module in (network["fc1"], network["other"], network["inner"][0])]
    assert kinds == [Int8Linear, nn.Linear, Int8Linear]
    assert torch.equal(network["other"].weight, before)
    assert network["other"].weight.untyped_storage().nbytes() == 64
