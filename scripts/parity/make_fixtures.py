#!/usr/bin/env python3
"""Make the fixtures of the parity tests: small random checkpoints, and what transformers computes with them.

Usage: make_fixtures.py [NAME...]     (all of checkpoints.py if none is named)

Each becomes a folder fixtures/NAME with

  config.json, model.safetensors   the checkpoint as a publisher would leave it
  reference.json                   see reference.py
  greedy.json                      prompts, and the 24 ids that `generate` without sampling puts after each

The same versions (requirements.txt) on the same kind of machine make the same bytes.
"""

import json
import pathlib
import shutil
import sys
import tempfile

import reference  # first: it keeps transformers off the network
import torch
from safetensors.torch import save_file
from transformers import AutoConfig, AutoModelForCausalLM

import checkpoints
import exaone

FIXTURES = pathlib.Path(__file__).parent / "fixtures"
# Longer than every window and than what the scaled rotations keep apart, down to the shortest there is.
LENGTHS = [60, 41, 13, 2]
PROMPTS = [1, 5, 19]
NEW_TOKENS = 24
# Below this distance between the two best logits, another machine's last bits could choose another token.
LEAST_MARGIN = 2e-3
# A continuation that repeats itself sooner says little.
LEAST_DIFFERENT = 5


def shapes_of(config):
    """Published name and shape of each tensor that a checkpoint of this config holds."""
    is_exaone = config["model_type"] == "exaone"
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder)
        (path / "config.json").write_text(json.dumps(config), encoding="utf-8")
        if is_exaone:
            save_file({}, path / "model.safetensors")
            exaone.as_llama(path, path)
        model = AutoModelForCausalLM.from_config(AutoConfig.from_pretrained(path))
    # A tied head comes once, as the embedding.
    return {
        (exaone.published_name(name) if is_exaone else name): tuple(parameter.shape)
        for name, parameter in model.named_parameters()
    }


def random_ids(name, number, length, vocab_size):
    random = torch.Generator().manual_seed(1377 + 1000 * number + sum(name.encode()))
    # Not the control tokens: other programs may treat them apart.
    return torch.randint(3, vocab_size, (length,), generator=random).tolist()


@torch.no_grad()
def greedy(model, prompt):
    """The continuation, and the least distance between a chosen logit and the next best."""
    model.generation_config.eos_token_id = None
    output = model.generate(
        torch.tensor([prompt]),
        attention_mask=torch.ones(1, len(prompt), dtype=torch.long),
        do_sample=False,
        max_new_tokens=NEW_TOKENS,
        min_new_tokens=NEW_TOKENS,
        output_logits=True,
        return_dict_in_generate=True,
    )
    best = torch.stack(output.logits)[:, 0].topk(2).values
    return output.sequences[0, len(prompt) :].tolist(), (best[:, 0] - best[:, 1]).min().item()


def continuations(model, name, vocab_size):
    rows = []
    for number, length in enumerate(PROMPTS):
        for attempt in range(60):
            prompt = random_ids(name, 100 + 60 * number + attempt, length, vocab_size)
            continuation, margin = greedy(model, prompt)
            if margin >= LEAST_MARGIN and len(set(continuation)) >= LEAST_DIFFERENT:
                rows.append({"prompt": prompt, "continuation": continuation})
                break
        else:
            raise SystemExit(f"{name}: no prompt of {length} ids has a continuation to compare")
    return rows


def check_zones(model, name):
    """Whether scaled rotations keep, stretch and mix: a fixture whose text shows only one of them would prove little."""
    rotary = model.model.rotary_emb
    if rotary.rope_type == "default":
        return
    plain, _ = rotary.compute_default_rope_parameters(model.config)
    ratio = plain / rotary.inv_freq
    factor = model.config.rope_parameters["factor"]
    kept, stretched = ratio < 1.001, ratio > factor * 0.999
    if not (kept.any() and stretched.any() and (~kept & ~stretched).any()):
        raise SystemExit(f"{name}: frequencies are divided by {ratio.tolist()}")


def make(name, config):
    folder = FIXTURES / name
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    dtype = getattr(torch, config.get("torch_dtype") or config["dtype"])
    tensors = checkpoints.weights(name, shapes_of(config), dtype)
    save_file(tensors, folder / "model.safetensors", metadata={"format": "pt"})

    model, published = reference.load(folder)
    assert sorted(published.values()) == sorted(tensors), name
    check_zones(model, name)
    rows = [random_ids(name, number, length, config["vocab_size"]) for number, length in enumerate(LENGTHS)]
    content = reference.reference(model, published, rows)
    reference.dump(content, folder / "reference.json")
    reference.dump({"greedy": continuations(model, name, config["vocab_size"])}, folder / "greedy.json")
    size = sum(file.stat().st_size for file in folder.iterdir())
    print(f"{name:20} {type(model).__name__:24} loss {content['loss']:.4f} {size:7} bytes")
    return size


def main():
    names = sys.argv[1:] or list(checkpoints.CONFIGS)
    unknown = [name for name in names if name not in checkpoints.CONFIGS]
    if unknown:
        print(__doc__, file=sys.stderr)
        return 2
    print(f"{sum(make(name, checkpoints.CONFIGS[name]) for name in names)} bytes in all")
    return 0


if __name__ == "__main__":
    sys.exit(main())
