"""Loads GGUF files that `jikji model export` wrote in a real llama.cpp and compares what both compute.

    python -m venv env && env/bin/pip install gguf==0.17.1 safetensors==0.8.0 tokenizers==0.23.1 xllamacpp==2026.10.11549
    cargo build --release
    env/bin/python scripts/parity/gguf_llama_cpp.py                     # tiny random models of each graph
    env/bin/python scripts/parity/gguf_llama_cpp.py --model DIR         # a model folder of yours

For each model and number format: the file's structure is read by the `gguf` package; llama.cpp (through `xllamacpp`, which carries
it, in this process, over the loopback interface) encodes texts, continues a prompt greedily by 64 tokens and gives the
log-probability of each token of a text. The ids are compared with the model's own tokenizer, the continuation with `jikji generate`,
the log-probabilities and the perplexity with `jikji score`. Ends with 1 if a bound is broken:

    F32, F16: the continuation is equal, and perplexity within 0.1 %.
    BF16, Q8_0: perplexity within 0.3 % and 1 %.

Both sides have the weights of the file, rounded as it holds them. In BF16 and Q8_0 llama.cpp also rounds what it multiplies them
with, and a random model, whose next token is a near tie, then continues otherwise.

With `--texts`, ids are also compared over whole documents (.txt, .jsonl, or .jsonl.zst with the package zstandard), normalized to
NFC first, as llama.cpp does not do that: this measures how close `tokenizer.ggml.pre` comes to the model's own tokenizer.
"""

import argparse
import io
import json
import math
import shutil
import subprocess
import sys
import tempfile
import unicodedata
import urllib.request
from pathlib import Path

import gguf
import numpy
import safetensors
import safetensors.numpy
import tokenizers
import xllamacpp

ROOT = Path(__file__).resolve().parents[2]
PROMPT = "나라의 말이"
TEXT = (ROOT / "data/README.md").read_text(encoding="utf-8")[:400]
TEXTS = [
    "오늘 아침에는 GPU를 3월 14일에 12345원 주고 샀다.\n\n「민법」 제1조(법원) 끝.",
    "don't we'll  두 칸\t탭 좋아ㅋㅋㅋ ㅠㅠ 大韓民國은 a@b.kr로, 3.5㎎/㎗ ❤️👨‍👩 ok   ",
]
NEW_TOKENS = 64
BOUNDS = {"f32": 1e-3, "f16": 1e-3, "bf16": 3e-3, "q8_0": 1e-2}

LLAMA3 = {"rope_type": "llama3", "factor": 8.0, "low_freq_factor": 1.0, "high_freq_factor": 4.0,
          "original_max_position_embeddings": 32}
YARN = {"rope_type": "yarn", "factor": 4.0, "original_max_position_embeddings": 64}

# Widths are multiples of 32, so that Q8_0 has whole blocks.
MODELS = {
    "llama": {"model_type": "llama", "num_key_value_heads": 2, "attention_bias": True, "mlp_bias": True},
    "llama, llama3 scaling, wide heads": {"model_type": "llama", "head_dim": 32, "num_key_value_heads": 2,
                                          "rope_scaling": LLAMA3, "tie_word_embeddings": True},
    "llama, YaRN": {"model_type": "llama", "rope_scaling": YARN},
    "mistral without windows": {"model_type": "mistral", "num_key_value_heads": 2, "sliding_window": None},
    "qwen2": {"model_type": "qwen2", "num_key_value_heads": 1, "rope_theta": 1e6},
    "qwen2, YaRN with its own factor": {"model_type": "qwen2", "rope_scaling": YARN | {"attention_factor": 1.3}},
    "qwen3": {"model_type": "qwen3", "head_dim": 32, "num_key_value_heads": 2, "tie_word_embeddings": True},
    "exaone": {"model_type": "exaone", "num_key_value_heads": 2, "rope_scaling": LLAMA3},
    "exaone4": {"model_type": "exaone4", "num_key_value_heads": 2, "sliding_window": None, "rope_scaling": LLAMA3, "tie_word_embeddings": True},
    "exaone4, 64 layers with windows": {"model_type": "exaone4", "num_key_value_heads": 2, "num_hidden_layers": 64,
                                        "sliding_window": 24, "sliding_window_pattern": "LLLG", "rope_scaling": LLAMA3},
}


def run(*command):
    done = subprocess.run([str(part) for part in command], capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(map(str, command))}\n{done.stderr}")
    return done


