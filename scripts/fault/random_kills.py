#!/usr/bin/env python3
"""SIGKILL at random moments of a training run, half of them aimed inside a save.

Each killed run is started again with `--resume`; a run that reaches its end must have left, byte for byte, what an
uninterrupted run leaves. Prints one line: `random_kills, cases, passed, seconds`. Standard library only.

    cargo build --release
    python3 scripts/fault/random_kills.py [--kills 200] [--seed 1377] [--jikji target/release/jikji]
"""

import argparse
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

STEPS, INTERVAL = 200, 10

RECIPE = f"""
[data]
path = "text"
license = "CC0-1.0"
validation_fraction = 0.1

[tokenizer]
vocab_size = 2048

[model]
model_type = "exaone4"
vocab_size = 2048
hidden_size = 128
intermediate_size = 384
num_hidden_layers = 4
num_attention_heads = 4
num_key_value_heads = 2
head_dim = 32
max_position_embeddings = 128
rms_norm_eps = 1e-5
rope_theta = 1e4
sliding_window = 16
sliding_window_pattern = "LLLG"
tie_word_embeddings = true

[optimizer]
learning_rate = 3e-3
betas = [0.9, 0.95]
weight_decay = 0.1
max_grad_norm = 1.0

[optimizer.schedule]
type = "cosine"
final_ratio = 0.1
warmup_steps = 10

[train]
steps = {STEPS}
seq_len = 64
global_batch_size = 4
validate_every_steps = 50
validation_tokens = 2048

[checkpoint]
every_steps = {INTERVAL}

[log]
prompts = ["오늘"]
sample_tokens = 4
"""

# Each durable call of a save waits so long where the kill is aimed inside it.
SLOW_SAVE = "sleep=4"


class Lab:
    """A folder with text and the recipe, and the run in it."""

    def __init__(self, jikji: Path, texts: Path, root: Path, async_save: bool = True):
        self.jikji, self.root, self.async_save = jikji, root, async_save
        self.run = root / "runs" / "kills"
        root.mkdir()
        (root / "kills.toml").write_text(RECIPE, encoding="utf-8")
        (root / "text").mkdir()
        for file in sorted(texts.rglob("*.txt"))[:80]:
            shutil.copy(file, root / "text" / f"{file.parent.name}-{file.name}")

    def start(self, fault: str = "") -> subprocess.Popen:
        environment = {**os.environ, "JIKJI_FAULT": fault, "JIKJI_FAULT_UNDER": "checkpoints", "NO_COLOR": "1"}
        return subprocess.Popen(
            [self.jikji, "train", "kills.toml", "--resume", "--set", f"checkpoint.async_save={str(self.async_save).lower()}"],
            cwd=self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=(self.root / "stderr.txt").open("wb"),
        )

    def said(self) -> str:
        return (self.root / "stderr.txt").read_text(encoding="utf-8", errors="replace")

    def steps_logged(self) -> int:
        """The last whole step record of the metrics."""
        try:
            with (self.run / "metrics.jsonl").open("rb") as file:
                file.seek(max(0, os.fstat(file.fileno()).st_size - 4096))
                found = re.findall(rb'"kind":"step","step":(\d+),', file.read())
        except FileNotFoundError:
            return 0
        return int(found[-1]) if found else 0

    def checkpoints(self) -> list[str]:
        try:
            return os.listdir(self.run / "checkpoints")
        except FileNotFoundError:
            return []

    def newest(self) -> int:
        names = (re.fullmatch(r"step-(\d+)", name) for name in self.checkpoints())
        return max((int(name[1]) for name in names if name), default=0)

    def is_saving(self, pid: int) -> bool:
        """Whether the process is inside a save; what a killed one left does not count."""
        return any(f".tmp.{pid}." in name for name in self.checkpoints())

    def result(self) -> dict[str, bytes]:
        last = self.run / "checkpoints" / f"step-{STEPS:08}"
        files = [
            last / "model.safetensors",
            last / "optimizer.safetensors",
            self.run / "export" / "model.safetensors",
            self.run / "metrics.jsonl",
        ]
        return {str(file.relative_to(self.run)): file.read_bytes() for file in files}


