#!/usr/bin/env python3
"""Make a large corpus with many different words out of a small one.

    scripts/bench/many_words.py --copies 32 --output large.jsonl text.jsonl

Writes the JSON lines again and again, each copy but the first with its Hangul syllables exchanged for others: new words of the same
lengths, as frequent as before. Prints how many different words (between blanks) the copies have. See README.md.
"""

import argparse
import json
import random
import sys
from pathlib import Path

from errors import Failure, say
from options import at_least_one


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("input", type=Path, help="JSON lines with `text`")
    parser.add_argument("--copies", type=at_least_one, default=32)
    parser.add_argument("--output", type=Path, required=True)
    return parser.parse_args()


def exchange(syllables, seed):
    if seed == 0:
        return {}
    others = list(syllables)
    random.Random(seed).shuffle(others)
    return str.maketrans(dict(zip(syllables, others)))


def main():
    given = arguments()
    try:
        lines = given.input.read_text(encoding="utf-8")
        words = {word for line in lines.splitlines() for word in json.loads(line)["text"].split()}
    except (OSError, ValueError, KeyError) as error:
        Failure(f"{given.input}: {error!r}").report()
        return 1
    syllables = sorted({character for word in words for character in word if "가" <= character <= "힣"})
    # Hashes take less memory than words, and meet about once in a billion words.
    different = set()
    with given.output.open("w", encoding="utf-8") as out:
        for seed in range(given.copies):
            table = exchange(syllables, seed)
            out.write(lines.translate(table))
            different.update(hash(word.translate(table)) for word in words)
    say(f"{given.output}: {given.output.stat().st_size:,} bytes, {len(different):,} different words")
    return 0


if __name__ == "__main__":
    sys.exit(main())
