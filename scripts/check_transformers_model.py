#!/usr/bin/env python3
"""Check that transformers computes the log-probabilities that `jikji score` wrote.

Usage: check_transformers_model.py MODEL_DIR SCORES.jsonl

Each line of SCORES holds {"ids": [...], "logprobs": [...]}: natural logarithms of the probability of the second id and of each
one after it. The model runs in f32 on the CPU. The exit status is 0 if no number differs by more than 1e-4, 1 if one
does or a weight is missing or left over, 2 for bad usage.

Needs the packages torch and transformers, and nothing from the network.
"""

import json
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

TOLERANCE = 1e-4


def load(folder):
    """The model, and the names of weights that were not in the folder or have no place in the model."""
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, dtype=torch.float32, attn_implementation="eager", output_loading_info=True
    )
    strays = {key: sorted(map(str, names)) for key, names in info.items() if names and key != "error_msgs"}
    return model.eval(), strays


@torch.no_grad()
def logprobs(model, ids):
    logits = model(torch.tensor([ids])).logits[0, :-1].double()
    targets = torch.tensor(ids[1:]).unsqueeze(1)
    return logits.log_softmax(-1).gather(1, targets).squeeze(1)


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    folder, scores_path = sys.argv[1:]
    with open(scores_path, encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines if line.strip()]
    if not rows:
        print(f"{scores_path}: no rows", file=sys.stderr)
        return 2

    model, strays = load(folder)
    for key, names in strays.items():
        print(f"{key}: {', '.join(names)}")
    worst, worst_at, tokens = 0.0, (1, 1), 0
    for number, row in enumerate(rows, start=1):
        expected = logprobs(model, row["ids"])
        got = torch.tensor(row["logprobs"], dtype=torch.float64)
        if got.shape != expected.shape:
            print(f"row {number}: {len(got)} numbers for {len(row['ids'])} ids")
            return 1
        tokens += len(got)
        difference, place = (got - expected).abs().nan_to_num(nan=float("inf")).max(0)
        if difference.item() > worst:
            worst, worst_at = difference.item(), (number, place.item() + 1)
    print(
        f"{type(model).__name__}: {len(rows)} rows, {tokens} log-probabilities, "
        f"largest difference {worst:.1e} (row {worst_at[0]}, position {worst_at[1]})"
    )
    return 1 if strays or worst > TOLERANCE else 0


if __name__ == "__main__":
    sys.exit(main())
