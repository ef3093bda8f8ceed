"""What an encoder can learn from texts without labels, before it is fine-tuned: `read_texts`."""

import shutil
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn
from transformers import AutoModel, AutoTokenizer, get_linear_schedule_with_warmup

from metaling_sk._utils.device import autocast_dtype, find_device

MASKED, TEMPERATURE, N_SPECIAL = 0.15, 0.05, 3
READ_BATCH, MAX_READ = 64, 40_000
"""Texts in a batch, and texts from which on none is read again."""


def read_texts(idea: str, encoder: str, texts: list[str], seed: int, folder: Path) -> str:
    """Train the encoder on texts without labels, and return the folder of the result."""
    device = find_device("auto")
    dtype = autocast_dtype("auto", device)
    torch.manual_seed(seed)
    module, tokenizer = (kind.from_pretrained(encoder) for kind in (AutoModel, AutoTokenizer))
    ids = tokenizer(texts, truncation=True, max_length=128)["input_ids"]
    kind, most_epochs = IDEAS[idea]
    model = kind(module, tokenizer, ids).to(device).train()
    rng = np.random.default_rng(seed)
    n_epochs = min(most_epochs, -(-MAX_READ // len(ids)))
    batches = [batch for _ in range(n_epochs) for batch in similar_lengths(ids, rng)]
    new = [weight for name, weight in model.named_parameters() if not name.startswith("module.")]
    groups = [{"params": [*module.parameters()]}, {"params": new, "lr": 1e-3}]
    groups = [group for group in groups if group["params"]]
    optimizer = torch.optim.AdamW(groups, lr=model.rate, weight_decay=0.0, fused=True)
    schedule = get_linear_schedule_with_warmup(optimizer, len(batches) // 10, len(batches))
    for rows in batches:
        batch = tokenizer.pad({"input_ids": [ids[row] for row in rows]}, return_tensors="pt")
        with torch.autocast(device.type, dtype=dtype, enabled=dtype is not None):
            loss = model(**batch.to(device))
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
    new_folder = folder / idea.replace(" ", "-")
    shutil.copytree(encoder, new_folder, ignore=shutil.ignore_patterns("*.safetensors"))
    weights = {name: value.cpu().contiguous() for name, value in module.state_dict().items()}
    weights = {name: value for name, value in weights.items() if not name.startswith("pooler.")}
    save_file(weights, new_folder / "model.safetensors", {"format": "pt"})
    return str(new_folder)


def similar_lengths(ids: list[list[int]], rng: np.random.Generator) -> list[np.ndarray]:
    """Return the rows of batches of texts of similar length, in random order."""
    lengths = np.array([len(one) for one in ids]) + rng.random(len(ids))
    order = np.argsort(lengths)
    batches = [order[start : start + READ_BATCH] for start in range(0, len(order), READ_BATCH)]
    return [batches[number] for number in rng.permutation(len(batches))]


class MaskedWords(nn.Module):
    """Guesses masked tokens among those that occur; returns the loss."""

    rate = 5e-5

    def __init__(self, module: nn.Module, tokenizer, ids: list[list[int]]):
        super().__init__()
        self.module, self.mask = module, tokenizer.mask_token_id
        size = module.config.hidden_size
        self.transform = nn.Sequential(nn.Linear(size, size), nn.GELU(), nn.LayerNorm(size))
        known = torch.from_numpy(np.unique(np.concatenate(ids)))
        position = torch.zeros(module.config.vocab_size, dtype=torch.int64)
        position[known] = torch.arange(len(known))
        self.register_buffer("known", known)
        self.register_buffer("position", position)
        self.bias = nn.Parameter(torch.zeros(len(known)))

    def forward(self, input_ids, attention_mask):
        draws = torch.rand(input_ids.shape, device=input_ids.device)
        is_masked = (draws < MASKED) & (input_ids > N_SPECIAL) & attention_mask.bool()
        ids = input_ids.masked_fill(is_masked, self.mask)
        hidden = self.module(input_ids=ids, attention_mask=attention_mask).last_hidden_state
        candidates = self.module.embeddings.word_embeddings.weight[self.known]
        logits = self.transform(hidden[is_masked]) @ candidates.T + self.bias
        return F.cross_entropy(logits.float(), self.position[input_ids[is_masked]])


class Contrast(nn.Module):
    """Tells a text with one dropout from others with another dropout; returns the loss."""

    rate = 2e-5

    def __init__(self, module: nn.Module, tokenizer, ids: list[list[int]]):
        super().__init__()
        self.module = module

    def forward(self, input_ids, attention_mask):
        first, second = (self.encode(input_ids, attention_mask) for _ in range(2))
        logits = (first @ second.T).float() / TEMPERATURE
        return F.cross_entropy(logits, torch.arange(len(logits), device=logits.device))

    def encode(self, input_ids, attention_mask):
        hidden = self.module(input_ids=input_ids, attention_mask=attention_mask).last_hidden_state
        mask = attention_mask.unsqueeze(2)
        return F.normalize((hidden * mask).sum(dim=1) / mask.sum(dim=1), dim=1)


IDEAS = {"masked words": (MaskedWords, 10), "contrast": (Contrast, 3)}
"""What reads texts, and the largest number of times."""
