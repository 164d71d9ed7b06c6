"""OpenAI's o200k as a `tokenizer.json`, from its tokens in the order of their ranks."""

import base64
import json

from byte_alphabet import CHARACTER_OF

PATTERN = "|".join(
    [
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?",
        r"\p{N}{1,3}",
        r" ?[^\s\p{L}\p{N}]+[\r\n/]*",
        r"\s*[\r\n]+",
        r"\s+(?!\S)",
        r"\s+",
    ]
)


def write(folder, vocabulary):
    """`vocabulary` has a token a line, in base64."""
    tokens = [base64.b64decode(line) for line in vocabulary.split()]
    ranks = {token: rank for rank, token in enumerate(tokens)}
    merges = [[spelled(part) for part in parts(token, ranks)] for token in tokens if len(token) > 1]
    document = {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": None,
        "pre_tokenizer": {
            "type": "Sequence",
            "pretokenizers": [
                {"type": "Split", "pattern": {"Regex": PATTERN}, "behavior": "Isolated", "invert": False},
                {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
            ],
        },
        "post_processor": None,
        "decoder": {"type": "ByteLevel", "add_prefix_space": False, "trim_offsets": True, "use_regex": False},
        "model": {
            "type": "BPE",
            "dropout": None,
            "unk_token": None,
            "continuing_subword_prefix": None,
            "end_of_word_suffix": None,
            "fuse_unk": False,
            "byte_fallback": False,
            "ignore_merges": True,
            "vocab": {spelled(token): rank for token, rank in ranks.items()},
            "merges": merges,
        },
    }
    folder.mkdir(exist_ok=True)
    (folder / "tokenizer.json").write_text(json.dumps(document, ensure_ascii=False), encoding="utf-8")


def spelled(token):
    return "".join(CHARACTER_OF[byte] for byte in token)


def parts(token, ranks):
    """The two tokens that a token is merged from: what merging by lower ranks leaves of it."""
    pieces = [token[at : at + 1] for at in range(len(token))]
    while len(pieces) > 2:
        rank, at = min((ranks.get(pieces[at] + pieces[at + 1], len(ranks)), at) for at in range(len(pieces) - 1))
        if rank >= ranks[token]:
            raise ValueError(f"{token} is merged from {len(pieces)} tokens")
        pieces[at : at + 2] = [pieces[at] + pieces[at + 1]]
    return pieces
