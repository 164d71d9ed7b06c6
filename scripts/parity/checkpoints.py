"""The small models of the fixtures: `config.json` in the publisher's spelling, and random weights
under published names.

Together they cover every variant that an implementation can get wrong: tied and untied heads,
biases, `head_dim` unlike `hidden_size / num_attention_heads`, llama3, YaRN, linear and dynamic
scaling, sliding windows shorter than the text, layers without RoPE, multipliers other than 1, norms
before, after and on both sides, grouped-query and multi-head attention.
"""

import hashlib

import torch

CONTROL = {"bos_token_id": 1, "eos_token_id": 2, "pad_token_id": 0}

# With head_dim 8 and theta 500, wavelengths are 6, 30, 140 and 664 tokens: one is kept, one is
# blended, two are stretched.
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
    # One key/value head per query head, as in A.X 3.1 Light.
    "llama-biases": _llama(attention_bias=True, mlp_bias=True, num_key_value_heads=4, tie_word_embeddings=True),
    # `head_dim` above `hidden_size / num_attention_heads`, as in HyperCLOVA X SEED 0.5B.
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
    # Every wavelength stretched alike; silu under its other name; a padding token that stands in the texts, whose row
    # transformers gives no gradient from there.
    "llama-linear": _llama(
        hidden_act="swish", head_dim=8, pad_token_id=19, rope_scaling={"type": "linear", "factor": 4.0}
    ),
    "mistral-window": _mistral(sliding_window=7),
    # Smaller `head_dim`; Mistral turns the window off with null.
    "mistral-full": _mistral(head_dim=2, num_attention_heads=6, num_key_value_heads=3, sliding_window=None),
    "qwen2": _qwen2(),
    "qwen2-window": _qwen2(
        max_window_layers=1, num_hidden_layers=3, sliding_window=6, tie_word_embeddings=True, use_sliding_window=True
    ),
    # As published by Qwen for long texts; the other keys have the reader's defaults.
    "qwen2-yarn": _qwen2(
        hidden_size=32,
        max_position_embeddings=256,
        rope_scaling={"factor": 4.0, "original_max_position_embeddings": 64, "type": "yarn"},
        torch_dtype="bfloat16",
    ),
    # As written by transformers 5: `dtype`, and theta inside `rope_parameters`.
    "qwen3": {
        ("dtype" if key == "torch_dtype" else key): value
        for key, value in _qwen3(tie_word_embeddings=True).items()
        if key != "rope_theta"
    }
    | {"rope_parameters": {"rope_theta": 500.0, "rope_type": "default"}},
    # Stretches only what is longer than `max_position_embeddings`. The padding token's row is also one of the head's.
    "qwen3-dynamic": _qwen3(
        pad_token_id=61, rope_scaling={"rope_type": "dynamic", "factor": 2.0}, tie_word_embeddings=True
    ),
    "qwen3-window": _qwen3(
        attention_bias=True,
        layer_types=[SLIDING, FULL, SLIDING],
        num_hidden_layers=3,
        sliding_window=5,
        use_sliding_window=True,
    ),
    "exaone": _exaone(head_dim=8, num_attention_heads=2, num_key_value_heads=1, rope_scaling=LLAMA3, tie_word_embeddings=True),
    "exaone-untied": _exaone(torch_dtype="bfloat16"),
    # Local layers have RoPE, global layers do not (32B).
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
    # A number in place of a pattern; the last layer is local here.
    "exaone4-period": _exaone4(
        num_hidden_layers=5, num_key_value_heads=4, sliding_window=9, sliding_window_pattern=2, tie_word_embeddings=True
    ),
    # No window: every layer is global and has RoPE (1.2B).
    "exaone4-global": _exaone4(
        head_dim=8,
        layer_types=[FULL, FULL, FULL],
        num_hidden_layers=3,
        rope_scaling=LLAMA3,
        sliding_window=None,
        tie_word_embeddings=True,
    ),
    # `sliding_window` is set but no layer uses it: every layer is global and none has RoPE.
    "exaone4-unrotated": _exaone4(layer_types=[FULL, FULL], sliding_window=8),
    # Norms before and after, the default without `use_post_norm` (Think 14B).
    "hyperclovax-peri": _hyperclovax(num_hidden_layers=3),
    # Norms before only (Think 32B), and the other options of the class.
    "hyperclovax-pre": _hyperclovax(
        attention_bias=True, head_dim=8, mlp_bias=True, tie_word_embeddings=True, use_post_norm=False
    ),
}

# Standard deviations, around 1 for norms and around 0 otherwise; large enough that every tensor
# matters.
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
    """Random tensors for `shapes` (published name to shape), seeded by fixture and tensor name
    only."""

    def tensor(name, shape):
        digest = hashlib.sha256(f"{fixture}/{name}".encode()).digest()
        random = torch.Generator().manual_seed(int.from_bytes(digest[:7], "little"))
        kind = _kind(name, shape)
        center = 1.0 if kind == "norm" else 0.0
        return (center + _SCALES[kind] * torch.randn(shape, generator=random)).to(dtype)

    return {name: tensor(name, shape) for name, shape in sorted(shapes.items())}
