"""EXAONE 3.0 and 3.5 (`exaone`) as Llama: transformers has no class for it, and none is needed.

The graph is Llama's. Other names for the tensors and for three keys of the config are the whole difference; which name is which
is said here, independently of the Rust side.
"""

import json
import pathlib
import re

from safetensors.torch import load_file, save_file

OUTER = {
    "transformer.wte.weight": "model.embed_tokens.weight",
    "transformer.ln_f.weight": "model.norm.weight",
    "lm_head.weight": "lm_head.weight",
}
INNER = {
    "ln_1": "input_layernorm",
    "ln_2": "post_attention_layernorm",
    "attn.attention.q_proj": "self_attn.q_proj",
    "attn.attention.k_proj": "self_attn.k_proj",
    "attn.attention.v_proj": "self_attn.v_proj",
    "attn.attention.out_proj": "self_attn.o_proj",
    "mlp.c_fc_0": "mlp.gate_proj",
    "mlp.c_fc_1": "mlp.up_proj",
    "mlp.c_proj": "mlp.down_proj",
}
KEYS = {"num_layers": "num_hidden_layers", "layer_norm_epsilon": "rms_norm_eps", "activation_function": "hidden_act"}


def llama_name(name):
    """What Llama calls a tensor of EXAONE."""
    block = re.fullmatch(r"transformer\.h\.(\d+)\.(.+)\.weight", name)
    return f"model.layers.{block[1]}.{INNER[block[2]]}.weight" if block else OUTER[name]


def published_name(name):
    """What EXAONE calls a tensor of Llama."""
    block = re.fullmatch(r"model\.layers\.(\d+)\.(.+)\.weight", name)
    if block:
        inner = {llama: own for own, llama in INNER.items()}[block[2]]
        return f"transformer.h.{block[1]}.{inner}.weight"
    return {llama: own for own, llama in OUTER.items()}[name]


def as_llama(folder, target):
    """Copies an EXAONE folder's config and weights to `target` as a Llama folder."""
    folder, target = pathlib.Path(folder), pathlib.Path(target)
    keys = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    keys = {KEYS.get(key, key): value for key, value in keys.items() if key not in ("auto_map", "embed_dropout")}
    keys |= {"model_type": "llama", "architectures": ["LlamaForCausalLM"]}
    (target / "config.json").write_text(json.dumps(keys), encoding="utf-8")
    files = sorted(folder.glob("model*.safetensors"))
    weights = {llama_name(name): tensor for file in files for name, tensor in load_file(file).items()}
    save_file(weights, target / "model.safetensors", metadata={"format": "pt"})