def tiny_model(folder, settings, tokenizer, seed):
    """A random model folder as published; norms and biases are random too, so that none can be left out unnoticed."""
    family = settings["model_type"]
    vocab = tokenizers.Tokenizer.from_file(str(tokenizer / "tokenizer.json")).get_vocab_size()
    config = {"vocab_size": vocab + 24, "hidden_size": 64, "intermediate_size": 96, "num_hidden_layers": 4,
              "num_attention_heads": 4, "max_position_embeddings": 512, "rms_norm_eps": 1e-5,
              "tie_word_embeddings": False, "rope_theta": 10000.0} | settings
    hidden, ffn, layers = (config[key] for key in ("hidden_size", "intermediate_size", "num_hidden_layers"))
    heads = config["num_attention_heads"]
    head_dim = config.get("head_dim", hidden // heads)
    kv = config.get("num_key_value_heads", heads) * head_dim
    random = numpy.random.default_rng(seed)
    tensors = {}

    def matrix(name, rows, columns):
        # Outputs of about unit size make differences between the tokens' logits large beside rounding.
        tensors[name] = random.normal(0, 1.2 / math.sqrt(columns), (rows, columns)).astype(numpy.float32)

    def vector(name, size, about):
        tensors[name] = (about + random.normal(0, 0.2, size)).astype(numpy.float32)

    exaone = family == "exaone"
    if exaone:
        config["num_layers"], config["layer_norm_epsilon"] = config.pop("num_hidden_layers"), config.pop("rms_norm_eps")
    names = (("transformer.wte", "transformer.h", "attn.attention.", "out_proj", ("c_fc_0", "c_fc_1", "c_proj"), "transformer.ln_f")
             if exaone else
             ("model.embed_tokens", "model.layers", "self_attn.", "o_proj", ("gate_proj", "up_proj", "down_proj"), "model.norm"))
    embed, stem, attention, out, (gate, up, down), final = names
    norms = {"exaone": ("ln_1", "ln_2"), "exaone4": ("post_attention_layernorm", "post_feedforward_layernorm")}.get(
        family, ("input_layernorm", "post_attention_layernorm"))
    matrix(f"{embed}.weight", config["vocab_size"], hidden)
    for layer in range(layers):
        block = f"{stem}.{layer}."
        for norm in norms:
            vector(f"{block}{norm}.weight", hidden, 1)
        widths = [("q_proj", heads * head_dim, hidden), ("k_proj", kv, hidden), ("v_proj", kv, hidden), (out, hidden, heads * head_dim)]
        for name, rows, columns in widths:
            matrix(f"{block}{attention}{name}.weight", rows, columns)
            if config.get("attention_bias") or (family == "qwen2" and name != out):
                vector(f"{block}{attention}{name}.bias", rows, 0)
        if family in ("qwen3", "exaone4"):
            vector(f"{block}{attention}q_norm.weight", head_dim, 1)
            vector(f"{block}{attention}k_norm.weight", head_dim, 1)
        for name, rows, columns in [(gate, ffn, hidden), (up, ffn, hidden), (down, hidden, ffn)]:
            matrix(f"{block}mlp.{name}.weight", rows, columns)
            if config.get("mlp_bias"):
                vector(f"{block}mlp.{name}.bias", rows, 0)
    vector(f"{final}.weight", hidden, 1)
    if not config["tie_word_embeddings"]:
        matrix("lm_head.weight", config["vocab_size"], hidden)
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config))
    safetensors.numpy.save_file(tensors, folder / "model.safetensors")
    for file in tokenizer.iterdir():
        (folder / file.name).write_bytes(file.read_bytes())


def check_structure(path, dtype, folder):
    """The file as the `gguf` package of llama.cpp's authors reads it, and the embedding as that package would store it."""
    reader = gguf.GGUFReader(path)
    architecture = str(bytes(reader.fields["general.architecture"].parts[-1]), "utf-8")
    types = sorted({tensor.tensor_type.name for tensor in reader.tensors})
    assert dtype.upper() in types and set(types) <= {dtype.upper(), "F32"}, types
    assert all(tensor.tensor_type.name == "F32" for tensor in reader.tensors if len(tensor.shape) == 1)
    assert all(tensor.data_offset % reader.alignment == 0 for tensor in reader.tensors)
    stored = next(tensor for tensor in reader.tensors if tensor.name == "token_embd.weight")
    published = embedding(folder).astype(numpy.float32)
    expected = gguf.quants.quantize(published, stored.tensor_type).reshape(-1).view(numpy.uint8)
    assert numpy.array_equal(stored.data.reshape(-1).view(numpy.uint8), expected), "other bytes than those of `gguf`"
    return f"{architecture}, {len(reader.tensors)} tensors ({', '.join(types)}), {len(reader.fields)} fields"


def embedding(folder):
    for file in sorted(folder.glob("model*.safetensors")):
        with safetensors.safe_open(file, "numpy") as tensors:
            for name in tensors.keys():
                if name in ("model.embed_tokens.weight", "transformer.wte.weight"):
                    return tensors.get_tensor(name)
    raise FileNotFoundError(f"no embedding in {folder}")


