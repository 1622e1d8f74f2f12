"""Shape of the published networks, as `config.json` stores it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

import msgspec

from maimod.errors import CheckpointError
from maimod.families.family import MAX_WINDOW_MS, Count, Layers


@dataclass(frozen=True, slots=True)
class WhisperConfig:
    """Shape of a published network: the values of its `config.json`, with the original's defaults for missing ones
    (docs/compat.md §1.3). A dataclass, because peft reads the `config` of a network as one."""

    vocab_size_in: Count
    vocab_size_out: Count
    d_model: Count
    encoder_layers: Layers
    decoder_layers: Layers
    heads: Count
    encoder_feed_forward: Count
    decoder_feed_forward: Count
    max_frames: Count
    """Mel frames of a window, the one after its end included."""
    max_tokens: Count
    """Longest prompt the network was made for."""
    n_mels: Count
    n_fft: Count
    hop_length: Count
    sample_rate: Count
    is_log_mel: bool
    """Ln(1 + power) with mirrored window edges (torchaudio's front end); otherwise plain power with silence beyond them
    (nnAudio's)."""
    projects_mel: bool
    n_mappers: Annotated[int, msgspec.Meta(ge=0, le=1 << 20)]
    """Known to the mapper embedding; 0 without conditioning vectors."""
    condition_width: Count
    has_rotary_positions: bool

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> WhisperConfig:
        """Read a parsed `config.json`.

        Raises:
            CheckpointError: if it needs something that this network does not support.
            KeyError, TypeError, ValueError, AttributeError: if it is not the shape of a network.
        """
        backbone = values["backbone_config"]
        name = str(values.get("backbone_model_name", "openai/whisper-base"))
        kind = next((kind for kind in ("ropewhisper", "varwhisper", "whisper") if kind in name.lower()), None)
        if kind is None:
            raise CheckpointError(f"config.json: backbone {name!r} is not one of Whisper, RoPE-Whisper and Var-Whisper")
        unknown = _unknown_options(values, backbone)
        if unknown:
            raise CheckpointError(f"config.json: this network is not known: {', '.join(unknown)}")
        conditions = [bool(values.get(f"do_{part}_embed", False)) for part in ("difficulty", "mapper", "song_position")]
        if len(set(conditions)) > 1:
            raise CheckpointError(
                "config.json: this network is not known: only some of difficulty, mapper and song position are conditioned on"
            )
        sizes = {
            "vocab_size_in": values.get("vocab_size_in", 9920),
            "vocab_size_out": values.get("vocab_size", 3988),
            "d_model": backbone.get("d_model", 384),
            "encoder_layers": backbone.get("encoder_layers", 4),
            "decoder_layers": backbone.get("decoder_layers", 4),
            "heads": backbone.get("decoder_attention_heads", 6),
            "encoder_feed_forward": backbone.get("encoder_ffn_dim", 1536),
            "decoder_feed_forward": backbone.get("decoder_ffn_dim", 1536),
            "max_frames": 2 * backbone.get("max_source_positions", 1500),
            "max_tokens": backbone.get("max_target_positions", 448),
            "n_mels": values.get("n_mels", 388),
            "n_fft": values.get("n_fft", 1024),
            "hop_length": values.get("hop_length", 128),
            "sample_rate": values.get("sample_rate", 16_000),
            "is_log_mel": bool(values.get("spectrogram_log_scale", False)),
            "projects_mel": bool(values.get("project_encoder_input", True)),
            "n_mappers": values.get("num_mappers", 3731) if conditions[0] else 0,
            "condition_width": values.get("cond_dim", 128),
            "has_rotary_positions": kind != "whisper",
        }
        config = msgspec.convert(sizes, cls)
        if config.d_model % (2 * config.heads):  # heads are rotated in pairs
            raise ValueError(f"{config.heads} heads do not divide a width of {config.d_model}")
        if config.hop_length > config.n_fft or not 1000 <= config.window_ms <= MAX_WINDOW_MS:
            raise ValueError(f"windows of {config.window_ms:,.0f} ms in steps of {config.hop_length:,} samples")
        return config

    @property
    def encoder_positions(self) -> int:
        """Of a window."""
        return self.max_frames // 2

    @property
    def window_samples(self) -> int:
        """Samples of a window."""
        return (self.max_frames - 1) * self.hop_length

    @property
    def samples_per_ms(self) -> int:
        """Of the song."""
        return self.sample_rate // 1000

    @property
    def window_ms(self) -> float:
        """Length of a window."""
        return self.window_samples / self.samples_per_ms


def _unknown_options(values: Mapping[str, Any], backbone: Mapping[str, Any]) -> list[str]:
    """Options that none of the published checkpoints uses and that would change the numbers."""
    expected: list[tuple[Mapping[str, Any], str, tuple[Any, ...]]] = [
        (values, "do_style_embed", (False,)),
        (values, "embed_decoder_input", (True,)),
        (values, "input_features", (True,)),
        (values, "input_raw_wave", (False,)),
        (values, "sample_rate", (16_000,)),
        (backbone, "activation_function", ("gelu",)),
        (backbone, "scale_embedding", (False,)),
        (backbone, "rope_type", ("dynamic", "default", None)),
        (backbone, "rope_encoder_scaling_factor", (1.0,)),
        (backbone, "rope_decoder_scaling_factor", (1.0,)),
        (backbone, "global_attn_every_n_layers", (1,)),
        (backbone, "global_rope_theta", (10_000,)),
        (backbone, "attention_bias", (True,)),
    ]
    unknown = [f"{key}={where[key]!r}" for where, key, known in expected if key in where and where[key] not in known]
    scaling = backbone.get("rope_scaling") or {}
    if scaling.get("rope_type", "default") not in ("default", "dynamic") or scaling.get("factor", 1.0) != 1.0:
        unknown.append(f"rope_scaling={scaling!r}")
    front_end = (
        values.get("spectrogram_implementation", "nnAudio"),
        values.get("spectrogram_log_scale", False),
        values.get("pad_mode", "constant"),
    )
    if front_end not in (("torchaudio", True, "reflect"), ("nnAudio", False, "constant")):
        unknown.append(
            "spectrogram_implementation={!r} with spectrogram_log_scale={!r} and pad_mode={!r}".format(*front_end)
        )
    return unknown
