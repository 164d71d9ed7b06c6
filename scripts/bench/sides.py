"""One run of one side: the command, and what its JSON says in one form for both."""

import statistics
import time

import processes
from cases import TrainStep

# jikji does as many steps before it counts.
WARM_UP = 2
# The first step compiles, and the second still allocates.
WARM_UP_COMPILED = 3


class Sides:
    """How both sides are started on this machine."""

    def __init__(self, jikji, python, models, compile_cache, threads, steps):
        self.jikji, self.python, self.models, self.compile_cache = jikji, python, models, compile_cache
        self.threads, self.steps = threads, steps

    def jikji_arguments(self, case):
        model = ["--model", str(self.models / case.model)]
        if isinstance(case, TrainStep):
            size = ["--batch", str(case.batch), "--seq", str(case.seq), "--precision", case.precision]
            return ["bench", "train-step", *model, *size, "--steps", str(self.steps), "--json"]
        size = ["--prompt", str(case.prompt), "--tokens", str(case.tokens)]
        return ["bench", "decode", *model, *size, "--repeats", str(self.steps), "--json"]

    def pytorch_command(self, case, mode):
        counts = ["--steps", str(self.steps), "--threads", str(self.threads)]
        model = ["--model", str(self.models / case.model)]
        if isinstance(case, TrainStep):
            size = ["--batch", str(case.batch), "--seq", str(case.seq), "--precision", case.precision, "--mode", mode]
            warm_up = WARM_UP_COMPILED if mode == "compile" else WARM_UP
            return "pytorch_train_step.py", [*model, *size, "--warm-up", str(warm_up), *counts]
        size = ["--prompt", str(case.prompt), "--tokens", str(case.tokens)]
        return "pytorch_decode.py", [*model, *size, "--warm-up", "1", *counts]

    def run_jikji(self, case):
        clock = time.monotonic()
        raw = processes.jikji_json(self.jikji, self.jikji_arguments(case), self.threads)
        return run_record(case, raw, time.monotonic() - clock)

    def run_pytorch(self, case, mode):
        clock = time.monotonic()
        script, arguments = self.pytorch_command(case, mode)
        raw = processes.pytorch_json(self.python, script, arguments, self.compile_cache)
        return run_record(case, raw, time.monotonic() - clock)


def run_record(case, raw, wall_seconds):
    repeats = raw["step_seconds_all" if isinstance(case, TrainStep) else "decode_seconds_all"]
    return {
        "seconds": statistics.median(repeats),
        "seconds_all": repeats,
        "spread": (max(repeats) - min(repeats)) / statistics.median(repeats),
        "peak_rss_bytes": raw.get("peak_rss_bytes"),
        "wall_seconds": wall_seconds,
        "raw": raw,
    }
