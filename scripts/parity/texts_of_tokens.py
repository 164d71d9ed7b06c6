#!/usr/bin/env python3
"""How transformers begins a text and shows a continued one, for the tests of our tokenizer to compare with.

Usage: texts_of_tokens.py [OUT]

Writes OUT/decoding.json and OUT/beginnings.json; OUT is crates/tokenizer/tests/fixtures/texts by default. Both hold small
tokenizers of published kinds, each as `tokenizer.json` and `tokenizer_config.json` would have it.

  decoding    `context` and `ids`, and `text`: what `decode(context + ids)` shows behind `decode(context)`
  beginnings  `text` and `ids`: what encoding it gives

Made with transformers 5.24.0 and tokenizers 0.23.3 (chat_requirements.txt has the others). Opens no connection.
"""

import json
import os
import pathlib
import random
import sys
import tempfile

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

from transformers import AutoTokenizer  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
REPLACED = "\ufffd"
LETTERS = list("▁abThecatdog.,!가나다안녕하세요글\n")
WORDS = ["▁a", "▁The", "▁cat", "▁안녕", "▁하세요", "ca", "글을", "▁▁", "The"]


def added(number, content, special=True):
    return {
        "id": number,
        "content": content,
        "single_word": False,
        "lstrip": False,
        "rstrip": False,
        "normalized": False,
        "special": special,
    }


def file(model, normalizer=None, pre_tokenizer=None, decoder=None, post_processor=None):
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [added(0, "<unk>"), added(1, "<s>"), added(2, "</s>")],
        "normalizer": normalizer,
        "pre_tokenizer": pre_tokenizer,
        "post_processor": post_processor,
        "decoder": decoder,
        "model": model,
    }


def sentence_piece():
    """A vocabulary as SentencePiece's, with all bytes; every word is made by merges from the left."""
    tokens = ["<unk>", "<s>", "</s>"] + [f"<0x{byte:02X}>" for byte in range(256)]
    tokens += list(dict.fromkeys(LETTERS))
    merges = []
    for word in WORDS:
        for end in range(2, len(word) + 1):
            for token in (word[: end - 1], word[end - 1], word[:end]):
                if token not in tokens:
                    tokens.append(token)
            if (pair := [word[: end - 1], word[end - 1]]) not in merges:
                merges.append(pair)
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": "<unk>",
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": True,
        "byte_fallback": True,
        "ignore_merges": False,
        "vocab": {token: number for number, token in enumerate(tokens)},
        "merges": merges,
    }


def unigram():
    tokens = dict.fromkeys(["<unk>", "<s>", "</s>"] + LETTERS + WORDS)
    return {
        "type": "Unigram",
        "unk_id": 0,
        "vocab": [[token, -float(number % 7 + 1)] for number, token in enumerate(tokens)],
        "byte_fallback": False,
    }


def byte_letters():
    plain = [*range(33, 127), *range(161, 173), *range(174, 256)]
    letters, beyond = {}, 256
    for byte in range(256):
        if byte in plain:
            letters[byte] = chr(byte)
        else:
            letters[byte] = chr(beyond)
            beyond += 1
    return letters


def byte_level():
    letters = byte_letters()
    spelled = lambda text: "".join(letters[byte] for byte in text.encode())  # noqa: E731
    tokens = ["<unk>", "<s>", "</s>"] + [letters[byte] for byte in range(256)]
    merges = []
    for word in [" a", " cat", " 안녕", "가나", "\n\n"]:
        word = spelled(word)
        for end in range(2, len(word) + 1):
            if word[:end] not in tokens:
                tokens.append(word[:end])
            merges.append([word[: end - 1], word[end - 1]])
    return {
        "type": "BPE",
        "dropout": None,
        "unk_token": None,
        "continuing_subword_prefix": None,
        "end_of_word_suffix": None,
        "fuse_unk": False,
        "byte_fallback": False,
        "ignore_merges": False,
        "vocab": {token: number for number, token in enumerate(tokens)},
        "merges": list(map(list, dict.fromkeys(map(tuple, merges)))),
    }