class LlamaCpp:
    def __init__(self, path, context):
        params = xllamacpp.CommonParams()
        params.model.path = str(path)
        params.n_ctx = context
        params.n_parallel = 1
        params.n_gpu_layers = 0
        params.port = 0
        params.warmup = False
        params.verbosity = -1
        # Keys and values as exact as the weights: half precision would be measured otherwise.
        params.cache_type_k = xllamacpp.ggml_type.GGML_TYPE_F32
        params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        self.server = xllamacpp.Server(params)

    def ask(self, path, body):
        request = urllib.request.Request(self.server.listening_address + path, json.dumps(body).encode(),
                                         {"Content-Type": "application/json"})
        with urllib.request.urlopen(request) as answer:
            return json.load(answer)

    def encode(self, text, add_special):
        return self.ask("/tokenize", {"content": text, "add_special": add_special, "parse_special": False})["tokens"]

    def continue_greedily(self, ids):
        answer = self.ask("/completion", {"prompt": ids, "n_predict": NEW_TOKENS, "temperature": 0.0, "top_k": 1, "return_tokens": True})
        return answer["tokens"]

    def log_probabilities(self, ids, vocab_size, plain):
        """Of each id but the first: the distribution behind each prefix is asked for whole.

        The server withholds it where the sampled token is no whole character, so sampling is led to the token `plain`; what is
        given are the probabilities before sampling, which this does not touch.
        """
        found = []
        for end in range(1, len(ids)):
            answer = self.ask("/completion", {"prompt": ids[:end], "n_predict": 1, "n_probs": vocab_size, "temperature": 1.0,
                                              "logit_bias": [[plain, 10000.0]], "post_sampling_probs": False})
            tops = answer["completion_probabilities"][0]["top_logprobs"]
            found.append(next(top["logprob"] for top in tops if top["id"] == ids[end]))
        return found


def documents(path):
    content = path.read_bytes()
    if path.suffix == ".zst":
        import zstandard
        content = zstandard.ZstdDecompressor().stream_reader(io.BytesIO(content)).read()
    text = content.decode()
    return [text] if path.suffix == ".txt" else [json.loads(line)["text"] for line in text.splitlines() if line.strip()]


