#!/usr/bin/env python3
"""Write what transformers computes for a model folder: the file that `jikji model verify --reference` takes.

Usage: reference.py MODEL_DIR IDS.json REFERENCE.json

IDS is a JSON list of lists of token ids, each of two or more. The model runs in f32 on one core of the CPU. REFERENCE holds

  ids         the lists
  logprobs    for each list, the natural logarithm of the probability of the second id and of each one after it
  loss        their negative mean over all lists
  grad_norms  for each published tensor, the L2 norm of the gradient of that loss

A folder of model_type `exaone` is read as the Llama model that it is, under other names (see exaone.py).
"""

import json
import os
import pathlib
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import torch  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

import exaone  # noqa: E402


def load(folder, dtype=torch.float32):
    """The model in f32 or as `dtype` says, and the published name of each of its parameters."""
    folder = pathlib.Path(folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    if config["model_type"] == "exaone":
        with tempfile.TemporaryDirectory() as llama:
            exaone.as_llama(folder, llama)
            model = _load(llama, dtype)
        published = {name: exaone.published_name(name) for name, _ in model.named_parameters()}
    else:
        model = _load(folder, dtype)
        published = {name: name for name, _ in model.named_parameters()}
    return model, published


def _load(folder, dtype):
    torch.set_num_threads(1)
    model, info = AutoModelForCausalLM.from_pretrained(
        folder, dtype=dtype, attn_implementation="eager", output_loading_info=True
    )
    strays = {key: sorted(map(str, names)) for key, names in info.items() if names}
    if strays:
        raise SystemExit(f"{folder}: {strays}")
    # `eval` turns nothing off here but dropout, which none of these models has.
    return model.eval()


def logprobs(model, ids):
    """The log-probability of each id but the first, in f32."""
    logits = model(torch.tensor([ids]), use_cache=False).logits[0, :-1].float()
    return logits.log_softmax(-1).gather(1, torch.tensor(ids[1:]).unsqueeze(1)).squeeze(1)


def reference(model, published, rows):
    """The file's content. Each list runs alone, so no padding can be at fault for anything."""
    total = sum(len(ids) - 1 for ids in rows)
    model.zero_grad()
    scored, loss = [], 0.0
    for ids in rows:
        row = logprobs(model, ids)
        (-row.sum() / total).backward()
        scored.append([round(value, 7) for value in row.tolist()])
        loss -= row.double().sum().item() / total
    norms = {
        published[name]: float(f"{parameter.grad.double().norm().item():.7g}")
        for name, parameter in model.named_parameters()
    }
    return {"ids": rows, "logprobs": scored, "loss": round(loss, 8), "grad_norms": dict(sorted(norms.items()))}


def dump(content, path):
    """JSON with one line for each list and each name: short, and readable in a diff."""

    def line(value):
        return json.dumps(value, ensure_ascii=False, separators=(", ", ": "))

    def entry(value):
        if isinstance(value, list) and value and isinstance(value[0], (list, dict)):
            return "[\n    " + ",\n    ".join(map(line, value)) + "\n  ]"
        if isinstance(value, dict):
            return "{\n    " + ",\n    ".join(f"{line(k)}: {line(v)}" for k, v in value.items()) + "\n  }"
        return line(value)

    entries = ",\n".join(f"  {line(key)}: {entry(value)}" for key, value in content.items())
    pathlib.Path(path).write_text("{\n" + entries + "\n}\n", encoding="utf-8")


def main():
    if len(sys.argv) != 4:
        print(__doc__, file=sys.stderr)
        return 2
    folder, ids_path, output = sys.argv[1:]
    rows = json.loads(pathlib.Path(ids_path).read_text(encoding="utf-8"))
    dump(reference(*load(folder), rows), output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
