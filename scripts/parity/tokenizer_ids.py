#!/usr/bin/env python3
"""Compare the ids of every text of some JSON Lines files with those of Hugging Face's tokenizers.

    pip install tokenizers zstandard
    cargo build --release
    scripts/parity/tokenizer_ids.py --tokenizer my-tokenizer --input DATA            # a folder is read with all below it

Every string in every row counts as a text, whatever its field. Prints a line for each tokenizer; ends with 1 if any id differs.
"""

import argparse
import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import tokenizers
import zstandard

JIKJI = Path(__file__).resolve().parents[2] / "target/release/jikji"
BATCH = 2000


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tokenizer", type=Path, nargs="+", required=True, help="folders with a tokenizer.json")
    parser.add_argument("--input", type=Path, nargs="+", required=True, help=".jsonl and .jsonl.zst files, and folders of them")
    parser.add_argument("--jikji", default=JIKJI, help="the binary to compare")
    return parser.parse_args()


def files(inputs):
    for path in inputs:
        found = sorted(path.rglob("*")) if path.is_dir() else [path]
        yield from (file for file in found if file.name.endswith((".jsonl", ".jsonl.zst")))


def strings(value):
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from strings(part)
    elif isinstance(value, dict):
        for part in value.values():
            yield from strings(part)


def texts(path):
    with path.open("rb") as file:
        stream = zstandard.ZstdDecompressor().stream_reader(file) if path.suffix == ".zst" else file
        for line in io.TextIOWrapper(stream, encoding="utf-8"):
            yield from strings(json.loads(line))


def compare(tokenizer, given, file, expected_texts, folder):
    """Texts, bytes, ids, and the first texts whose ids differ."""
    out = Path(folder) / "ids.jsonl"
    subprocess.run([given.jikji, "tokenizer", "encode", "--tokenizer", tokenizer, "--input", file, "--output", out], check=True, capture_output=True)
    library = tokenizers.Tokenizer.from_file(str(tokenizer / "tokenizer.json"))
    # Spellings of control tokens in texts are text.
    library.encode_special_tokens = True
    num_ids, different = 0, []
    with out.open(encoding="utf-8") as lines:
        for start in range(0, len(expected_texts), BATCH):
            batch = expected_texts[start : start + BATCH]
            for text, encoding in zip(batch, library.encode_batch_fast(batch)):
                got = json.loads(next(lines))["ids"]
                num_ids += len(got)
                if got != encoding.ids:
                    different.append(text)
    return num_ids, different


def main():
    given = arguments()
    all_texts = [text for path in files(given.input) for text in texts(path)]
    num_bytes = sum(len(text.encode()) for text in all_texts)
    failed = False
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "texts.jsonl"
        with file.open("w", encoding="utf-8") as out:
            out.writelines(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in all_texts)
        for tokenizer in given.tokenizer:
            num_ids, different = compare(tokenizer, given, file, all_texts, folder)
            print(f"{tokenizer}: {len(all_texts):,} texts of {num_bytes:,} bytes, {num_ids:,} ids, {len(different)} texts differ", flush=True)
            for text in different[:5]:
                print(f"    {text[:200]!r}")
            failed = failed or bool(different)
    sys.exit(failed)


if __name__ == "__main__":
    main()
