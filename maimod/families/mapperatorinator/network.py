"""The network of the published Mapperatorinator checkpoints: Whisper in three variants, with spectrogram and
conditioning.

It maps song samples and tokens to logits, and contains no knowledge of osu!. The variants differ as follows
(docs/compat.md §8); each layer adapts to the weights it is given:

- V29: Whisper (Radford et al., 2022, arXiv:2212.04356) with stored positions, LayerNorm, and a projection in front of
  the encoder;
- V30, V31: rotary positions (Su et al., 2021, arXiv:2104.09864), RMSNorm, conditioning vectors beside the mel bands;
- V32: the same without conditioning, query, key and value in one matrix and all of them with bias.

Axes: `B` batch, `N` samples, `F` frames, `S` encoder positions (F / 2), `T` tokens, `D` width, `V` vocabulary, `H`
heads, `K` head width.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Self

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maimod.families.attention import attend, embedding, rotary, rotate
from maimod.families.mapperatorinator.config import WhisperConfig
from maimod.families.network import Network

DIFFICULTY_CENTRES, POSITION_CENTRES = 8, 10
"""Gaussians that spread a number over channels before it is projected (docs/compat.md §8.1)."""
MAX_STARS = 10.0
"""Difficulty is given as a share of this."""


class Kept:
    """Keys and values (B, H, T, K) of a decoder layer, for tokens that are added one by one."""

    def __init__(self) -> None:
        self.tokens: tuple[Tensor, Tensor] | None = None
        self.song: tuple[Tensor, Tensor] | None = None

    def add(self, key: Tensor, value: Tensor) -> tuple[Tensor, Tensor]:
        """Those of all tokens, the new ones last."""
        if self.tokens is not None:
            key, value = torch.cat([self.tokens[0], key], dim=2), torch.cat([self.tokens[1], value], dim=2)
        self.tokens = key, value
        return self.tokens

    def choose(self, rows: Tensor) -> None:
        """Keep some rows of the batch, or repeat them."""
        assert self.tokens is not None and self.song is not None
        self.tokens = self.tokens[0][rows], self.tokens[1][rows]
        self.song = self.song[0][rows], self.song[1][rows]


class RMSNorm(nn.Module):
    """x / sqrt(mean(x²) + eps) · weight, eps the machine epsilon of float32 for every type of x (docs/compat.md
    §8.4)."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(width))

    def forward(self, x: Tensor) -> Tensor:
        return F.rms_norm(x, self.weight.shape, self.weight.to(x.dtype), torch.finfo(torch.float32).eps)


