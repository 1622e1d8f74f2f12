"""Independent implementations give the same numbers: `transformers` for the network of V29, `audioop` for the
resampling of songs."""

from __future__ import annotations

import json
import warnings
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from safetensors.torch import load_file  # noqa: E402

from maimod.families.checkpoint import load_network  # noqa: E402
from maimod.families.mapperatorinator import legacy_audio  # noqa: E402
from tests import checkpoints  # noqa: E402


@pytest.mark.slow  # importing transformers takes 5 s
def test_the_network_of_v29_is_the_whisper_of_transformers(tmp_path: Path) -> None:
    """Same weights, same logits; the projection of the mel bands and the token embedding are Mapperatorinator's own."""
    transformers = pytest.importorskip("transformers")
    network = load_network(checkpoints.write(tmp_path, "v29"), "cpu", "fp32")
    stored = load_file(tmp_path / "model.safetensors")
    backbone = json.loads((tmp_path / "config.json").read_text())["backbone_config"]
    # Whisper's own special tokens lie beyond a small vocabulary.
    special = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    config = transformers.WhisperConfig(
        **backbone | special, num_mel_bins=backbone["d_model"], tie_word_embeddings=False
    )
    theirs = transformers.WhisperForConditionalGeneration(config).eval()
    prefix = "transformer."
    theirs.load_state_dict(
        {name.removeprefix(prefix): tensor for name, tensor in stored.items() if name.startswith(prefix)}
    )

    random = torch.Generator().manual_seed(3)
    samples = torch.randn(2, network.config.window_samples, generator=random) * 0.1
    tokens = torch.randint(0, network.config.vocab_size_in, (2, 50), generator=random)
    with torch.inference_mode():
        bands = network.mel_bands(samples)
        features = bands @ stored["encoder_embedder.weight"].T + stored["encoder_embedder.bias"]
        embedded = stored["decoder_embedder.weight"][tokens]
        expected = theirs(input_features=features.transpose(1, 2), decoder_inputs_embeds=embedded).logits
        found = network(tokens=tokens, samples=samples)
    assert found.shape == expected.shape and float(expected.std()) > 0.1
    np.testing.assert_allclose(found, expected, atol=1e-4)


@pytest.mark.parametrize("bits", [8, 16, 32])
@pytest.mark.parametrize("n_channels", [1, 2])
@pytest.mark.parametrize("rate", [8_000, 11_025, 16_000, 22_050, 44_100, 48_000, 96_000])
def test_songs_are_resampled_and_mixed_as_by_audioop(rate: int, n_channels: int, bits: int) -> None:
    """To the last bit, in blocks of any length."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        audioop = pytest.importorskip("audioop")
    random = np.random.default_rng(rate + bits)
    dtype = {8: np.int8, 16: np.int16, 32: np.int32}[bits]
    limits = np.iinfo(dtype)
    blocks = [
        random.integers(limits.min, limits.max, (n, n_channels), dtype=dtype, endpoint=True) for n in (1, 700, 3, 411)
    ]
    converter, state = legacy_audio.RateConverter(rate, bits), None
    for block in blocks:
        expected, state = audioop.ratecv(block.tobytes(), bits // 8, n_channels, rate, 16_000, state)
        if n_channels == 2:
            expected = audioop.tomono(expected, bits // 8, 0.5, 0.5)
        found = legacy_audio.mix_down(converter.convert(block))
        assert np.array_equal(found, np.frombuffer(expected, dtype))
