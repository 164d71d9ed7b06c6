#!/usr/bin/env python3
"""Load small model folders with transformers and render with them, for the tests of what a folder's files mean.

Usage: chat_folders.py [OUT]

Writes OUT (crates/tokenizer/tests/fixtures/chat/folders.json by default): for each folder its files, and the text of a
conversation without tools and of one with tools; or `fails`, the kind of exception. The template prints the special tokens,
so the text shows which file had the last word. Made with the versions of chat_requirements.txt. Opens no connection.
"""

import json
import os
import pathlib
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

from transformers import AutoTokenizer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
TOKENS = ["<s>", "</s>", "<pad>", "<unk>", "<end>", "<img>", "<snd>", "<x>", "<y>"]
NAMES = ["bos_token", "eos_token", "pad_token", "unk_token", "sep_token", "cls_token", "mask_token", "image_token", "audio"]
SHOW = "".join(f"{{{{ {name} | default('-') }}}} " for name in [*NAMES, "boi_token", "additional_special_tokens"])
CLASS = {"tokenizer_class": "PreTrainedTokenizerFast"}
CONFIG = "tokenizer_config.json"
MAP = "special_tokens_map.json"
JINJA = "chat_template.jinja"


def tokenizer_json():
    added = [
        {"id": at, "content": token, "single_word": False, "lstrip": False, "rstrip": False, "normalized": False, "special": True}
        for at, token in enumerate(TOKENS)
    ]
    vocab = {token: at for at, token in enumerate([*TOKENS, "a"])}
    model = {"type": "WordLevel", "vocab": vocab, "unk_token": "<unk>"}
    return {"version": "1.0", "truncation": None, "padding": None, "added_tokens": added, "normalizer": None,
            "pre_tokenizer": None, "post_processor": None, "decoder": None, "model": model}


def added(content):
    return {"__type": "AddedToken", "content": content, "lstrip": False, "normalized": False, "rstrip": False,
            "single_word": False, "special": True}


def plain(content):
    return {key: value for key, value in added(content).items() if key not in ("__type", "special")}


DECODER = {"added_tokens_decoder": {"0": {k: v for k, v in added("<s>").items() if k != "__type"}}}

FOLDERS = [
    {CONFIG: {**CLASS, "chat_template": SHOW}},
    {CONFIG: {**CLASS, "chat_template": SHOW, "bos_token": "<s>", "eos_token": added("</s>"), "pad_token": None}},
    {CONFIG: CLASS, JINJA: SHOW, MAP: {"bos_token": "<s>", "eos_token": plain("</s>")}},
    {CONFIG: {**CLASS, "bos_token": "<s>", "eos_token": "</s>"}, JINJA: SHOW, MAP: {"eos_token": "<end>"}},
    {CONFIG: {**CLASS, "bos_token": "<s>", "eos_token": "</s>"}, JINJA: SHOW, MAP: {"eos_token": None, "pad_token": "<pad>"}},
    {CONFIG: {**CLASS, **DECODER, "bos_token": "<s>"}, JINJA: SHOW, MAP: {"bos_token": "<x>", "eos_token": "<end>"}},
    {CONFIG: {**CLASS, "added_tokens_decoder": {}, "bos_token": "<s>"}, JINJA: SHOW, MAP: {"bos_token": "<x>"}},
    {CONFIG: {**CLASS, "image_token": "<img>", "add_bos_token": True}, JINJA: SHOW},
    {CONFIG: {**CLASS, "image_token": added("<img>"), "boi_token": "<x>"}, JINJA: SHOW},
    {CONFIG: {**CLASS, "extra_special_tokens": {"audio": "<snd>", "boi_token": "<x>"}}, JINJA: SHOW},
    {CONFIG: {**CLASS, "extra_special_tokens": ["<x>", "<y>"]}, JINJA: SHOW},
    {CONFIG: {**CLASS, "additional_special_tokens": ["<x>", "<y>"]}, JINJA: SHOW},
    {CONFIG: CLASS, JINJA: SHOW, MAP: {"additional_special_tokens": ["<x>", plain("<y>")], "unk_token": "<unk>"}},
    {CONFIG: CLASS, JINJA: SHOW, MAP: {"extra_special_tokens": ["<x>", plain("<y>")]}},
    {CONFIG: CLASS, JINJA: SHOW, MAP: {"extra_special_tokens": {"audio": "<snd>"}}},
    {CONFIG: CLASS, JINJA: SHOW, MAP: {"image_token": "<img>", "boi_token": plain("<x>"), "notes": [1, 2]}},
    {CONFIG: {**CLASS, "image_token": "<img>"}, JINJA: SHOW, MAP: {"image_token": "<x>"}},
    {CONFIG: CLASS, JINJA: SHOW, MAP: {"eos_token": 3}},
    {CONFIG: {**CLASS, "eos_token": 3}, JINJA: SHOW},
    {CONFIG: CLASS, JINJA: SHOW, MAP: {"cls_token": "<x>", "sep_token": "<y>", "mask_token": "<end>"}},
    {CONFIG: {**CLASS, "chat_template": [{"name": "default", "template": "d"}, {"name": "tool_use", "template": "t"}]}},
    {CONFIG: {**CLASS, "chat_template": {"default": "d", "tool_use": "t"}}},
    {CONFIG: {**CLASS, "chat_template": [{"name": "tool_use", "template": "t"}]}},
    {CONFIG: {**CLASS, "chat_template": [{"name": "rag", "template": "r"}]}},
    {CONFIG: {**CLASS, "chat_template": "c"}, JINJA: "own"},
    {CONFIG: {**CLASS, "chat_template": "c"}, "additional_chat_templates/rag.jinja": "r"},
    {CONFIG: CLASS, JINJA: "own", "additional_chat_templates/rag.jinja": "r"},
    {CONFIG: CLASS, JINJA: "own", "additional_chat_templates/tool_use.jinja": "t"},
    {CONFIG: CLASS, "additional_chat_templates/default.jinja": "d", "additional_chat_templates/tool_use.jinja": "t"},
    {CONFIG: {**CLASS, "chat_template": "c"}, "additional_chat_templates/tool_use.jinja": "t"},
    {CONFIG: {**CLASS, "chat_template": "c"}, "additional_chat_templates/notes.txt": "x"},
]


def outcome(files, tools):
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for path, content in {**files, "tokenizer.json": tokenizer_json()}.items():
            path = folder / path
            path.parent.mkdir(exist_ok=True)
            path.write_text(content if isinstance(content, str) else json.dumps(content), encoding="utf-8")
        try:
            tokenizer = AutoTokenizer.from_pretrained(folder)
            text = tokenizer.apply_chat_template([{"role": "user", "content": "q"}], tools=tools, tokenize=False)
        except Exception as error:  # noqa: BLE001: whatever a folder provokes is the outcome
            return {"fails": type(error).__name__}
    return {"text": text}


def main():
    default = ROOT / "crates" / "tokenizer" / "tests" / "fixtures" / "chat" / "folders.json"
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) == 2 else default
    cases = []
    for files in FOLDERS:
        plain_case, tools_case = outcome(files, None), outcome(files, [{"type": "function", "function": {"name": "f"}}])
        cases.append({"files": files, "plain": plain_case, "tools": tools_case})
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    out.write_text(f'{{"cases":[\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{out}: {out.stat().st_size} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