class SelfAttention(nn.Module):
    """Multi-head self-attention, rotary if angles are given."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.Wqkv = nn.Linear(config.d_model, 3 * config.d_model)
        self.Wo = nn.Linear(config.d_model, config.d_model)

    def forward(
        self, x: Tensor, angles: tuple[Tensor, Tensor] | None, causal: bool, kept: Kept | None = None
    ) -> Tensor:
        batch, length, width = x.shape
        query, key, value = (
            self.Wqkv(x).view(batch, length, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        )  # each (B, H, T, K)
        if angles is not None:
            query, key = rotate(query, *angles), rotate(key, *angles)
        if kept is not None:
            causal = causal and kept.tokens is None  # a token that is added sees all
            key, value = kept.add(key, value)
        return self.Wo(attend(query, key, value, causal).transpose(1, 2).reshape(batch, length, width))


class CrossAttention(nn.Module):
    """Multi-head attention of tokens over the encoder's positions."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.Wq = nn.Linear(config.d_model, config.d_model)
        self.Wkv = nn.Linear(config.d_model, 2 * config.d_model)
        self.Wo = nn.Linear(config.d_model, config.d_model)

    def forward(self, x: Tensor, memory: Tensor, kept: Kept | None = None) -> Tensor:
        batch, length, width = x.shape
        query = self.Wq(x).view(batch, length, self.heads, -1).transpose(1, 2)  # (B, H, T, K)
        if kept is not None and kept.song is not None:
            key, value = kept.song
        else:
            key, value = self.Wkv(memory).view(batch, memory.shape[1], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        if kept is not None:
            kept.song = key, value
        return self.Wo(attend(query, key, value, causal=False).transpose(1, 2).reshape(batch, length, width))


class Layer(nn.Module):
    """Pre-norm transformer layer; names as in the checkpoints."""

    def __init__(self, config: WhisperConfig, feed_forward: int, crosses: bool) -> None:
        super().__init__()
        norm = RMSNorm if config.has_rotary_positions else nn.LayerNorm
        self.self_attn, self.self_attn_layer_norm = SelfAttention(config), norm(config.d_model)
        self.cross_attn = CrossAttention(config) if crosses else None
        self.cross_attn_layer_norm = norm(config.d_model) if crosses else None
        self.fc1, self.fc2 = nn.Linear(config.d_model, feed_forward), nn.Linear(feed_forward, config.d_model)
        self.final_layer_norm = norm(config.d_model)

    def forward(
        self, x: Tensor, angles: tuple[Tensor, Tensor] | None, memory: Tensor | None = None, kept: Kept | None = None
    ) -> Tensor:
        x = x + self.self_attn(self.self_attn_layer_norm(x), angles, memory is not None, kept)
        if self.cross_attn is not None and self.cross_attn_layer_norm is not None and memory is not None:
            x = x + self.cross_attn(self.cross_attn_layer_norm(x), memory, kept)
        return x + self.fc2(F.gelu(self.fc1(self.final_layer_norm(x))))


class LogMel(nn.Module):
    """Samples to ln(1 + mel power), each window mirrored at its edges (docs/compat.md §5.2); window and filters come
    from the checkpoint."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        self.n_fft, self.hop_length = config.n_fft, config.hop_length
        self.register_buffer("window", torch.zeros(config.n_fft))
        self.register_buffer("filters", torch.zeros(config.n_fft // 2 + 1, config.n_mels))
        self.window: Tensor
        self.filters: Tensor

    def forward(self, samples: Tensor) -> Tensor:
        """(B, N) to (B, F, n_mels)."""
        spectrum = torch.stft(
            samples,
            self.n_fft,
            self.hop_length,
            window=self.window,
            center=True,
            pad_mode="reflect",
            return_complex=True,
        )
        # Not a sum over a last axis of two, which takes ten times as long.
        power = (spectrum.real.square() + spectrum.imag.square()).transpose(1, 2)  # (B, F, n_fft / 2 + 1)
        return torch.log1p(power @ self.filters)


class PowerMel(nn.Module):
    """Samples to mel power, with silence outside each window (docs/compat.md §5.2); the kernels come from the
    checkpoint."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        self.n_fft, self.hop_length = config.n_fft, config.hop_length
        for name in ("cosines", "sines"):
            self.register_buffer(name, torch.zeros(config.n_fft // 2 + 1, config.n_fft))
        self.register_buffer("filters", torch.zeros(config.n_mels, config.n_fft // 2 + 1))
        self.cosines: Tensor
        self.sines: Tensor
        self.filters: Tensor

    def forward(self, samples: Tensor) -> Tensor:
        """(B, N) to (B, F, n_mels)."""
        frames = F.pad(samples, (self.n_fft // 2, self.n_fft // 2)).unfold(
            1, self.n_fft, self.hop_length
        )  # (B, F, n_fft)
        power = (frames @ self.cosines.T).square() + (frames @ self.sines.T).square()
        return power @ self.filters.T


class Spread(nn.Module):
    """Numbers to Gaussians of their distance from learned centres, then two layers to a vector."""

    def __init__(self, config: WhisperConfig, n_centres: int, n_numbers: int) -> None:
        super().__init__()
        width = config.condition_width
        self.centers, self.widths = nn.Parameter(torch.zeros(n_centres)), nn.Parameter(torch.ones(n_centres))
        hidden = width * n_numbers
        # Named by their places in the original's sequence; a ReLU lies between 1 and 4, a dropout before 4.
        self.project = nn.ModuleDict(
            {
                "0": nn.Linear(n_centres * n_numbers, hidden),
                "1": nn.LayerNorm(hidden),
                "4": nn.Linear(hidden, width),
                "5": nn.LayerNorm(width),
            }
        )

    def forward(self, numbers: Tensor) -> Tensor:
        """(B, n_numbers) to (B, condition_width)."""
        distances = numbers.float()[..., None] - self.centers.float()
        spread = torch.exp(-distances.square() / (2 * self.widths.float().square())).flatten(1).to(self.centers.dtype)
        hidden = F.relu(self.project["1"](self.project["0"](spread)))
        return self.project["5"](self.project["4"](hidden))


class Conditions(nn.Module):
    """Difficulty, mapper and song position as vectors beside the mel bands (docs/compat.md §8.1)."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        self.difficulty = Spread(config, DIFFICULTY_CENTRES, 1)
        self.mapper = embedding(config.n_mappers + 1, config.condition_width)
        self.mapper_norm = nn.LayerNorm(config.condition_width)
        self.position = Spread(config, POSITION_CENTRES, 2)

    def forward(self, stars: Tensor, mapper: Tensor, song_position: Tensor) -> Tensor:
        """(B,) stars, (B,) index, (B, 2) shares of the song to (B, 3 * condition_width)."""
        last = self.mapper.num_embeddings - 1
        index = torch.where(mapper < 0, last, mapper.clamp(max=last))
        return torch.cat(
            [
                self.difficulty(stars[:, None] / MAX_STARS),
                self.mapper_norm(self.mapper(index)),
                self.position(song_position),
            ],
            dim=-1,
        )


class Stack(nn.Module):
    """Layers of the encoder or of the decoder, with their final norm and, in plain Whisper, their table of positions."""

    def __init__(
        self, config: WhisperConfig, n_layers: int, feed_forward: int, n_positions: int, crosses: bool
    ) -> None:
        super().__init__()
        self.layers = nn.ModuleList(Layer(config, feed_forward, crosses) for _ in range(n_layers))
        self.layer_norm = (RMSNorm if config.has_rotary_positions else nn.LayerNorm)(config.d_model)
        self.embed_positions = None if config.has_rotary_positions else embedding(n_positions, config.d_model)
        self.head_width = config.d_model // config.heads

    def forward(
        self, x: Tensor, memory: Tensor | None = None, kept: Sequence[Kept] | None = None, first: int = 0
    ) -> Tensor:
        """(B, T, D) to the same; causal over `memory` (B, S, D) if it is given.

        `kept`, one for each layer, has the tokens before `x`, which are `first`.
        """
        positions = torch.arange(first, first + x.shape[1], device=x.device)[None]
        if self.embed_positions is None:
            angles = rotary(positions, self.head_width)
        else:
            x, angles = x + self.embed_positions(positions), None
        for number, layer in enumerate(self.layers):
            x = layer(x, angles, memory, kept[number] if kept else None)
        return self.layer_norm(x)


class Whisper(Network):
    """Encoder over a window of the song, causal decoder over its prompt."""

    def __init__(self, config: WhisperConfig) -> None:
        super().__init__()
        self.config = config
        width = config.d_model
        self.spectrogram = LogMel(config) if config.is_log_mel else PowerMel(config)
        self.conditions = Conditions(config) if config.n_mappers else None
        self.encoder_embedder = nn.Linear(config.n_mels, width) if config.projects_mel else None
        channels = (
            width if config.projects_mel else config.n_mels + (3 * config.condition_width if config.n_mappers else 0)
        )
        self.conv1 = nn.Conv1d(channels, width, kernel_size=3, padding=1)
        self.conv2 = nn.Conv1d(width, width, kernel_size=3, stride=2, padding=1)
        self.encoder = Stack(
            config, config.encoder_layers, config.encoder_feed_forward, config.max_frames // 2, crosses=False
        )
        self.decoder_embedder = embedding(config.vocab_size_in, width)
        self.decoder = Stack(
            config, config.decoder_layers, config.decoder_feed_forward, config.max_tokens, crosses=True
        )
        self.proj_out = nn.Linear(width, config.vocab_size_out, bias=False)

    def encode(
        self,
        samples: Tensor,
        stars: Tensor | None = None,
        mapper: Tensor | None = None,
        song_position: Tensor | None = None,
    ) -> Tensor:
        """Encode samples (B, N) and, if the network is conditioned, facts about the map into memory (B, S, D)."""
        x = self.mel_bands(samples).to(self.conv1.weight.dtype)  # (B, F, n_mels)
        if self.conditions is not None:
            assert stars is not None and mapper is not None and song_position is not None
            x = torch.cat(
                [x, self.conditions(stars, mapper, song_position)[:, None].expand(-1, x.shape[1], -1)], dim=-1
            )
        if self.encoder_embedder is not None:
            x = self.encoder_embedder(x)
        x = F.gelu(self.conv2(F.gelu(self.conv1(x.transpose(1, 2))))).transpose(1, 2)  # (B, S, D)
        return self.encoder(x)

    def mel_bands(self, samples: Tensor) -> Tensor:
        """Mel bands (B, F, n_mels) of samples (B, N), always in float32, because power spans many decades."""
        with torch.autocast(samples.device.type, enabled=False):
            bands: Tensor = self.spectrogram(samples.float())
        return bands

    def hidden(
        self,
        tokens: Tensor,
        samples: Tensor,
        stars: Tensor | None = None,
        mapper: Tensor | None = None,
        song_position: Tensor | None = None,
    ) -> Tensor:
        """Last hidden states (B, T, D) of `tokens` (B, T), right-padded: causality keeps the padding from mattering."""
        found: Tensor = self.decoder(self.decoder_embedder(tokens), self.encode(samples, stars, mapper, song_position))
        return found

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., D) to (..., V)."""
        found: Tensor = self.proj_out(hidden)
        return found

    def to_precision(self, dtype: torch.dtype) -> Self:
        """Convert the weights to `dtype`, except the spectrogram."""
        for name, module in self.named_children():
            if name != "spectrogram":
                module.to(dtype)
        # Copies, because these would keep the whole file of the weights in memory, of which they are a part.
        for name, buffer in list(self.spectrogram.named_buffers()):
            setattr(self.spectrogram, name, buffer.clone())
        return self


# ---------------------------------------------------------------------------------------------------------------------
# Names of the published files


_RENAMED = (
    ("transformer.model.", ""),
    ("transformer.", ""),
    ("encoder.conv", "conv"),
    ("spectrogram.transform.spectrogram.window", "spectrogram.window"),
    ("spectrogram.transform.mel_scale.fb", "spectrogram.filters"),
    ("spectrogram.transform.mel_basis", "spectrogram.filters"),
    ("spectrogram.transform.stft.wcos", "spectrogram.cosines"),
    ("spectrogram.transform.stft.wsin", "spectrogram.sines"),
    ("encoder_attn", "cross_attn"),
    (".out_proj.", ".Wo."),
    ("difficulty_embedder.difficulty_proj", "conditions.difficulty.project"),
    ("difficulty_embedder.basis_", "conditions.difficulty."),
    ("song_pos_embedder.position_proj", "conditions.position.project"),
    ("song_pos_embedder.basis_", "conditions.position."),
    ("mapper_embedder.embedding", "conditions.mapper"),
    ("mapper_embedder.layer_norm", "conditions.mapper_norm"),
)
_UNUSED = ("embed_tokens", "loss_fn.", "window_mask")


def from_published(state: dict[str, Tensor]) -> dict[str, Tensor]:
    """Rename the tensors of a published checkpoint (docs/compat.md §8.6) and join separate query, key and value
    matrices. `state` is emptied, so that the parts of those are in memory no longer than they are needed."""
    renamed: dict[str, Tensor] = {}
    while state:
        name, tensor = state.popitem()
        if any(part in name for part in _UNUSED):
            continue
        for old, new in _RENAMED:
            name = name.replace(old, new)
        renamed[name] = tensor.squeeze(1) if name in ("spectrogram.cosines", "spectrogram.sines") else tensor
    for name in [name for name in renamed if name.endswith(".q_proj.weight")]:
        attention = name.removesuffix(".q_proj.weight")
        query, key, value = (_projection(renamed, f"{attention}.{part}_proj") for part in "qkv")
        is_self = attention.endswith("self_attn")
        joined = {"Wqkv": (query, key, value)} if is_self else {"Wq": (query,), "Wkv": (key, value)}
        for target, parts in joined.items():
            renamed[f"{attention}.{target}.weight"] = torch.cat([weight for weight, _ in parts])
            renamed[f"{attention}.{target}.bias"] = torch.cat([bias for _, bias in parts])
    return renamed


def _projection(state: dict[str, Tensor], name: str) -> tuple[Tensor, Tensor]:
    """Take weight and bias out of `state`; keys have no bias in Whisper."""
    weight = state.pop(f"{name}.weight")
    return weight, state.pop(f"{name}.bias", torch.zeros(weight.shape[0], dtype=weight.dtype))


_JOINED = {"Wqkv": "qkv", "Wq": "q", "Wkv": "kv"}


def to_published(adapter: Mapping[str, Tensor], joins_projections: bool) -> dict[str, Tensor]:
    """Rename the tensors of a low-rank adapter of :class:`Whisper`'s layers to those of the published files.

    Where these hold query, key and value apart, the pair of a joined matrix is divided: each gets the whole of the
    first factor and its rows of the second, which is the same change.

    Args:
        adapter: "….lora_A.weight" and "….lora_B.weight" by the names of the network's layers.
        joins_projections: whether the files hold joined matrices.
    """
    published: dict[str, Tensor] = {}
    for name, tensor in adapter.items():
        prefix = "transformer." if name.startswith("proj_out.") else "transformer.model."
        name = prefix + name if name.startswith(("encoder.", "decoder.", "proj_out.")) else name
        joined = next((joined for joined in _JOINED if f".{joined}." in name), None)
        if joins_projections or joined is None:
            if not joins_projections:
                name = name.replace("cross_attn.Wo", "encoder_attn.out_proj").replace(
                    "self_attn.Wo", "self_attn.out_proj"
                )
            published[name] = tensor
            continue
        name, letters = name.replace("cross_attn", "encoder_attn"), _JOINED[joined]
        parts = tensor.chunk(len(letters)) if ".lora_B." in name else [tensor] * len(letters)
        for letter, part in zip(letters, parts, strict=True):
            published[name.replace(f".{joined}.", f".{letter}_proj.")] = part.clone()
    return published
