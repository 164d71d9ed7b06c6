"""Hugging Face's Llama with random weights, from a model file of jikji, and the optimizer that jikji uses."""

import contextlib
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

try:
    import tomllib
except ImportError:
    sys.exit("this python has no tomllib\nhint: use Python 3.11 or later")

import torch  # noqa: E402
from transformers import LlamaConfig, LlamaForCausalLM  # noqa: E402


def build(path):
    """The keys of the file are those of transformers; what it does not name is jikji's default."""
    with open(path, "rb") as file:
        keys = tomllib.load(file)
    keys.setdefault("rope_theta", 10000.0)
    keys.setdefault("num_key_value_heads", keys["num_attention_heads"])
    if keys.pop("model_type") != "llama":
        sys.exit(f"`{path}` is not a model of type `llama`\nhint: this comparison builds no other")
    torch.manual_seed(0)
    # `sdpa` is transformers' own default, written out because it decides the speed of attention.
    return LlamaForCausalLM(LlamaConfig(**keys, attn_implementation="sdpa"))


def adamw(model, learning_rate, betas=(0.9, 0.95), eps=1e-8, weight_decay=0.1):
    """Decay for matrices, the embedding among them, and none for norms: as jikji does by default."""
    decayed = [parameter for parameter in model.parameters() if parameter.dim() >= 2]
    kept = [parameter for parameter in model.parameters() if parameter.dim() < 2]
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW(groups, lr=learning_rate, betas=betas, eps=eps, fused=True)


def number_format(precision):
    if precision == "bf16":
        return torch.autocast("cpu", dtype=torch.bfloat16)
    return contextlib.nullcontext()


def facts(model):
    """What the page says of this side beside its times."""
    return {
        "parameters": sum(parameter.numel() for parameter in model.parameters()),
        "threads": torch.get_num_threads(),
        "cuda_build": torch.version.cuda is not None,
    }
