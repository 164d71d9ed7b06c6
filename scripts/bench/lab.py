"""The same training by either side: from the same weights, on the same sequences in the same order."""

import json
import os
from pathlib import Path

import processes
from errors import Failure

SETTINGS = {
    "seq_len": 256,
    "learning_rate": 2e-3,
    "betas": [0.9, 0.95],
    "eps": 1e-8,
    "weight_decay": 0.1,
    "max_grad_norm": 1.0,
    "final_ratio": 0.1,
}

RECIPE = """
[run]
name = "comparison"

[data]
license = "LicenseRef-unstated"
validation_fraction = {validation_fraction}
prepared = "prepared"

[[data.sources]]
name = "text"
path = {text}

[tokenizer]
vocab_size = {vocab_size}

[model]
config = {model}

[optimizer]
learning_rate = {learning_rate}
betas = {betas}
eps = {eps}
weight_decay = {weight_decay}
max_grad_norm = {max_grad_norm}

[optimizer.schedule]
type = "cosine"
warmup_steps = 0
final_ratio = {final_ratio}

[train]
steps = 0
seq_len = {seq_len}
global_batch_size = {global_batch_size}
# All of the validation split: both sides then take it whole, without having to draw the same sample.
validation_tokens = 1000000000000

[checkpoint]
every_steps = 1000000
"""


class Lab:
    """A working folder with a recipe, and both sides in it."""

    def __init__(self, given, jikji, python, folder):
        self.given, self.jikji, self.python, self.folder = given, jikji, python, Path(folder)
        own = {"global_batch_size": given.batch, "steps": given.steps, "warmup_steps": given.steps // 10}
        self.settings = SETTINGS | own
        values = self.settings | {
            "text": json.dumps(os.path.abspath(given.text), ensure_ascii=False),
            "model": json.dumps(str(given.model.resolve()), ensure_ascii=False),
            "vocab_size": vocab_size(given.model),
            "validation_fraction": given.validation_fraction,
        }
        (self.folder / "comparison.toml").write_text(RECIPE.format(**values), encoding="utf-8")

    def train(self, name, seed, steps, warmup_steps, precision="f32"):
        """A run of jikji; its folder."""
        settings = {
            "run.seed": seed,
            "run.output": name,
            "train.steps": steps,
            "train.precision": precision,
            "optimizer.schedule.warmup_steps": warmup_steps,
        }
        sets = [word for key, value in settings.items() for word in ("--set", f"{key}={value}")]
        processes.jikji(self.jikji, ["train", "comparison.toml", *sets], self.given.threads, self.folder)
        return self.folder / name

    def shards(self):
        [folder] = (self.folder / "prepared").glob("tokens-*")
        return folder

    def train_jikji(self, seed, precision="f32"):
        run = self.train(f"run-{seed}-{precision}", seed, self.settings["steps"], self.settings["warmup_steps"], precision)
        records = [json.loads(line) for line in (run / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
        steps = [record for record in records if record["kind"] == "step"]
        validations = [record for record in records if record["kind"] == "validation"]
        kept = ("bits_per_byte", "tokens", "bytes")
        before, after = ({key: record[key] for key in kept} for record in (validations[0], validations[-1]))
        return {
            "before": before,
            "after": after,
            "losses": [record["loss"] for record in steps],
            "counted_targets": [int(record["counted_targets"]) for record in steps],
        }

    def train_pytorch(self, seed, precision="f32"):
        start = self.folder / f"start-{seed}"
        if not start.exists():
            self.train(start.name, seed, 0, 0)
        command = ["--model", start / "export", "--shards", self.shards(), "--settings", json.dumps(self.settings)]
        command += ["--seed", str(seed), "--threads", str(self.given.threads), "--precision", precision]
        return processes.pytorch_json(self.python, "pytorch_train_run.py", command, self.folder)


def vocab_size(model):
    """The tokenizer's entries are the model's."""
    try:
        import tomllib
    except ModuleNotFoundError as error:
        raise Failure("Python 3.11 or later is needed", "start this script with it") from error
    try:
        with model.open("rb") as file:
            return tomllib.load(file)["vocab_size"]
    except (OSError, tomllib.TOMLDecodeError, KeyError) as error:
        raise Failure(f"no `vocab_size` in `{model}`: {error}", "give a model file like those of scripts/bench/models") from error


def must_agree(seed, sides):
    """Counts depend on the data alone; `sides` are by name."""
    (name, first), *others = sides.items()
    for other_name, other in others:
        for what, ours, theirs in (
            ("counted targets of the steps", first["counted_targets"], other["counted_targets"]),
            ("validation tokens", first["after"]["tokens"], other["after"]["tokens"]),
            ("validation bytes", first["after"]["bytes"], other["after"]["bytes"]),
        ):
            if ours != theirs:
                raise Failure(
                    f"seed {seed}: the {what} of {name} and {other_name} differ, so they did not read the same",
                    "compare scripts/bench/jikji_shards.py with docs/concepts/data-order.md",
                )
