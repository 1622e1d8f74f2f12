"""Tiny checkpoints of the published layouts, with weights from a seed: names and shapes as in docs/compat.md §8.6, ids
as in §2."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import save_file

from maimod.families.family import Family
from maimod.families.operators import Weights


@dataclass(frozen=True, slots=True)
class Size:
    """Shape of a network."""

    width: int
    heads: int
    feed_forward: int
    encoder_layers: int
    decoder_layers: int
    positions: int
    """Of the encoder, in a window."""
    max_tokens: int
    mels: int
    condition_width: int = 16
    mappers: int = 3

    @property
    def window_ms(self) -> float:
        """Length of a window."""
        return (2 * self.positions - 1) * 128 / 16


TINY = {
    version: Size(32, 2, 48, 1, 2, 160, 900, mels)
    for version, mels in (("v29", 20), ("v30", 24), ("v31", 24), ("v32", 24))
}
FULL = {
    "v29": Size(768, 12, 3072, 12, 12, 512, 2048, 388),
    "v30": Size(768, 12, 3072, 12, 12, 2048, 5120, 80, 128, 3731),
    "v31": Size(768, 12, 3072, 12, 12, 2048, 8192, 80, 128, 3731),
    "v32": Size(768, 12, 3072, 12, 12, 1024, 2560, 128),
    "v32-mini": Size(512, 8, 2048, 6, 6, 1024, 2560, 128),
}
"""The published sizes (docs/compat.md §0)."""

_KINDS = [
    "circle",
    "spinner",
    "spinner_end",
    "slider_head",
    "bezier_anchor",
    "perfect_anchor",
    "catmull_anchor",
    "red_anchor",
    "last_anchor",
    "slider_end",
    "beat",
    "measure",
]
_SPLIT, _CELL = [("pos_x", -64, 192), ("pos_y", -64, 160)], [("pos", 0, 956)]
_MODES = [("column", 0, 17), ("scroll_speed", 0, 1000)]
_SOUNDS = [("new_combo", 0, 0), ("hitsound", 0, 72), ("volume", 0, 100), *((kind, 0, 0) for kind in _KINDS)]
_HOLDS = [(kind, 0, 0) for kind in ("hold_note", "hold_note_end", "scroll_speed_change")]
_ROLLS = [(kind, 0, 0) for kind in ("drumroll", "drumroll_end", "denden", "denden_end")]
_RATIOS = [("keycount", 1, 18), ("hold_note_ratio", -1, 12), ("scroll_speed_ratio", -1, 12)]
_FACTS = [
    ("gamemode", 0, 3),
    ("difficulty", 0, 24),
    ("mapper", 0, 3),
    ("cs", 0, 21),
    ("year", 2007, 2077),
    ("hitsounded", 0, 1),
    ("song_length", 0, 60),
    ("song_position", -1, 101),
    ("descriptor", 0, 2),
    *_RATIOS,
]
_DISTANCE = [("dist", 0, 640)]
_OUT = {
    "v29": [
        *_DISTANCE,
        *_CELL,
        *_MODES,
        ("global_sv", 40, 360),
        *_SOUNDS,
        ("timing_point", 0, 0),
        ("kiai", 0, 1),
        *_HOLDS,
        *_ROLLS,
    ],
    "v30": [*_DISTANCE, *_SPLIT, *_SOUNDS],
    "v31": [*_DISTANCE, *_SPLIT, *_MODES, *_SOUNDS, ("timing_point", 0, 0), ("kiai", 0, 1), *_HOLDS, *_ROLLS],
    "v32": [
        *_CELL,
        ("pos_refine", 0, 255),
        *_MODES,
        *_SOUNDS,
        ("timing_point", 0, 0),
        *((f"{kind}_sustain", 0, 0) for kind in ("slider", "slider_repeat", "spinner")),
        *_HOLDS,
        ("hold_note_sustain", 0, 0),
        *_ROLLS,
        ("drumroll_sustain", 0, 0),
        ("denden_sustain", 0, 0),
    ],
}
_IN = {
    "v29": _FACTS,
    "v30": [],
    "v32": [*_FACTS, ("global_sv", 40, 360)],
    "v31": [
        ("gamemode", 0, 3),
        ("mapper", 0, 3),
        ("cs", 0, 21),
        ("year", 2007, 2077),
        ("hitsounded", 0, 1),  # old code's mapper
        ("descriptor", 0, 2),
        *_RATIOS,
        ("global_sv", 40, 360),
    ],
}
_CONTEXTS = {"v29": ["none", "timing", "kiai", "map", "sv", "no_hs", "gd"], "v30": [], "v32": ["timing", "map", "sv"]}
_CONTEXTS["v31"] = _CONTEXTS["v29"]


def tokenizer(version: str, size: Size | None = None) -> dict[str, Any]:
    """`tokenizer.json` of a version."""
    names, size = _CONTEXTS[version], size or TINY[version]
    out = [("t", 0, int(size.window_ms // 10)), ("snap", 0, 16), *_OUT[version]]
    data: dict[str, Any] = {
        "offset": 3 + 2 * len(names),
        "context_sos": {name: 3 + 2 * i for i, name in enumerate(names)},
        "context_eos": {name: 4 + 2 * i for i, name in enumerate(names)},
        **{
            key: [{"type": kind, "min_value": low, "max_value": high} for kind, low, high in ranges]
            for key, ranges in (("event_ranges", out), ("input_event_ranges", _IN[version]))
        },
        "mapper_idx": {"10": 0, "20": 1, "30": 2},
        "beatmap_mapper": {"75": 20},
        "beatmap_descriptors": {"75": [1]},
        "descriptor_idx": {"streams": 0, "simple": 1},
    }
    data["vocab_size_out"] = data["offset"] + sum(high - low + 1 for _, low, high in out)
    data["vocab_size_in"] = data["vocab_size_out"] + sum(high - low + 1 for _, low, high in _IN[version])
    return data


def config(version: str, size: Size | None = None) -> dict[str, Any]:
    """`config.json` of a version; V29's in the short form of its day."""
    size = size or TINY[version]
    sizes = tokenizer(version, size)
    backbone = {
        "d_model": size.width,
        "encoder_layers": size.encoder_layers,
        "decoder_layers": size.decoder_layers,
        "encoder_attention_heads": size.heads,
        "decoder_attention_heads": size.heads,
        "encoder_ffn_dim": size.feed_forward,
        "decoder_ffn_dim": size.feed_forward,
        "max_source_positions": size.positions,
        "max_target_positions": size.max_tokens,
        "vocab_size": sizes["vocab_size_out"],
    }
    name = {"v29": "openai/whisper-small", "v32": "OliBomby/varwhisper-base"}.get(version, "Tiger14n/ropewhisper-small")
    values = {
        "model_type": "mapperatorinator",
        "backbone_model_name": name,
        "backbone_config": backbone,
        "vocab_size": sizes["vocab_size_out"],
        "vocab_size_in": sizes["vocab_size_in"],
        "n_mels": size.mels,
    }
    if version != "v29":
        values |= {
            "f_min": 20,
            "f_max": 8000,
            "pad_mode": "reflect",
            "spectrogram_implementation": "torchaudio",
            "spectrogram_log_scale": True,
            "project_encoder_input": False,
            "num_mappers": size.mappers,
            "cond_dim": size.condition_width,
        }
        values |= {f"do_{part}_embed": version != "v32" for part in ("difficulty", "mapper", "song_position")}
    return values


