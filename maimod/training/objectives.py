"""Objectives: next-token loss of the generator, corruption loss of the discriminator.

An objective is a module around its network whose `forward` takes a batch and returns the losses, so that mixed
precision and several devices apply to the whole computation. `loss` is minimised; the other values are logged.
Axes: `B` windows, `T` tokens, `N` slots, `K` kinds of corruption.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from maimod.discriminator.checkpoint import COVERED
from maimod.discriminator.features import COLUMN
from maimod.discriminator.network import Discriminator
from maimod.discriminator.prediction import KINDS
from maimod.events.vocabulary import Vocabulary
from maimod.families.inputs import IGNORED

KIND_WEIGHT = {
    "combo": 2.0,
    "addition": 1.5,
    "sample_set": 1.5,
    "place": 2.0,
    "length": 1.5,
    "shape": 1.5,
    "volume": 2.0,
    "kiai": 0.5,
    "velocity": 0.5,
}
"""Weights of the kinds in the corruption loss, 1 for the others: without them rare kinds are learned last."""
FILL_WEIGHT = 0.05
"""Weight of the loss on covered slots."""
FALSE_SHARE = 0.001
"""Share of the unchanged slots that may be marked when recall is measured."""

Batch = Mapping[str, Tensor]


class Objective(nn.Module):
    """Base class of the objectives."""

    network: nn.Module

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """Losses of a batch: "loss" is minimised, the rest is logged."""
        raise NotImplementedError

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Measures on held-out batches, by name; called with gradients switched off."""
        raise NotImplementedError


class NextToken(Objective):
    """Cross-entropy of the next token over the whole vocabulary."""

    def __init__(self, network: nn.Module, vocabulary: Vocabulary) -> None:
        super().__init__()
        self.network, self.vocabulary = network, vocabulary

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """`loss` in nats and `bits` per event, the mean over all targets."""
        losses = self._token_losses(batch)
        loss = losses.sum() / (batch["targets"] != IGNORED).sum().clamp(min=1)
        return {"loss": loss, "bits": loss.detach() / math.log(2)}

    def _token_losses(self, batch: Batch) -> Tensor:
        """(B, T) nats; 0 where there is no target."""
        inputs = {name: tensor for name, tensor in batch.items() if name != "targets"}
        logits = self.network(**inputs).float()  # (B, T, V)
        return F.cross_entropy(logits.transpose(1, 2), batch["targets"], ignore_index=IGNORED, reduction="none")

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Bits per event of each kind, and of all."""
        bits: dict[str, float] = defaultdict(float)
        counts: dict[str, int] = defaultdict(int)
        for batch in batches:
            losses = self._token_losses(batch) / math.log(2)
            for target, loss in zip(batch["targets"].flatten().tolist(), losses.flatten().tolist(), strict=True):
                if target != IGNORED:
                    for name in (str(self.vocabulary.kinds[target] or "end"), "all"):
                        bits[name] += loss
                        counts[name] += 1
        return {name: bits[name] / counts[name] for name in sorted(bits)}


class CorruptionDetection(Objective):
    """Predict which slots were changed, and the content of masked slots.

    The corruption loss is a weighted binary cross-entropy per kind, over the slots that are not covered: a covered slot
    contains nothing to detect. The fill loss is a cross-entropy over the covered slots of windows
    without corruption, whose content is right.
    """

    kind_weights: Tensor

    def __init__(self, network: Discriminator) -> None:
        super().__init__()
        self.network = network
        weights = torch.tensor([KIND_WEIGHT.get(kind, 1.0) for kind in KINDS])
        self.register_buffer("kind_weights", weights, persistent=False)

    def forward(self, batch: Batch) -> dict[str, Tensor]:
        """`loss`, and its parts `changes` and `covers`."""
        changes, covers, _ = self._losses(batch)
        return {"loss": changes + FILL_WEIGHT * covers, "changes": changes.detach(), "covers": covers.detach()}

    def _losses(self, batch: Batch) -> tuple[Tensor, Tensor, Tensor]:
        """Corruption loss, fill loss, and the logits (B, N, K)."""
        covered = batch["covered"]
        logits, hidden = self.network(batch["categories"], batch["numbers"], batch["context"], covered)
        per_slot = F.binary_cross_entropy_with_logits(logits.float(), batch["labels"], reduction="none")
        changes = (per_slot * self.kind_weights).sum(dim=-1)[~covered].mean()
        return changes, self._fill_loss(batch, hidden), logits

    def _fill_loss(self, batch: Batch, hidden: Tensor) -> Tensor:
        known = batch["covered"] & batch["is_clean"][:, None]
        categories, hidden = batch["categories"][known], hidden[known]  # (n_known, columns), (n_known, D)
        is_object = (categories[:, COLUMN["kind"]] > 0).float()
        total = hidden.new_zeros((), dtype=torch.float32)
        for name in COVERED:
            given = self.network.filled[name](hidden).float()  # type: ignore[index, operator]
            loss = F.cross_entropy(given, categories[:, COLUMN[name]], reduction="none")
            # Flags and sounds belong to an object: they have a loss only in slots with one.
            weights = torch.ones_like(loss) if name in ("starts", "kind") else is_object
            # Sums, so that a batch without covers still has a gradient (of zero) for every weight.
            total = total + (loss * weights).sum() / weights.sum().clamp(min=1)
        return total

    def evaluate(self, batches: Iterable[Batch]) -> dict[str, float]:
        """Both losses, and of each kind the share of changes found where 1 of 1,000 unchanged slots is marked."""
        sums, n_batches = np.zeros(2), 0
        logits, labels = [], []
        for batch in batches:
            changes, covers, found = self._losses(batch)
            sums += float(changes), float(covers)
            n_batches += 1
            keep = ~batch["covered"]
            logits.append(found[keep].float().cpu().numpy())
            labels.append(batch["labels"][keep].cpu().numpy() > 0)
        if not n_batches:
            return {}
        measures = {"changes": float(sums[0]) / n_batches, "covers": float(sums[1]) / n_batches}
        all_logits, all_labels = np.concatenate(logits), np.concatenate(labels)
        for k, kind in enumerate(KINDS):
            own, changed = all_logits[:, k], all_labels[:, k]
            if changed.sum() >= 10:
                measures[f"found {kind}"] = float(np.mean(own[changed] > np.quantile(own[~changed], 1 - FALSE_SHARE)))
        return measures
