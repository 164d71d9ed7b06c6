#!/usr/bin/env python3
"""Load folders that `jikji model export` wrote with transformers, and compare them with what they were made of.

Usage: transformers_loads.py [--jikji PATH] [--model DIR] [--only NAME]

Without --model, each checkpoint of fixtures/ is exported in f32, bf16 and f16, as one file and in shards with an index; then
`exported_texts.py` does the rest with small models that have a tokenizer and a chat template. With it, both are done with that
folder. Of each exported folder:

  files    one file and no index, or an index whose names, places and `total_size` are those of the files; no file larger than asked
  weights  each tensor has the bytes of the source's tensor, cast by torch
  loading  AutoModelForCausalLM takes the folder as it is (`dtype="auto"`), has the dtype asked for, misses no tensor, finds none too
           many, and warns of nothing
  config   as transformers holds it, it equals the source's but for keys that steer nothing; so do the ids of generation_config.json
  logits   bit-equal to those of the source folder, loaded in the same dtype; in f32, log-probabilities within 1e-5 of reference.json

A folder of model_type `exaone` is read as the Llama model that it is (see exaone.py). Where the program has `--as llama`, that folder
is loaded too, by nothing but its own names. Ends with 1 if anything is not so.
"""

import argparse
import collections
import contextlib
import json
import logging
import pathlib
import subprocess
import sys
import tempfile
import warnings

import reference  # first: it keeps transformers off the network
import exaone
import safetensors
import tokenizers
import torch
import transformers
from safetensors.torch import load_file
from transformers import GenerationConfig

import exported_texts

ROOT = pathlib.Path(__file__).resolve().parents[2]
FIXTURES = pathlib.Path(__file__).parent / "fixtures"
DTYPES = {"f32": torch.float32, "bf16": torch.bfloat16, "f16": torch.float16}
# So many files at least, if the tensors allow it.
SHARDS = 5
# Rounding of another machine; reference.json has seven places.
LOGPROB_BOUND = 1e-5
# What steers nothing: the folder's name, the dtype (checked by itself), and other spellings of `layer_types`, which is compared.
SILENT_KEYS = {"_name_or_path", "dtype", "transformers_version", "max_window_layers", "sliding_window_pattern"}
CONTROL = ("bos_token_id", "eos_token_id", "pad_token_id")


class Jikji:
    """The program, and whether it can write `exaone` as Llama."""

    def __init__(self, path):
        self.path = path
        self.writes_llama = "--as" in self.run("model", "export", "--help").split()

    def run(self, *arguments, stdin=""):
        command = [str(self.path), *map(str, arguments)]
        # Bytes: reading as text would make a line feed of each carriage return.
        done = subprocess.run(command, input=stdin.encode(), capture_output=True, check=False)
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\n{done.stderr.decode()}")
        return done.stdout.decode()


@contextlib.contextmanager
def heard():
    """What transformers and Python warn of."""
    messages = []
    handler = logging.Handler(logging.WARNING)
    handler.emit = lambda record: messages.append(record.getMessage())
    # Each model is warned of anew.
    logging.Logger.warning_once.cache_clear()
    logging.getLogger("transformers").addHandler(handler)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        yield messages
    logging.getLogger("transformers").removeHandler(handler)
    messages += [str(warning.message) for warning in caught]


def tensors(folder):
    return {name: tensor for file in sorted(folder.glob("model*.safetensors")) for name, tensor in load_file(file).items()}


def bytes_of(tensor):
    return tensor.contiguous().view(torch.uint8)


def check_files(folder, most_bytes):
    """What is wrong with the files of tensors, and how many there are."""
    wrong, places, total = [], {}, 0
    files = sorted(folder.glob("model*.safetensors"))
    for file in files:
        with safetensors.safe_open(file, "pt") as opened:
            if (opened.metadata() or {}).get("format") != "pt":
                wrong.append(f"{file.name}: no format `pt`")
            sizes = {name: opened.get_tensor(name).nbytes for name in opened.keys()}
        if most_bytes and sum(sizes.values()) > most_bytes and len(sizes) > 1:
            wrong.append(f"{file.name}: larger than asked")
        places |= dict.fromkeys(sizes, file.name)
        total += sum(sizes.values())
    index = folder / "model.safetensors.index.json"
    if most_bytes is None:
        if index.exists() or [file.name for file in files] != ["model.safetensors"]:
            wrong.append("more than one file")
    else:
        written = json.loads(index.read_text(encoding="utf-8"))
        if written["weight_map"] != places or written["metadata"]["total_size"] != total:
            wrong.append("the index is not of these files")
        expected = [f"model-{number + 1:05}-of-{len(files):05}.safetensors" for number in range(len(files))]
        if [file.name for file in files] != expected or len(files) < 2:
            wrong.append("names of the shards")
    return wrong, len(files)


def check_weights(folder, source, dtype):
    """Names of tensors that are missing, too many, or have other bytes than the source's, cast by torch."""
    got = tensors(folder)
    cast = {name: tensor.to(dtype) for name, tensor in source.items()}

    def same(name):
        ours, theirs = got[name], cast[name]
        return ours.dtype == theirs.dtype and ours.shape == theirs.shape and torch.equal(bytes_of(ours), bytes_of(theirs))

    return [name for name in sorted(got.keys() | cast.keys()) if name not in got or name not in cast or not same(name)]


def effective(config):
    """A config's keys as the model's code reads them."""
    keys = {key: value for key, value in config.to_dict().items() if key not in SILENT_KEYS}
    # Null and the old spelling mean what we write out.
    keys["head_dim"] = keys.get("head_dim") or keys["hidden_size"] // keys["num_attention_heads"]
    keys["rope_parameters"] = {key: value for key, value in keys["rope_parameters"].items() if key != "type"}
    return keys


