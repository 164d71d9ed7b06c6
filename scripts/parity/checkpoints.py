"""The small models of the fixtures: each one's `config.json` as its publisher spells it, and random weights under published names.

Together they hold every variant that a port can get wrong: tied and untied heads, biases, `head_dim` apart from
`hidden_size / num_attention_heads`, llama3 and YaRN scaling, windows shorter than the text, layers without rotation,
multipliers other than 1, norms before, after and on both sides, one key/value head for several query heads and for one.
"""

import hashlib

import torch

CONTROL = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}

# With heads of 8 and a base of 500, waves are 6, 30, 140 and 664 tokens long: one is kept, one lies on the ramp, two are stretched.
LLAMA3 = {
    "factor": 4.0,
    "high_freq_factor": 4.0,
    "low_freq_factor": 1.0,
    "original_max_position_embeddings": 64,
    "rope_type": "llama3",
}


def _config(model_type, architecture, **keys):
    shared = {
        "architectures": [architecture],
        "attention_dropout": 0.0,
        **CONTROL,
        "hidden_act": "silu",
        "hidden_size": 16,
        "initializer_range": 0.02,
        "intermediate_size": 28,
        "max_position_embeddings": 128,
        "model_type": model_type,
        "num_attention_heads": 4,
        "num_hidden_layers": 2,
        "num_key_value_heads": 2,
        "rms_norm_eps": 1e-5,
        "rope_theta": 500.0,
        "tie_word_embeddings": False,
        "torch_dtype": "float32",
        "transformers_version": "4.53.0",
        "use_cache": True,
        "vocab_size": 67,
    }
    return dict(sorted((shared | keys).items()))


def _llama(**keys):
    return _config("llama", "LlamaForCausalLM", **({"attention_bias": False, "mlp_bias": False, "pretraining_tp": 1} | keys))


def _mistral(**keys):
    return _config("mistral", "MistralForCausalLM", **keys)


def _qwen2(**keys):
    off = {"max_window_layers": 2, "sliding_window": 64, "use_sliding_window": False, "rms_norm_eps": 1e-6}
    return _config("qwen2", "Qwen2ForCausalLM", **(off | keys))


def _qwen3(**keys):
    off = {"attention_bias": False, "max_window_layers": 2, "sliding_window": None, "use_sliding_window": False}
    return _config("qwen3", "Qwen3ForCausalLM", **({"head_dim": 8, "rms_norm_eps": 1e-6} | off | keys))


def _exaone(**keys):
    remote = {"AutoConfig": "configuration_exaone.ExaoneConfig", "AutoModelForCausalLM": "modeling_exaone.ExaoneForCausalLM"}
    config = _config("exaone", "ExaoneForCausalLM", auto_map=remote, embed_dropout=0.0, **keys)
    for other, own in [
        ("num_hidden_layers", "num_layers"),
        ("rms_norm_eps", "layer_norm_epsilon"),
        ("hidden_act", "activation_function"),
    ]:
        config[own] = config.pop(other)
    return dict(sorted(config.items()))


def _exaone4(**keys):
    return _config("exaone4", "Exaone4ForCausalLM", **keys)


def _hyperclovax(**keys):
    multipliers = {
        "attention_multiplier": 0.4,
        "embedding_multiplier": 3.0,
        "logits_scaling": 0.6,
        "residual_multiplier": 0.7,
    }
    biases = {"attention_bias": False, "mlp_bias": False}
    return _config("hyperclovax", "HyperCLOVAXForCausalLM", **(multipliers | biases | keys))


FULL, SLIDING = "full_attention", "sliding_attention"

