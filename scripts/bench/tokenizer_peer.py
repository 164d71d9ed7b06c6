#!/usr/bin/env python3
"""One library at one task, in a process of its own: trains or encodes on JSON lines with `text`, and prints JSON.

    tokenizer_peer.py train LIBRARY --vocab-size N --pattern REGEX --output FOLDER FILE...
    tokenizer_peer.py encode LIBRARY --tokenizer FOLDER --repeats N FILE...
"""

import argparse
import json
import time
from pathlib import Path

from byte_alphabet import BYTE_OF

# As the tokenizers of GPT-4, with one or two digits: what is often trained for Korean.
GPT4_LIKE = r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,2}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"


def texts_of(files):
    for file in files:
        with open(file, encoding="utf-8") as lines:
            for line in lines:
                yield json.loads(line)["text"]


def train_hf(given):
    from tokenizers import Regex, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.normalizer = normalizers.NFC()
    split = pre_tokenizers.Split(Regex(given.pattern), "isolated")
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    tokenizer.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    trainer = trainers.BpeTrainer(
        vocab_size=given.vocab_size, min_frequency=2, initial_alphabet=alphabet, show_progress=False
    )
    tokenizer.train_from_iterator(texts_of(given.files), trainer)
    tokenizer.save(str(given.output / "tokenizer.json"))


def train_rustbpe(given):
    import rustbpe

    tokenizer = rustbpe.Tokenizer()
    tokenizer.train_from_iterator(texts_of(given.files), given.vocab_size, pattern=given.pattern)


def train_sentencepiece(given):
    import sentencepiece

    lines = (line for text in texts_of(given.files) for line in text.split("\n") if line)
    sentencepiece.SentencePieceTrainer.train(
        sentence_iterator=lines,
        model_prefix=str(given.output / "sentencepiece"),
        vocab_size=given.vocab_size,
        model_type="bpe",
        byte_fallback=True,
        num_threads=1,
        max_sentence_length=1 << 20,
        minloglevel=2,
    )


def encoder(given):
    """A function from a text to its ids."""
    if given.library == "sentencepiece":
        import sentencepiece

        return sentencepiece.SentencePieceProcessor(model_file=str(given.tokenizer / "sentencepiece.model")).encode
    if given.library == "hf":
        from tokenizers import Tokenizer

        tokenizer = Tokenizer.from_file(str(given.tokenizer / "tokenizer.json"))
        return lambda text: tokenizer.encode(text, add_special_tokens=False).ids
    import tiktoken

    document = json.loads((given.tokenizer / "tokenizer.json").read_text(encoding="utf-8"))
    control = {token["content"] for token in document["added_tokens"]}
    ranks = {
        bytes(BYTE_OF[character] for character in token): id
        for token, id in document["model"]["vocab"].items()
        if token not in control
    }
    pattern = document["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
    return tiktoken.Encoding("trained", pat_str=pattern, mergeable_ranks=ranks, special_tokens={}).encode_ordinary


def encode(given):
    encode_text = encoder(given)
    texts = list(texts_of(given.files))
    seconds = []
    for _ in range(given.repeats + 1):
        clock = time.perf_counter()
        tokens = sum(len(encode_text(text)) for text in texts)
        seconds.append(time.perf_counter() - clock)
    size = sum(len(text.encode()) for text in texts)
    print(json.dumps({"seconds_all": seconds[1:], "tokens": tokens, "bytes": size}))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("task", choices=["train", "encode"])
    parser.add_argument("library", choices=["hf", "rustbpe", "sentencepiece", "tiktoken"])
    parser.add_argument("--vocab-size", type=int)
    parser.add_argument("--pattern", default=GPT4_LIKE)
    parser.add_argument("--output", type=Path)
    parser.add_argument("--tokenizer", type=Path)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("files", nargs="+")
    given = parser.parse_args()
    if given.task == "encode":
        encode(given)
    else:
        {"hf": train_hf, "rustbpe": train_rustbpe, "sentencepiece": train_sentencepiece}[given.library](given)
        print("{}")


if __name__ == "__main__":
    main()
