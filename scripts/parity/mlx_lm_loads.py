#!/usr/bin/env python3
"""Load folders that `jikji model export` wrote with mlx-lm, which computes without torch and without transformers' models.

    python3 -m venv env && env/bin/pip install 'mlx[cpu]==0.32.4' mlx-lm==0.32.2
    env/bin/python scripts/parity/mlx_lm_loads.py [--jikji PATH]

Each checkpoint of fixtures/ whose graph mlx-lm has is exported in f32, in shards with an index, loaded, and compared with what
transformers computed: log-probabilities with reference.json, 24 greedy tokens with greedy.json. Ends with 1 if a log-probability
differs by more than 1e-4 or a continuation differs.
"""

import argparse
import importlib.metadata
import json
import os
import pathlib
import subprocess
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")

import mlx.core as mx  # noqa: E402
from mlx_lm.models.cache import make_prompt_cache  # noqa: E402
from mlx_lm.utils import load_model  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = pathlib.Path(__file__).parent / "fixtures"
BOUND = 1e-4

# Graphs that mlx-lm does not have or, the windows, leaves out without a word.
ABSENT = {
    "exaone4-unrotated": "a window, and no layer that has it",
    "hyperclovax-peri": "the family",
    "hyperclovax-pre": "the family",
    "mistral-window": "windows of this family",
    "qwen2-window": "windows of this family",
    "qwen3-window": "windows and biases of this family",
}


def logprobs(model, ids):
    logits = model(mx.array([ids]))[0, :-1].astype(mx.float32)
    every = logits - mx.logsumexp(logits, axis=-1, keepdims=True)
    return mx.take_along_axis(every, mx.array(ids[1:])[:, None], axis=-1)[:, 0].tolist()


def continuation(model, prompt, length):
    cache, ids, fresh = make_prompt_cache(model), [], prompt
    while len(ids) < length:
        ids.append(mx.argmax(model(mx.array([fresh]), cache=cache)[0, -1]).item())
        fresh = ids[-1:]
    return ids


def check(jikji, name, work):
    out = work / name
    command = [jikji, "model", "export", "--model", FIXTURES / name, "--output", out, "--dtype", "f32", "--max-shard-size", "6KB"]
    subprocess.run(list(map(str, command)), check=True, capture_output=True)
    model, _ = load_model(out)
    expected = json.loads((FIXTURES / name / "reference.json").read_text(encoding="utf-8"))
    worst = max(
        abs(got - want)
        for ids, row in zip(expected["ids"], expected["logprobs"])
        for got, want in zip(logprobs(model, ids), row)
    )
    greedy = json.loads((FIXTURES / name / "greedy.json").read_text(encoding="utf-8"))["greedy"]
    equal = sum(continuation(model, row["prompt"], len(row["continuation"])) == row["continuation"] for row in greedy)
    wrong = worst > BOUND or equal < len(greedy)
    print(f"{name:18} greedy {equal}/{len(greedy)} equal, largest difference of a log-probability {worst:.1e}"
          f"{'  WRONG' if wrong else ''}")
    return wrong


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--jikji", type=pathlib.Path, default=ROOT / "target/release/jikji")
    chosen = arguments.parse_args()
    mx.set_default_device(mx.cpu)
    versions = ", ".join(f"{package} {importlib.metadata.version(package)}" for package in ("mlx", "mlx-lm"))
    print(f"{versions}, {subprocess.run([chosen.jikji, '--version'], check=True, capture_output=True, text=True).stdout.strip()}")
    wrong = 0
    with tempfile.TemporaryDirectory() as work:
        for name in sorted(path.name for path in FIXTURES.iterdir()):
            if name in ABSENT:
                print(f"{name:18} not tried: mlx-lm does not have {ABSENT[name]}")
            else:
                wrong += check(chosen.jikji, name, pathlib.Path(work))
    print("nothing out of bounds" if not wrong else f"{wrong} models out of bounds")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
