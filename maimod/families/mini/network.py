"""The network: a Whisper-like encoder-decoder from mel frames and event tokens to next-token logits.

It contains no knowledge of osu!: frames, tokens and times in, logits out. Axes: `B` batch, `F` mel frames,
`S` encoder positions (F / 4), `T` tokens, `D` width, `V` vocabulary, `H` heads, `K` head width, `G` grid and `P` place
features.

It differs from Whisper (Radford et al., 2022, arXiv:2212.04356) in two ways, because training data are few: positions
are rotary (Su et al., 2021, arXiv:2104.09864), and in cross-attention they are *times*, so that "the sound 300 ms
ahead" looks the same in the whole song; and each frame and token has its beat phase as an input.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maimod.families.attention import attend, embedding, rotary, rotate
from maimod.families.mini.config import CONVOLUTIONS, FRAME_STRIDE, TIME_UNIT_MS, MiniConfig
from maimod.families.network import Network

DROPOUT = 0.2
"""Share of the channels that a layer's outputs lose while training. With 0.1 the network learned the hitsounds of single
mapsets by heart: after ten passes they were predicted worse in other maps than after one."""
TOKEN_DROPOUT = 0.05
"""Share of the tokens that lose their embedding while training (Gal and Ghahramani, 2016, arXiv:1512.05287), so that no
sequence looks the same twice."""


class Attention(nn.Module):
    """Multi-head attention; queries from x, keys and values from `memory`."""

    def __init__(self, config: MiniConfig) -> None:
        super().__init__()
        self.heads = config.heads
        self.query = nn.Linear(config.d_model, config.d_model)
        self.key_value = nn.Linear(config.d_model, 2 * config.d_model, bias=False)
        self.out = nn.Linear(config.d_model, config.d_model)

    def forward(
        self,
        x: Tensor,
        memory: Tensor,
        query_angles: tuple[Tensor, Tensor],
        key_angles: tuple[Tensor, Tensor],
        causal: bool = False,
        seen: Tensor | None = None,
    ) -> Tensor:
        batch, length, width = x.shape
        query = self.query(x).view(batch, length, self.heads, -1).transpose(1, 2)  # (B, H, T, K)
        key, value = self.key_value(memory).view(batch, memory.shape[1], 2, self.heads, -1).permute(2, 0, 3, 1, 4)
        query, key = rotate(query, *query_angles), rotate(key, *key_angles)
        mixed = attend(query, key, value, causal, seen)
        return self.out(mixed.transpose(1, 2).reshape(batch, length, width))


class Norm(nn.RMSNorm):
    """Root mean square norm in the type of its weights: under autocast in float32, which rounds least and has a fast
    kernel."""

    def forward(self, x: Tensor) -> Tensor:
        return super().forward(x.to(self.weight.dtype))


class Layer(nn.Module):
    """Pre-norm transformer layer, with cross-attention in the decoder."""

    def __init__(self, config: MiniConfig, crosses: bool) -> None:
        super().__init__()
        self.attention_norm, self.attention = Norm(config.d_model), Attention(config)
        self.cross_norm = Norm(config.d_model) if crosses else None
        self.cross = Attention(config) if crosses else None
        self.mlp_norm = Norm(config.d_model)
        self.mlp = nn.Sequential(
            nn.Linear(config.d_model, config.feed_forward), nn.GELU(), nn.Linear(config.feed_forward, config.d_model)
        )

    def forward(
        self,
        x: Tensor,
        angles: tuple[Tensor, Tensor],
        memory: Tensor | None = None,
        time_angles: tuple[Tensor, Tensor] | None = None,
        memory_angles: tuple[Tensor, Tensor] | None = None,
        seen: Tensor | None = None,
    ) -> Tensor:
        normed = self.attention_norm(x)
        x = x + self._dropped(self.attention(normed, normed, angles, angles, self.cross is not None, seen))
        if self.cross is not None and self.cross_norm is not None:
            assert memory is not None and time_angles is not None and memory_angles is not None
            x = x + self._dropped(self.cross(self.cross_norm(x), memory, time_angles, memory_angles))
        return x + self._dropped(self.mlp(self.mlp_norm(x)))

    def _dropped(self, x: Tensor) -> Tensor:
        return F.dropout(x, DROPOUT, self.training)


class MiniNetwork(Network):
    """Encoder over frames, causal decoder over tokens."""

    def __init__(self, config: MiniConfig) -> None:
        super().__init__()
        self.config = config
        width = config.d_model
        (first, stride1), (second, stride2) = CONVOLUTIONS
        self.conv1 = nn.Conv1d(config.n_mels + config.n_grid, width, first, stride1, padding=first // 2)
        self.conv2 = nn.Conv1d(width, width, second, stride2, padding=second // 2)
        self.encoder = nn.ModuleList(Layer(config, crosses=False) for _ in range(config.encoder_layers))
        self.encoder_norm = Norm(width)
        self.embedding = embedding(config.vocab_size_in, width)
        self.grid = nn.Linear(config.n_grid, width, bias=False)
        self.place = nn.Linear(config.n_place, width, bias=False)
        self.decoder = nn.ModuleList(Layer(config, crosses=True) for _ in range(config.decoder_layers))
        self.decoder_norm = Norm(width)
        self.project = nn.Linear(width, config.vocab_size_out, bias=False)

    @property
    def head_width(self) -> int:
        """Channels per attention head."""
        return self.config.d_model // self.config.heads

    def encode(self, mel: Tensor, grid: Tensor) -> Tensor:
        """Turn mel (B, F, n_mels) and grid (B, F, G) into memory (B, S, D)."""
        x = torch.cat([mel, grid], dim=-1).transpose(1, 2)
        x = F.gelu(self.conv2(F.gelu(self.conv1(x)))).transpose(1, 2)  # (B, S, D)
        angles = self.frame_angles(x)
        for layer in self.encoder:
            x = layer(x, angles)
        return self.encoder_norm(x)

    def frame_angles(self, memory: Tensor) -> tuple[Tensor, Tensor]:
        """Rotary angles of encoder positions by their time."""
        unit = FRAME_STRIDE * self.config.frame_ms / TIME_UNIT_MS
        return rotary(torch.arange(memory.shape[1], device=memory.device)[None] * unit, self.head_width)

    def decode(
        self,
        tokens: Tensor,
        times: Tensor,
        grid: Tensor,
        place: Tensor,
        memory: Tensor,
        index: Tensor | None = None,
        seen: Tensor | None = None,
    ) -> Tensor:
        """Last hidden states (B, T, D) of `tokens` (B, T).

        Args:
            tokens: ids, right-padded (causality keeps the padding from mattering).
            times: (B, T) ms from the window's start.
            grid: (B, T, G) beat phases at these times.
            place: (B, T, P) where the cursor is.
            memory: (B, S, D) from :meth:`encode`.
            index: (B, T) places in the sequence, where alternatives to one token stand side by side.
            seen: (T, T) which tokens a token sees, in place of all before it.
        """
        x = self._embedded(tokens) + self.grid(grid) + self.place(place)
        by_time = rotary(times / TIME_UNIT_MS, self.head_width)
        half = rotary(times / TIME_UNIT_MS, self.head_width // 2)
        if index is None:
            index = torch.arange(tokens.shape[1], device=tokens.device)[None].expand_as(tokens)
        turn = rotary(index, self.head_width // 2)
        # Half of each head is rotated by position in the sequence, half by time, so that both "two tokens ago" and "a
        # beat ago" are close.
        angles = torch.cat([turn[0], half[0]], dim=-1), torch.cat([turn[1], half[1]], dim=-1)
        memory_angles = self.frame_angles(memory)
        for layer in self.decoder:
            x = layer(x, angles, memory, by_time, memory_angles, seen)
        hidden: Tensor = self.decoder_norm(x)
        return hidden

    def _embedded(self, tokens: Tensor) -> Tensor:
        found: Tensor = self.embedding(tokens)
        if not self.training:
            return found
        kept = torch.rand(tokens.shape, device=tokens.device) >= TOKEN_DROPOUT
        return found * kept[..., None].to(found.dtype)

    def hidden(
        self, tokens: Tensor, times: Tensor, grid: Tensor, place: Tensor, mel: Tensor, frame_grid: Tensor
    ) -> Tensor:
        """Encode and decode; shapes as there, in any type."""
        own = self.project.weight.dtype
        return self.decode(tokens, times, grid.to(own), place.to(own), self.encode(mel.to(own), frame_grid.to(own)))

    def logits(self, hidden: Tensor) -> Tensor:
        """(..., D) to (..., V) for the token after each."""
        found: Tensor = self.project(hidden)
        return found
