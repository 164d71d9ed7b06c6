"""What the comparisons of whole training runs share: their options, their record, and seed after seed."""

import argparse
import datetime
import tempfile
import time
from pathlib import Path

import machine
import processes
import python_environment
import result_files
from errors import Failure, say
from lab import Lab
from options import at_least_one, shown_model

FOLDER = Path(__file__).resolve().parent
FIRST_SEED = 1377


def parser(description):
    """The options of every comparison; a script sets the defaults of `--model`, `--seeds`, `--steps` and `--batch`."""
    options = argparse.ArgumentParser(description=description.split("\n\n")[0])
    options.add_argument("--text", required=True, metavar="GLOB", help="text files, in quotes: .txt, .md, .jsonl with a field `text`")
    options.add_argument("--out", type=Path, required=True, help="folder for the page and the raw numbers")
    options.add_argument("--jikji", default=FOLDER.parents[1] / "target/release/jikji", help="the binary to measure")
    options.add_argument("--python", help="an interpreter with requirements.txt, instead of making an environment")
    options.add_argument("--model", type=Path, help="a model file")
    options.add_argument("--seeds", type=at_least_one, help="how often all runs are made, with other weights and another order")
    options.add_argument("--steps", type=at_least_one, help="of a run")
    options.add_argument("--batch", type=at_least_one, help="sequences of 256 tokens in a step")
    options.add_argument("--validation-fraction", type=fraction, default=0.01, help="share of the documents held back")
    options.add_argument("--threads", type=at_least_one, default=2, help="of each side")
    return options


def fraction(text):
    value = float(text)
    if not 0 < value < 1:
        raise argparse.ArgumentTypeError("must be above 0 and below 1")
    return value


def compare(name, given, run_seed, page):
    """`run_seed(lab, seed)` gives what the record keeps of a seed; `page(record)` its Markdown."""
    jikji = processes.existing_jikji(given.jikji)
    given.out.mkdir(parents=True, exist_ok=True)
    python = python_environment.interpreter(given.python, ["tomllib", "blake3", "torch", "transformers"])
    with tempfile.TemporaryDirectory(dir=given.out, prefix="work-") as folder:
        lab = Lab(given, jikji, python, folder)
        record = {
            "format_version": 1,
            "date": datetime.date.today().isoformat(),
            "machine": machine.facts(),
            "versions": machine.versions(jikji, python),
            "model": given.model.name,
            "settings": lab.settings | {"seeds": given.seeds, "threads": given.threads, "command": command(name, given)},
            "runs": [],
        }
        for seed in range(FIRST_SEED, FIRST_SEED + given.seeds):
            clock = time.monotonic()
            record["runs"].append({"seed": seed, **run_seed(lab, seed)})
            say(f"seed {seed}: {time.monotonic() - clock:.0f} s")
            result_files.write(given.out, file_name(name), record, page(record))
    say(f"{given.out / file_name(name)}.md")


def file_name(script):
    return script.replace("_", "-")


def command(script, given):
    """As somebody elsewhere would give it."""
    return (
        f"scripts/bench/{script} --text GLOB --model {shown_model(given.model)} --seeds {given.seeds} --steps {given.steps} "
        f"--batch {given.batch} --validation-fraction {given.validation_fraction} --threads {given.threads} --out DIR"
    )


def main(work):
    """The status of a script whose `work` raises a Failure or is interrupted."""
    try:
        work()
    except Failure as failure:
        failure.report()
        return 1
    except KeyboardInterrupt:
        say("interrupted; the seeds that are done are in the folder of --out")
        return 130
    return 0