def compare_ids(llama, own, paths, most):
    """The share of documents with equal ids; of each file, at most `most`, spread evenly."""
    total = equal = tokens = 0
    for path in paths:
        texts = documents(path)
        for text in texts[:: max(1, len(texts) // most)][:most]:
            text = unicodedata.normalize("NFC", text)
            ids = own.encode(text, add_special_tokens=False).ids
            total, tokens = total + 1, tokens + len(ids)
            equal += ids == llama.encode(text, False)
    print(f"    documents with equal ids: {equal} of {total} ({100 * equal / total:.2f} %), {tokens:,} tokens")


def rounded(values, dtype):
    """A matrix with the numbers that the file holds of it."""
    if dtype == "q8_0" and values.shape[-1] % 32 == 0:
        kind = gguf.GGMLQuantizationType.Q8_0
        return gguf.quants.dequantize(gguf.quants.quantize(values, kind), kind)
    if dtype == "bf16":
        kind = gguf.GGMLQuantizationType.BF16
        return gguf.quants.dequantize(gguf.quants.quantize(values, kind), kind)
    return values if dtype == "f32" else values.astype(numpy.float16).astype(numpy.float32)


def rounded_folder(folder, dtype, work):
    """The model whose weights are those of the file, in f32: what is left is how llama.cpp computes."""
    out = work / f"rounded-{dtype}"
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(folder, out)
    tensors = safetensors.numpy.load_file(folder / "model.safetensors")
    tensors = {name: numpy.ascontiguousarray(rounded(values, dtype)) if values.ndim == 2 else values for name, values in tensors.items()}
    safetensors.numpy.save_file(tensors, out / "model.safetensors")
    return out


def distance_from_best(prefix, chosen, vocab_size, jikji, folder, work):
    """How much less probable, in logarithms, a token is than the most probable one, as jikji computes it."""
    lines = (json.dumps({"ids": [*prefix, token]}) for token in range(vocab_size))
    (work / "next.jsonl").write_text("\n".join(lines))
    run(jikji, "score", "--model", folder, "--input", work / "next.jsonl", "--output", work / "next-scores.jsonl")
    found = [json.loads(line)["logprobs"][-1] for line in (work / "next-scores.jsonl").read_text().splitlines()]
    return max(found) - found[chosen]


def check(name, folder, dtype, jikji, work, texts):
    path = work / f"{dtype}.gguf"
    exported = run(jikji, "model", "export", "--model", folder, "--output", path, "--format", "gguf", "--dtype", dtype)
    print(f"{name} {dtype}: {check_structure(path, dtype, folder)}")
    for line in exported.stderr.splitlines():
        print(f"    {line}")
    own = tokenizers.Tokenizer.from_file(str(folder / "tokenizer.json"))
    own.encode_special_tokens = True
    config = json.loads((folder / "config.json").read_text())
    llama = LlamaCpp(path, config["max_position_embeddings"])
    folder = rounded_folder(folder, dtype, work)
    broken = []

    equal = sum(own.encode(text, add_special_tokens=special).ids == llama.encode(text, special)
                for text in TEXTS for special in (False, True))
    if equal != 2 * len(TEXTS):
        broken.append("ids")
    if texts:
        compare_ids(llama, own, texts, 300)

    generated = run(jikji, "generate", "--model", folder, "--prompt", PROMPT, "--temperature", "0", "--max-new-tokens", NEW_TOKENS)
    # The last character may be cut off, and programs differ in how they show that.
    ours = generated.stdout[:-1].rstrip("\ufffd")
    prompt = own.encode(PROMPT).ids
    continued = llama.continue_greedily(prompt)
    same = ours == (PROMPT + own.decode(continued)).rstrip("\ufffd")
    greedy = "equal"
    if not same:
        at = next(at for at in range(len(continued)) if not ours.startswith((PROMPT + own.decode(continued[: at + 1])).rstrip("\ufffd")))
        # Text shows a difference only when a character is whole.
        while (gap := distance_from_best(prompt + continued[:at], continued[at], config["vocab_size"], jikji, folder, work)) == 0 and at > 0:
            at -= 1
        greedy = f"different from token {at + 1} on, chosen by llama.cpp {gap:.1e} below the best"
    if dtype in ("f32", "f16") and not same:
        broken.append("greedy")

    ids = own.encode(TEXT).ids[:160]
    (work / "ids.jsonl").write_text(json.dumps({"ids": ids}))
    run(jikji, "score", "--model", folder, "--input", work / "ids.jsonl", "--output", work / "scores.jsonl")
    expected = json.loads((work / "scores.jsonl").read_text())["logprobs"]
    got = llama.log_probabilities(ids, config["vocab_size"], own.token_to_id("a"))
    ours, theirs = (math.exp(-sum(values) / len(values)) for values in (expected, got))
    worst = max(abs(a - b) for a, b in zip(expected, got))
    ratio = theirs / ours - 1
    if abs(ratio) > BOUNDS[dtype]:
        broken.append("perplexity")
    print(f"    ids equal {equal}/{2 * len(TEXTS)}; greedy {NEW_TOKENS} {greedy}; perplexity over {len(got)} tokens "
          f"{ours:.4f} jikji (f32), {theirs:.4f} llama.cpp: {100 * ratio:+.4f} %; largest difference of a log-probability {worst:.1e}"
          f"{'  BROKEN: ' + ', '.join(broken) if broken else ''}")
    return broken


def main():
    arguments = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    arguments.add_argument("--jikji", type=Path, default=ROOT / "target/release/jikji")
    arguments.add_argument("--model", type=Path, help="a model folder, instead of tiny random models")
    arguments.add_argument("--dtype", nargs="*", choices=list(BOUNDS), default=list(BOUNDS))
    arguments.add_argument("--tokenizer", type=Path, help="a tokenizer folder for the tiny models, instead of one trained on data/korean")
    arguments.add_argument("--texts", type=Path, nargs="*", help="files whose documents' ids are compared")
    arguments.add_argument("--only", help="the tiny model of this name")
    chosen = arguments.parse_args()
    print(f"llama.cpp in xllamacpp {xllamacpp.__version__}, {run(chosen.jikji, '--version').stdout.strip()}")
    broken = []
    with tempfile.TemporaryDirectory() as name:
        work = Path(name)
        if chosen.model:
            folders = {chosen.model.name: chosen.model}
        else:
            tokenizer = chosen.tokenizer or work / "tokenizer"
            if not chosen.tokenizer:
                run(chosen.jikji, "tokenizer", "train", "--input", ROOT / "data/korean", "--vocab-size", 1000, "--output", tokenizer)
            folders = {}
            for seed, (model, settings) in enumerate(MODELS.items()):
                if chosen.only in (None, model):
                    folders[model] = work / f"model-{seed}"
                    tiny_model(folders[model], settings, tokenizer, seed)
        for model, folder in folders.items():
            for dtype in chosen.dtype:
                broken += check(model, folder, dtype, chosen.jikji, work, chosen.texts)
    print("all within bounds" if not broken else f"{len(broken)} bounds broken")
    return bool(broken)


if __name__ == "__main__":
    sys.exit(main())
