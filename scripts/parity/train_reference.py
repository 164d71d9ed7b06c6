#!/usr/bin/env python3
"""Train two fixtures with transformers and PyTorch, and write each step's loss: what jikji's training is held against.

Usage: train_reference.py

Makes training/batches.json, the batches of token ids, and for each run training/NAME.json with the fixture it starts from, the
optimizer's settings under the names that jikji gives them, and the mean loss of each step before its update. f32, one core.
"""

import math
import pathlib
import sys

import reference  # first: it keeps transformers off the network
import torch

FOLDER = pathlib.Path(__file__).parent
STEPS = 100
BATCHES, ROWS, LENGTH, VOCAB_SIZE = 25, 4, 25, 67

OPTIMIZER = {
    "learning_rate": 3e-3,
    "betas": [0.9, 0.95],
    "eps": 1e-8,
    "weight_decay": 0.1,
    "decay_embeddings": True,
    "max_grad_norm": 1.5,
    "schedule": {"type": "cosine", "warmup_steps": 10, "final_ratio": 0.1},
}
# The second differs in every setting, so that none can be without effect in both.
OTHER_OPTIMIZER = {
    "learning_rate": 1.2e-3,
    "betas": [0.85, 0.98],
    "eps": 1e-6,
    "weight_decay": 0.3,
    "decay_embeddings": False,
    "max_grad_norm": 3.5,
    "schedule": {"type": "cosine", "warmup_steps": 20, "final_ratio": 0.0},
}
RUNS = {"qwen2": OPTIMIZER, "exaone4-hybrid": OTHER_OPTIMIZER}
# Training amplifies roundings. A run that moves by more than this when rows are summed in another order is no witness.
STEADY = 1e-5


def make_batches():
    """Rows with something to learn: mostly the last id plus a stride of the row, sometimes chance."""
    random = torch.Generator().manual_seed(1377)

    def draw(low, high):
        return torch.randint(low, high, (1,), generator=random).item()

    def row():
        stride, ids = draw(1, 6), [draw(3, VOCAB_SIZE)]
        while len(ids) < LENGTH:
            ids.append(draw(3, VOCAB_SIZE) if draw(0, 8) == 0 else 3 + (ids[-1] - 3 + stride) % (VOCAB_SIZE - 3))
        return ids

    return [[row() for _ in range(ROWS)] for _ in range(BATCHES)]


def learning_rate(optimizer, step):
    """Of update number `step`, from 0: a linear rise that reaches the peak at the last step of warm-up, then half a cosine that
    begins at the peak with the first step after warm-up and reaches its end with the last step of the run."""
    schedule = optimizer["schedule"]
    warmup, final = schedule["warmup_steps"], schedule["final_ratio"]
    if step < warmup:
        return optimizer["learning_rate"] * (step + 1) / warmup
    progress = (step - warmup) / (STEPS - 1 - warmup)
    return optimizer["learning_rate"] * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress)))


def groups(model, optimizer):
    """Decay for matrices, and for the embedding and the head if asked; none for norms and biases."""
    decayed, kept = [], []
    for name, parameter in model.named_parameters():
        is_embedding = name.startswith(("model.embed_tokens", "lm_head"))
        decays = parameter.dim() == 2 and (optimizer["decay_embeddings"] or not is_embedding)
        (decayed if decays else kept).append(parameter)
    return [{"params": decayed, "weight_decay": optimizer["weight_decay"]}, {"params": kept, "weight_decay": 0.0}]


def train(fixture, optimizer, batches):
    model, _ = reference.load(FOLDER / "fixtures" / fixture)
    model.train()
    adamw = torch.optim.AdamW(
        groups(model, optimizer), betas=tuple(optimizer["betas"]), eps=optimizer["eps"], foreach=False, fused=False
    )
    losses, clipped = [], 0
    for step in range(STEPS):
        for group in adamw.param_groups:
            group["lr"] = learning_rate(optimizer, step)
        ids = torch.tensor(batches[step % len(batches)])
        loss = model(ids, labels=ids, use_cache=False).loss
        adamw.zero_grad()
        loss.backward()
        norm = torch.nn.utils.clip_grad_norm_(model.parameters(), optimizer["max_grad_norm"])
        clipped += norm.item() > optimizer["max_grad_norm"]
        adamw.step()
        losses.append(round(loss.item(), 7))
    print(f"{fixture:16} loss {losses[0]:.4f} -> {losses[-1]:.4f}, {clipped} of {STEPS} steps clipped")
    return losses


def main():
    if len(sys.argv) != 1:
        print(__doc__, file=sys.stderr)
        return 2
    folder = FOLDER / "training"
    folder.mkdir(exist_ok=True)
    batches = make_batches()
    reference.dump({"batches": batches}, folder / "batches.json")
    for fixture, optimizer in RUNS.items():
        losses = train(fixture, optimizer, batches)
        reversed_rows = train(fixture, optimizer, [rows[::-1] for rows in batches])
        apart = max(abs(a - b) for a, b in zip(losses, reversed_rows))
        print(f"{fixture:16} {apart:.1e} apart from itself with the rows reversed")
        if apart > STEADY:
            raise SystemExit(f"{fixture}: too unsteady to compare with")
        content = {"fixture": fixture, "steps": STEPS, "optimizer": optimizer, "losses": losses}
        reference.dump(content, folder / f"{fixture}.json")
    return 0


if __name__ == "__main__":
    sys.exit(main())