def require(holds: bool, what: str, lab: Lab) -> None:
    if not holds:
        sys.exit(f"random_kills: {what}\n{lab.said()}")


def kill_once(lab: Lab, rng: random.Random, number: int, lost: dict[bool, int]) -> bool:
    """Starts or resumes the run and kills it at some moment; false if it came to its end before."""
    before = lab.newest()
    in_save = number % 2 == 1
    process = lab.start(SLOW_SAVE if in_save else "")
    if in_save:
        steps = before + INTERVAL * rng.randrange(3)
        reached = lambda: lab.is_saving(process.pid) and lab.steps_logged() > steps  # noqa: E731
        pause = rng.uniform(0, 0.15)
    elif rng.random() < 0.15:
        reached, pause = (lambda: True), rng.uniform(0, 0.4)
    else:
        steps = before + 1 + rng.randrange(3 * INTERVAL)
        reached = lambda: lab.steps_logged() >= steps  # noqa: E731
        pause = rng.uniform(0, 0.05)
    while process.poll() is None and not reached():
        time.sleep(0.001)
    time.sleep(pause)
    if process.poll() is not None:
        require(process.returncode == 0, f"a run ended with {process.returncode}", lab)
        return False
    process.kill()
    process.wait()
    said = lab.said()
    require("panicked" not in said, "a run panicked", lab)
    resumed = re.search(r"resuming from step (\d+)", said)
    if resumed:
        require(int(resumed[1]) == before, f"resumed from {resumed[1]}, not {before}", lab)
    newest = lab.newest()
    require(newest >= before, f"a checkpoint was lost: {before} -> {newest}", lab)
    # The steps since the last save began; and where training goes on beside it, the interval before it if it did not end.
    steps_lost = max(0, lab.steps_logged() - newest)
    require(steps_lost <= (2 if lab.async_save else 1) * INTERVAL, f"{steps_lost} steps were lost", lab)
    lost[lab.async_save] = max(lost[lab.async_save], steps_lost)
    return True


def main() -> None:
    repository = Path(__file__).resolve().parents[2]
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1377)
    parser.add_argument("--jikji", type=Path, default=repository / "target/release/jikji")
    arguments = parser.parse_args()
    jikji, texts = arguments.jikji.resolve(), repository / "data/korean"
    rng, start = random.Random(arguments.seed), time.monotonic()
    killed, runs, lost = 0, 0, {True: 0, False: 0}
    with tempfile.TemporaryDirectory() as folder:
        quiet = Lab(jikji, texts, Path(folder) / "quiet")
        require(quiet.start().wait() == 0, "the uninterrupted run failed", quiet)
        expected = quiet.result()
        while killed < arguments.kills:
            lab = Lab(jikji, texts, Path(folder) / f"run-{runs}", async_save=runs % 2 == 0)
            while killed < arguments.kills and kill_once(lab, rng, killed, lost):
                killed += 1
            require(lab.start().wait() == 0, "the last start failed", lab)
            result = lab.result()
            differing = [name for name in expected if result[name] != expected[name]]
            require(not differing, f"not as uninterrupted: {', '.join(differing)}", lab)
            runs += 1
            shutil.rmtree(lab.root)
    seconds = time.monotonic() - start
    print(f"random_kills, {killed} cases, {killed} passed, {seconds:.0f} s")
    facts = {
        "runs": runs,
        "save_interval": INTERVAL,
        "most_steps_lost": lost[True],
        "most_steps_lost_without_async_save": lost[False],
    }
    print(json.dumps(facts), file=sys.stderr)


if __name__ == "__main__":
    main()
