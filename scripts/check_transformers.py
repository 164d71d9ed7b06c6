#!/usr/bin/env python3
"""Check that transformers reads a saved tokenizer folder as we do.

Usage: check_transformers.py FOLDER CASES.jsonl

Each line of CASES holds {"text": ..., "ids": [...]}, the ids as `Tokenizer::encode` gives them: nothing added, and
spellings of control tokens taken as text. The exit status is 0 if every case agrees, 1 if one differs, 2 for bad usage.

Needs the packages transformers and tokenizers, and nothing from the network.
"""

import json
import os
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

from transformers import AutoTokenizer  # noqa: E402

SHOWN_DIFFERENCES = 5


def differences(tokenizer, cases):
    """Yield a line for each case where ids or the text decoded from them differ."""
    for number, case in enumerate(cases, start=1):
        text, expected = case["text"], case["ids"]
        # Without split_special_tokens, a document that spells a control token would become that token.
        got = tokenizer.encode(text, add_special_tokens=False, split_special_tokens=True)
        if got != expected:
            yield f"case {number}: {text!r}: expected {expected}, got {got}"
        ours = tokenizer.decode(expected, skip_special_tokens=True)
        theirs = tokenizer.decode(got, skip_special_tokens=True)
        if ours != theirs:
            yield f"case {number}: {text!r}: ids decode to {ours!r} and {theirs!r}"


def main():
    if len(sys.argv) != 3:
        print(__doc__, file=sys.stderr)
        return 2
    folder, cases_path = sys.argv[1:]
    tokenizer = AutoTokenizer.from_pretrained(folder)
    with open(cases_path, encoding="utf-8") as lines:
        cases = [json.loads(line) for line in lines if line.strip()]
    if not cases:
        print(f"{cases_path}: no cases", file=sys.stderr)
        return 2

    found = list(differences(tokenizer, cases))
    for line in found[:SHOWN_DIFFERENCES]:
        print(line)
    turned = sum(
        tokenizer.encode(case["text"], add_special_tokens=False) != case["ids"] for case in cases
    )
    special = [tokenizer.pad_token_id, tokenizer.bos_token_id, tokenizer.eos_token_id]
    print(f"{type(tokenizer).__name__}: {len(tokenizer)} tokens, pad/bos/eos {special}")
    print(f"{len(cases)} cases, {len(found)} differences")
    print(f"{turned} cases would differ without split_special_tokens=True")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