CONFIGS = {
    "llama": _llama(),
    # One key/value head for each query head, as A.X 3.1 Light.
    "llama-biases": _llama(attention_bias=True, mlp_bias=True, num_key_value_heads=4, tie_word_embeddings=True),
    # Heads wider than `hidden_size / num_attention_heads`, as HyperCLOVA X SEED 0.5B.
    "llama-llama3": _llama(head_dim=8, rope_scaling=LLAMA3, tie_word_embeddings=True),
    "llama-yarn": _llama(
        head_dim=16,
        max_position_embeddings=512,
        num_attention_heads=2,
        num_key_value_heads=1,
        rope_scaling={
            "rope_type": "yarn",
            "factor": 4.0,
            "original_max_position_embeddings": 128,
            "beta_fast": 6.0,
            "beta_slow": 0.5,
            "mscale": 0.8,
            "mscale_all_dim": 1.6,
        },
    ),
    "mistral-window": _mistral(sliding_window=7),
    # Heads narrower, and the null with which Mistral turns the window off.
    "mistral-full": _mistral(head_dim=2, num_attention_heads=6, num_key_value_heads=3, sliding_window=None),
    "qwen2": _qwen2(),
    "qwen2-window": _qwen2(
        max_window_layers=1, num_hidden_layers=3, sliding_window=6, tie_word_embeddings=True, use_sliding_window=True
    ),
    # As Qwen publishes it for long texts: the rest is left to the reader's defaults.
    "qwen2-yarn": _qwen2(
        hidden_size=32,
        max_position_embeddings=256,
        rope_scaling={"factor": 4.0, "original_max_position_embeddings": 64, "type": "yarn"},
        torch_dtype="bfloat16",
    ),
    # As transformers 5 writes it: `dtype`, and the base of the rotation inside `rope_parameters`.
    "qwen3": {
        ("dtype" if key == "torch_dtype" else key): value
        for key, value in _qwen3(tie_word_embeddings=True).items()
        if key != "rope_theta"
    }
    | {"rope_parameters": {"rope_theta": 500.0, "rope_type": "default"}},
    "qwen3-window": _qwen3(
        attention_bias=True,
        layer_types=[SLIDING, FULL, SLIDING],
        num_hidden_layers=3,
        sliding_window=5,
        use_sliding_window=True,
    ),
    "exaone": _exaone(head_dim=8, num_attention_heads=2, num_key_value_heads=1, rope_scaling=LLAMA3, tie_word_embeddings=True),
    "exaone-untied": _exaone(torch_dtype="bfloat16"),
    # Local layers rotate, global ones do not (32B).
    "exaone4-hybrid": _exaone4(
        head_dim=8,
        layer_types=[SLIDING, SLIDING, SLIDING, FULL],
        num_attention_heads=2,
        num_hidden_layers=4,
        num_key_value_heads=1,
        rope_scaling=LLAMA3,
        sliding_window=6,
        sliding_window_pattern="LLLG",
    ),
    # A period in place of a list: the last layer is local here.
    "exaone4-period": _exaone4(
        num_hidden_layers=5, num_key_value_heads=4, sliding_window=9, sliding_window_pattern=2, tie_word_embeddings=True
    ),
    # No window at all: every layer is global and rotates (1.2B).
    "exaone4-global": _exaone4(
        head_dim=8,
        layer_types=[FULL, FULL, FULL],
        num_hidden_layers=3,
        rope_scaling=LLAMA3,
        sliding_window=None,
        tie_word_embeddings=True,
    ),
    # A window is named but no layer has it: every layer is global and none rotates.
    "exaone4-unrotated": _exaone4(layer_types=[FULL, FULL], sliding_window=8),
    # Norms before and after: what the family has where `use_post_norm` is not named (Think 14B).
    "hyperclovax-peri": _hyperclovax(num_hidden_layers=3),
    # Norms before only (Think 32B), and whatever else the class takes.
    "hyperclovax-pre": _hyperclovax(
        attention_bias=True, head_dim=8, mlp_bias=True, tie_word_embeddings=True, use_post_norm=False
    ),
}

# Standard deviations around 1 for norms, around 0 for everything else: large enough that every tensor matters.
_SCALES = {"matrix": 0.35, "embedding": 0.6, "head": 0.4, "norm": 0.25, "bias": 0.3}


def _kind(name, shape):
    if name.endswith(".bias"):
        return "bias"
    if len(shape) == 1:
        return "norm"
    if name.startswith(("model.embed_tokens", "transformer.wte")):
        return "embedding"
    return "head" if name.startswith("lm_head") else "matrix"


def weights(fixture, shapes, dtype):
    """Random tensors for `shapes` (published name to shape). Each is seeded by fixture and name alone."""

    def tensor(name, shape):
        digest = hashlib.sha256(f"{fixture}/{name}".encode()).digest()
        random = torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
        kind = _kind(name, shape)
        center = 1.0 if kind == "norm" else 0.0
        return (center + _SCALES[kind] * torch.randn(shape, generator=random)).to(dtype)

    return {name: tensor(name, shape) for name, shape in sorted(shapes.items())}
