"""jikji's token shards in jikji's order, for shards of one source: docs/concepts/data-order.md, once more in Python."""

import json
from dataclasses import dataclass
from pathlib import Path

import blake3
import numpy

MASK = 2**64 - 1
ROUNDS = 8
# Place of a document, its tokens, bytes of its text, its hash: docs/reference/files.md.
DOCUMENT = numpy.dtype([("first_token", "<u8"), ("tokens", "<u4"), ("text_bytes", "<u4"), ("hash", "V16")])
UNCOUNTED = -100


@dataclass
class Batch:
    """Arrays of `[rows, seq_len]`; targets that do not count are UNCOUNTED."""

    ids: numpy.ndarray
    targets: numpy.ndarray
    positions: numpy.ndarray
    documents: numpy.ndarray


class Stream:
    """One split of the shards, its documents end to end, cut into sequences."""

    def __init__(self, folder, split, seq_len):
        folder = Path(folder)
        manifest = json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
        shards = [shard for shard in manifest["shards"] if shard["split"] == split]
        sources = {shard["source"] for shard in shards}
        if len(sources) != 1:
            raise SystemExit(f"`{folder}`: expected {split} shards of one source, got {sorted(sources)}")
        self.source, self.seq_len = sources.pop(), seq_len
        tokens, lengths, self.text_bytes = [], [], 0
        for shard in shards:
            [column] = [column for column in shard["columns"] if column["name"] == "tokens"]
            dtype = {"u16": "<u2", "u32": "<u4"}[column["dtype"]]
            tokens.append(numpy.fromfile(folder / column["content"]["file"], dtype).astype(numpy.int64))
            rows = numpy.fromfile(folder / shard["document_table"]["file"], DOCUMENT)
            lengths.append(rows["tokens"].astype(numpy.int64))
            self.text_bytes += int(rows["text_bytes"].sum())
        lengths = numpy.concatenate(lengths)
        self.tokens = numpy.concatenate(tokens)
        self.document = numpy.repeat(numpy.arange(len(lengths)), lengths)

    def __len__(self):
        """The last token is only ever a target."""
        return -(-(len(self.tokens) - 1) // self.seq_len)

    def batch(self, indices):
        rows = [self.sequence(index) for index in indices]
        return Batch(*map(numpy.stack, zip(*rows)))

    def sequence(self, index):
        """Ids, targets, positions, documents. A target counts if it is of its input's document."""
        start = index * self.seq_len
        tokens = self.tokens[start : start + self.seq_len + 1]
        document = self.document[start : start + self.seq_len + 1]
        inputs = min(self.seq_len, len(tokens))
        targets = numpy.full(self.seq_len, UNCOUNTED)
        same = document[1:] == document[:-1]
        targets[: len(same)] = numpy.where(same, tokens[1:], UNCOUNTED)
        # Padding is a document of its own: nothing attends to it from outside, and it never counts.
        ids = numpy.zeros(self.seq_len, dtype=numpy.int64)
        ids[:inputs] = tokens[:inputs]
        documents = numpy.full(self.seq_len, -1)
        documents[:inputs] = document[:inputs]
        begins = numpy.concatenate(([True], documents[1:] != documents[:-1]))
        place = numpy.arange(self.seq_len)
        positions = place - numpy.maximum.accumulate(numpy.where(begins, place, 0))
        return ids, targets, positions, documents


class TrainingOrder:
    """Which sequences a step reads."""

    def __init__(self, stream, seed, rows):
        self.stream, self.seed, self.rows = stream, seed, rows
        self.epochs = {}

    def batch(self, step):
        # With one source the mixture's slots count straight up.
        places = [divmod(step * self.rows + row, len(self.stream)) for row in range(self.rows)]
        return self.stream.batch([self.permutation(epoch)(place) for epoch, place in places])

    def permutation(self, epoch):
        if epoch not in self.epochs:
            self.epochs[epoch] = permutation(self.seed, self.stream.source, epoch, len(self.stream))
        return self.epochs[epoch]


def permutation(seed, source, epoch, length):
    """The order of an epoch: a Feistel network, walked until it falls inside."""
    hasher = blake3.blake3(derive_key_context="jikji loader 1: order of an epoch")
    hasher.update(seed.to_bytes(8, "little") + epoch.to_bytes(8, "little") + source.encode())
    digest = hasher.digest(length=8 * ROUNDS)
    keys = [int.from_bytes(digest[at : at + 8], "little") for at in range(0, 8 * ROUNDS, 8)]
    half_bits = max(1, -(-(length - 1).bit_length() // 2))
    mask = (1 << half_bits) - 1

    def network(value):
        left, right = value >> half_bits, value & mask
        for key in keys:
            left, right = right, left ^ (mix(right ^ key) & mask)
        return left << half_bits | right

    def at(index):
        value = network(index)
        while value >= length:
            value = network(value)
        return value

    return at


def mix(value):
    """The finalizer of splitmix64 (Steele, Lea and Flood 2014)."""
    value = (value ^ (value >> 30)) * 0xBF58476D1CE4E5B9 & MASK
    value = (value ^ (value >> 27)) * 0x94D049BB133111EB & MASK
    return value ^ (value >> 31)


def check_order():
    """What crates/loader/src/permutation.rs fixes as part of the format."""
    expected = [[3, 4, 0, 6, 5, 2, 7, 1, 8, 9], [2, 6, 0, 7, 3, 8, 9, 4, 5, 1]]
    got = [[permutation(1, "law", epoch, 10)(index) for index in range(10)] for epoch in range(2)]
    if got != expected:
        raise SystemExit(f"jikji_shards.py does not compute jikji's order: expected {expected}, got {got}")