PREPEND = {"type": "Prepend", "prepend": "▁"}
SPACES = {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}
TEXT = {"type": "Replace", "pattern": {"String": "▁"}, "content": " "}
STRIP = {"type": "Strip", "content": " ", "start": 1, "stop": 0}
BYTES = {"type": "ByteFallback"}
FUSE = {"type": "Fuse"}
METASPACE = {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always", "split": True}
BYTE_LEVEL = {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": True}


def sequence(kind, *parts):
    return {"type": "Sequence", kind: list(parts)}


KINDS = {
    # SOLAR, Llama 2, Mistral 7B.
    "llama2": file(
        sentence_piece(),
        normalizer=sequence("normalizers", PREPEND, SPACES),
        decoder=sequence("decoders", TEXT, BYTES, FUSE, STRIP),
    ),
    # Gemma: no space in front.
    "gemma": file(sentence_piece(), normalizer=SPACES, decoder=sequence("decoders", TEXT, BYTES, FUSE)),
    # Llama 2 as transformers 5 writes it.
    "metaspace": file(
        sentence_piece(),
        pre_tokenizer=METASPACE | {"prepend_scheme": "first", "split": False},
        decoder=sequence("decoders", TEXT, BYTES, FUSE, STRIP),
    ),
    "unigram": file(unigram(), pre_tokenizer=METASPACE, decoder=METASPACE),
    "byte-level": file(byte_level(), pre_tokenizer=BYTE_LEVEL, decoder=BYTE_LEVEL),
}

CONTEXTS = ["", "The cat", "안녕하세요", "The cat ", "글을\n", "漢字", "a 漢"]
CONFIG = {"tokenizer_class": "PreTrainedTokenizerFast", "bos_token": "<s>", "eos_token": "</s>", "unk_token": "<unk>"}


def load(document, config):
    with tempfile.TemporaryDirectory() as folder:
        folder = pathlib.Path(folder)
        (folder / "tokenizer.json").write_text(json.dumps(document), encoding="utf-8")
        (folder / "tokenizer_config.json").write_text(json.dumps(config), encoding="utf-8")
        return AutoTokenizer.from_pretrained(folder)


def decoding():
    cases = []
    for name, document in KINDS.items():
        tokenizer = load(document, CONFIG)
        size = len(tokenizer)
        chance = random.Random(1377)
        for context in CONTEXTS:
            context = tokenizer(context)["input_ids"]
            if chance.random() < 0.5:
                context = [1, *context]
            shown = tokenizer.decode(context, skip_special_tokens=True)
            for _ in range(12):
                length = chance.randint(1, 9)
                choices = range(259, size) if chance.random() < 0.6 and size > 259 else range(size)
                ids = [chance.choice(choices) for _ in range(length)]
                if chance.random() < 0.3:
                    ids[chance.randrange(length) : 0] = tokenizer(" 漢😀", add_special_tokens=False)["input_ids"]
                whole = tokenizer.decode(context + ids, skip_special_tokens=True)
                # What has no text of its own behind the context, and what ends inside of a character, is tested by itself.
                if whole.startswith(shown) and not whole.endswith(REPLACED):
                    cases.append({"kind": name, "context": context, "ids": ids, "text": whole[len(shown) :]})
    return {"kinds": {name: {"tokenizer": KINDS[name], "config": CONFIG} for name in KINDS}, "cases": cases}


def special(token):
    return {"SpecialToken": {"id": token, "type_id": 0}}


def template(single, **ids):
    return {
        "type": "TemplateProcessing",
        "single": single,
        "pair": [{"Sequence": {"id": "A", "type_id": 0}}, {"Sequence": {"id": "B", "type_id": 0}}],
        "special_tokens": {token: {"id": token, "ids": [number], "tokens": [token]} for token, number in ids.items()},
    }


A = {"Sequence": {"id": "A", "type_id": 0}}
POST_PROCESSORS = {
    # EXAONE, GPT-2, Qwen.
    "none": None,
    "byte-level": BYTE_LEVEL,
    # Llama 3, and what is trained here.
    "bos": template([special("<s>"), A], **{"<s>": 1}),
    "byte-level, bos": sequence("processors", BYTE_LEVEL, template([special("<s>"), A], **{"<s>": 1})),
    "bos, eos": template([special("<s>"), A, special("</s>")], **{"<s>": 1, "</s>": 2}),
    "eos": template([A, special("</s>")], **{"</s>": 2}),
    "another": template([special("<unk>"), A], **{"<unk>": 0}),
    "bert": {"type": "BertProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1]},
    "roberta": {"type": "RobertaProcessing", "sep": ["</s>", 2], "cls": ["<s>", 1], "trim_offsets": True, "add_prefix_space": False},
}


def beginnings():
    cases = []
    for post_processor in POST_PROCESSORS:
        document = KINDS["byte-level"] | {"post_processor": POST_PROCESSORS[post_processor]}
        for name in ["PreTrainedTokenizerFast", "LlamaTokenizer", "GPT2Tokenizer"]:
            for add_bos in [None, True, False]:
                config = CONFIG | {"tokenizer_class": name}
                if add_bos is not None:
                    config["add_bos_token"] = add_bos
                tokenizer = load(document, config)
                for text in ["", "가나 cat"]:
                    cases.append(
                        {
                            "post_processor": post_processor,
                            "class": name,
                            "add_bos_token": add_bos,
                            "text": text,
                            "ids": tokenizer(text)["input_ids"],
                        }
                    )
    return {"tokenizer": KINDS["byte-level"], "config": CONFIG, "post_processors": POST_PROCESSORS, "cases": cases}


def dump(content, path):
    """One case a line: short, and readable in a diff."""

    def line(value):
        return json.dumps(value, ensure_ascii=False, separators=(",", ":"))

    cases = ",\n".join(map(line, content.pop("cases")))
    path.write_text(line(content)[:-1] + ',\n"cases":[\n' + cases + "\n]}\n", encoding="utf-8")
    print(f"{path.name}: {cases.count(chr(10)) + 1} cases, {path.stat().st_size} bytes")


def main():
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else ROOT / "crates/tokenizer/tests/fixtures/texts"
    out.mkdir(parents=True, exist_ok=True)
    dump(decoding(), out / "decoding.json")
    dump(beginnings(), out / "beginnings.json")


if __name__ == "__main__":
    main()
