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
        return ["bench", "decode", *model, "--prompt", str(case.prompt), "--tokens", str(case.tokens), "--json"]

    def pytorch_command(self, case, mode):
        counts = ["--steps", str(self.steps), "--threads", str(self.threads)]
        model = ["--model", str(self.models / case.model)]
        if isinstance(case, TrainStep):
            size = ["--batch", str(case.batch), "--seq", str(case.seq), "--precision", case.precision, "--mode", mode]
            warm_up = WARM_UP_COMPILED if mode == "compile" else WARM_UP
            return "pytorch_train_step.py", [*model, *size, "--warm-up", str(warm_up), *counts]
        size = ["--prompt", str(case.prompt), "--tokens", str(case.tokens)]
        return "pytorch_decode.py", [*model, *size, "--warm-up", "1", *counts]

    def missing(self, case):
        """Why a case cannot run, if so."""
        subcommand = self.jikji_arguments(case)[:2]
        if processes.knows(self.jikji, *subcommand):
            return None
        return f"this jikji has no `{' '.join(subcommand)}`"

    def run_jikji(self, case):
        clock = time.monotonic()
        raw = processes.jikji_json(self.jikji, self.jikji_arguments(case), self.threads)
        if isinstance(case, TrainStep):
            repeats, seconds = raw.get("step_seconds_all"), raw["step_seconds"]
        else:
            repeats, seconds = raw.get("decode_seconds_all"), case.tokens / raw["tokens_per_second"]
        limits = {field: raw[field] for field in case.limit_fields if field in raw}
        return run_record(raw, repeats, seconds, time.monotonic() - clock) | {"limit_seconds": limits}

    def run_pytorch(self, case, mode):
        clock = time.monotonic()
        script, arguments = self.pytorch_command(case, mode)
        raw = processes.pytorch_json(self.python, script, arguments, self.compile_cache)
        repeats = raw["step_seconds_all"] if isinstance(case, TrainStep) else raw["decode_seconds_all"]
        return run_record(raw, repeats, statistics.median(repeats), time.monotonic() - clock)


def run_record(raw, repeats, seconds, wall_seconds):
    return {
        "seconds": seconds,
        "seconds_all": repeats,
        "spread": spread(repeats),
        "peak_rss_bytes": raw.get("peak_rss_bytes"),
        "wall_seconds": wall_seconds,
        "raw": raw,
    }


def spread(repeats):
    """(max - min) / median; unknown where a side does not give its repeats."""
    if not repeats:
        return None
    return (max(repeats) - min(repeats)) / statistics.median(repeats)