def _shapes(version: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    size, sizes, bins = TINY[version], tokenizer(version), 513
    width, mels, conditions = size.width, size.mels, size.condition_width
    if version == "v29":
        yield "spectrogram.transform.mel_basis", (mels, bins)
        yield from ((f"spectrogram.transform.stft.{name}", (bins, 1, 1024)) for name in ("wsin", "wcos"))
        yield "spectrogram.transform.stft.window_mask", (1, 1024, 1)
        yield from (("encoder_embedder.weight", (width, mels)), ("encoder_embedder.bias", (width,)))
        for side, length in (("encoder", size.positions), ("decoder", size.max_tokens)):
            yield f"transformer.model.{side}.embed_positions.weight", (length, width)
    else:
        yield "spectrogram.transform.spectrogram.window", (1024,)
        yield "spectrogram.transform.mel_scale.fb", (bins, mels)
    channels = width if version == "v29" else mels + (3 * conditions if version in ("v30", "v31") else 0)
    for conv, inputs in (("conv1", channels), ("conv2", width)):
        yield f"transformer.model.encoder.{conv}.weight", (width, inputs, 3)
        yield f"transformer.model.encoder.{conv}.bias", (width,)
    for side, n_layers in (("encoder", size.encoder_layers), ("decoder", size.decoder_layers)):
        for layer in range(n_layers):
            yield from _layer(version, f"transformer.model.{side}.layers.{layer}", side == "decoder")
        yield from _norm(version, f"transformer.model.{side}.layer_norm")
    yield "transformer.model.decoder.embed_tokens.weight", (sizes["vocab_size_out"], width)
    yield "transformer.proj_out.weight", (sizes["vocab_size_out"], width)
    yield "decoder_embedder.weight", (sizes["vocab_size_in"], width)
    yield "loss_fn.weight", (sizes["vocab_size_out"],)
    if version in ("v30", "v31"):
        for name, part, n_centres, n_numbers in (
            ("difficulty_embedder", "difficulty_proj", 8, 1),
            ("song_pos_embedder", "position_proj", 10, 2),
        ):
            hidden = conditions * n_numbers
            yield from ((f"{name}.basis_centers", (n_centres,)), (f"{name}.basis_widths", (n_centres,)))
            yield from (
                (f"{name}.{part}.0.weight", (hidden, n_centres * n_numbers)),
                (f"{name}.{part}.0.bias", (hidden,)),
            )
            yield from ((f"{name}.{part}.1.weight", (hidden,)), (f"{name}.{part}.1.bias", (hidden,)))
            yield from ((f"{name}.{part}.4.weight", (conditions, hidden)), (f"{name}.{part}.4.bias", (conditions,)))
            yield from ((f"{name}.{part}.5.weight", (conditions,)), (f"{name}.{part}.5.bias", (conditions,)))
        yield "mapper_embedder.embedding.weight", (size.mappers + 1, conditions)
        yield from (
            ("mapper_embedder.layer_norm.weight", (conditions,)),
            ("mapper_embedder.layer_norm.bias", (conditions,)),
        )


def _norm(version: str, name: str) -> Iterator[tuple[str, tuple[int, ...]]]:
    width = TINY[version].width
    yield f"{name}.weight", (width,)
    if version == "v29":
        yield f"{name}.bias", (width,)


def _layer(version: str, name: str, crosses: bool) -> Iterator[tuple[str, tuple[int, ...]]]:
    size, width = TINY[version], TINY[version].width
    cross = "cross_attn" if version == "v32" else "encoder_attn"
    for attention in ("self_attn", *([cross] if crosses else [])):
        if version == "v32":
            parts = {"Wqkv": 3, "Wo": 1} if attention == "self_attn" else {"Wq": 1, "Wkv": 2, "Wo": 1}
            for part, times in parts.items():
                yield f"{name}.{attention}.{part}.weight", (times * width, width)
                yield f"{name}.{attention}.{part}.bias", (times * width,)
        else:
            for part in ("k_proj", "v_proj", "q_proj", "out_proj"):
                yield f"{name}.{attention}.{part}.weight", (width, width)
                if part != "k_proj":
                    yield f"{name}.{attention}.{part}.bias", (width,)
        yield from _norm(version, f"{name}.{attention}_layer_norm")
    yield from ((f"{name}.fc1.weight", (size.feed_forward, width)), (f"{name}.fc1.bias", (size.feed_forward,)))
    yield from ((f"{name}.fc2.weight", (width, size.feed_forward)), (f"{name}.fc2.bias", (width,)))
    yield from _norm(version, f"{name}.final_layer_norm")


def weights(version: str, seed: int = 1) -> dict[str, np.ndarray]:
    """Every tensor, random: large enough that all of them matter, small enough that no output is certain."""
    random = np.random.default_rng(seed)
    state = {}
    for name, shape in _shapes(version):
        scale = (
            0.02
            if "spectrogram" in name
            else 0.4
            if len(shape) == 1
            else 1.5 / np.sqrt(shape[-1] if len(shape) < 3 else shape[1] * 3)
        )
        values = random.normal(scale=scale, size=shape)
        if name.endswith(("norm.weight", "proj.1.weight", "proj.5.weight", "widths")):
            values = 1 + 0.2 * values
        state[name] = np.abs(values).astype(np.float32) if "mel_" in name else values.astype(np.float32)
    return state


def write(folder: Path, version: str, seed: int = 1, shards: int = 1) -> Path:
    """Write a whole checkpoint folder."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "config.json").write_text(json.dumps(config(version)))
    (folder / "tokenizer.json").write_text(json.dumps(tokenizer(version)))
    state = weights(version, seed)
    if shards == 1:
        save_file(state, folder / "model.safetensors")
        return folder
    names = [f"model-{i + 1:05d}-of-{shards:05d}.safetensors" for i in range(shards)]
    placed = {tensor: names[i % shards] for i, tensor in enumerate(state)}
    for name in names:
        save_file({tensor: state[tensor] for tensor, where in placed.items() if where == name}, folder / name)
    (folder / "model.safetensors.index.json").write_text(json.dumps({"metadata": {}, "weight_map": placed}))
    return folder


def mini(folder: Path) -> Path:
    """Write a small checkpoint of the bundled family, with random weights and a calibration."""
    import shutil

    from maimod.families import registry
    from maimod.linter.models import MODELS_FOLDER

    folder.mkdir(parents=True)
    bundled = MODELS_FOLDER / "maimod-mini"
    for name in ("tokenizer.json", "calibration.json"):
        shutil.copyfile(bundled / name, folder / name)
    shape = json.loads((bundled / "config.json").read_text())
    small = {"d_model": 32, "encoder_layers": 1, "decoder_layers": 1, "heads": 2, "feed_forward": 32}
    (folder / "config.json").write_text(json.dumps(shape | small))
    save_file(mini_weights(registry.open_folder(folder)), folder / "model.safetensors")
    return folder


def mini_weights(family: Family[Any], seed: int = 1, scale: float = 1.0) -> dict[str, np.ndarray]:
    """Random weights of a network of the bundled family, by the names and shapes that it takes."""
    made = Invented({}, seed=seed)
    family.numpy_runner(made)
    return {name: tensor * np.float32(scale) for name, tensor in made.made.items()}


class Invented(Weights):
    """Random weights of every shape that is asked for."""

    def __init__(self, made: dict[str, np.ndarray], prefix: str = "", seed: int = 1) -> None:
        self.made, self.prefix, self.random = made, prefix, np.random.default_rng(seed)

    def within(self, name: str) -> Weights:
        part = Invented(self.made, f"{self.prefix}{name}.")
        part.random = self.random
        return part

    def take(self, name: str, *shape: int) -> np.ndarray:
        values = self.random.normal(size=shape) * (1.0 if "embedding" in name else (3 * np.prod(shape[1:])) ** -0.5)
        values = np.ones(shape) if "norm" in name else values
        self.made[self.prefix + name] = values.astype(np.float32)
        return self.made[self.prefix + name]

    def finish(self) -> None:
        pass


def adapter(folder: Path, base: Path) -> Path:
    """Write a low-rank adapter of :func:`mini`."""
    import torch

    from maimod.families import lora, registry

    random = torch.Generator().manual_seed(1)
    tensors = {
        "decoder.0.attention.query.lora_A.weight": torch.randn(2, 32, generator=random),
        "decoder.0.attention.query.lora_B.weight": torch.randn(32, 2, generator=random),
    }
    lora.write(folder, tensors, registry.open_folder(base), 2, 4.0, "base")
    return folder