def config_differences(ours, theirs):
    ours, theirs = effective(ours), effective(theirs)
    keys = sorted(ours.keys() | theirs.keys())
    return [f"{key} {theirs.get(key)!r} -> {ours.get(key)!r}" for key in keys if ours.get(key) != theirs.get(key)]


@torch.no_grad()
def logits(model, rows):
    return [model(torch.tensor([ids]), use_cache=False).logits[0] for ids in rows]


@torch.no_grad()
def farthest_logprob(model, expected):
    """The largest distance from the log-probabilities of reference.json."""
    rows = zip(expected["ids"], expected["logprobs"])
    return max((reference.logprobs(model, ids) - torch.tensor(row)).abs().max().item() for ids, row in rows)


def rows_of(folder, vocab_size):
    """The fixture's own ids, or some that any model has."""
    path = folder / "reference.json"
    if path.exists():
        return json.loads(path.read_text(encoding="utf-8"))
    random = torch.Generator().manual_seed(1377)
    return {"ids": [torch.randint(3, vocab_size, (length,), generator=random).tolist() for length in (60, 13, 2)]}


def check_model(jikji, name, folder, work, way=()):
    """Exports a folder in every dtype, whole and in shards, compares, and prints a line."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    expected = rows_of(folder, config["vocab_size"])
    source = tensors(folder)
    if config["tie_word_embeddings"]:
        source.pop("lm_head.weight", None)
    if way:
        source = {exaone.llama_name(tensor): values for tensor, values in source.items()}
    wrong, cells, shards, said = collections.Counter(), [], set(), []
    for label, dtype in DTYPES.items():
        # The source's own warnings are not ours.
        with heard() as before:
            theirs, _ = reference.load(folder, dtype)
        wanted = logits(theirs, expected["ids"])
        most_bytes = sum(tensor.numel() for tensor in source.values()) * dtype.itemsize // SHARDS
        worst, equal = 0.0, True
        for limit in (None, most_bytes):
            out = work / "-".join([name, label, "shards" if limit else "whole", *way[1:]])
            sharded = ["--max-shard-size", f"{limit}B"] if limit else []
            jikji.run("model", "export", "--model", folder, "--output", out, "--dtype", label, *sharded, *way)
            problems, number = check_files(out, limit)
            problems += check_weights(out, source, dtype)
            with heard() as messages:
                ours, _ = reference.load(out, "auto")
                generation = GenerationConfig.from_pretrained(out)
            said += [message for message in messages if message not in before + said]
            problems += config_differences(ours.config, theirs.config)
            problems += [f"{key} of generation_config.json" for key in CONTROL
                         if getattr(generation, key) != getattr(theirs.generation_config, key)]
            written = json.loads((out / "config.json").read_text(encoding="utf-8"))["dtype"]
            if ours.dtype != dtype or f"torch.{written}" != str(dtype):
                problems.append(f"`{written}` in config.json, loaded as {ours.dtype}")
            for got, want in zip(logits(ours, expected["ids"]), wanted):
                worst = max(worst, (got.double() - want.double()).abs().max().item())
                equal &= torch.equal(bytes_of(got), bytes_of(want))
            if label == "f32" and "logprobs" in expected and farthest_logprob(ours, expected) > LOGPROB_BOUND:
                problems.append("reference.json")
            shards |= {number} if limit else set()
            wrong.update(problems)
        wrong["logits"] += not equal
        cells.append(f"{'equal' if equal else 'differ':6} {worst:7.1e}")
    wrong = +wrong
    kind = type(ours).__name__ + ("" if way or config["model_type"] != "exaone" else " (exaone.py)")
    files = f"1 and {'-'.join(map(str, sorted(shards)))} files"
    print(f"{' '.join([name, *way]):24} {kind:29} {len(source):3} tensors, {files:13}  " + "  ".join(cells))
    for problem, times in wrong.items():
        print(f"    WRONG: {problem} ({times} times)")
    for message in said:
        print(f"    WARNS: {message}")
    return sum(wrong.values()) + len(said)


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--jikji", type=pathlib.Path, default=ROOT / "target/release/jikji")
    arguments.add_argument("--model", type=pathlib.Path, help="a model folder, instead of the fixtures")
    arguments.add_argument("--only", help="the fixture of this name")
    chosen = arguments.parse_args()
    transformers.utils.logging.disable_progress_bar()
    jikji = Jikji(chosen.jikji)
    print(f"transformers {transformers.__version__}, torch {torch.__version__}, safetensors {safetensors.__version__}, "
          f"tokenizers {tokenizers.__version__}, {jikji.run('--version').strip()}")
    folders = [chosen.model] if chosen.model else sorted(path for path in FIXTURES.iterdir() if chosen.only in (None, path.name))
    wrong = 0
    with tempfile.TemporaryDirectory() as name:
        work = pathlib.Path(name)
        print(f"{'':81} logits, largest difference in f32, bf16, f16")
        for folder in folders:
            wrong += check_model(jikji, folder.name, folder, work)
            if jikji.writes_llama and '"exaone"' in (folder / "config.json").read_text(encoding="utf-8"):
                wrong += check_model(jikji, folder.name, folder, work, ("--as", "llama"))
        if chosen.model:
            wrong += exported_texts.check(jikji, folder.name, folder, work, heard)
        elif not chosen.only:
            wrong += exported_texts.check_families(jikji, work, heard)
    print("nothing out of bounds" if not wrong else f"{wrong} out of bounds")
    return bool(wrong)


if __name__ == "__main__":
    sys.exit(main())
