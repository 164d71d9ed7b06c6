#!/usr/bin/env python3
"""Reads a run's event files with the tensorboard package and compares them with the run's JSON-lines files.

    check_tensorboard.py RUN_DIR

Every number of metrics.jsonl and timing.jsonl that has a curve must be on it, at its step, once, and the curves
must hold nothing else. Prints one line; exits with 1 on a difference. Needs `pip install tensorboard`.
"""

import json
import math
import struct
import sys
from pathlib import Path

from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

STEP_TAGS = {
    "loss": "train/loss",
    "gradient_norm": "train/gradient_norm",
    "learning_rate": "train/learning_rate",
}
VALIDATION_TAGS = {"loss": "validation/loss", "bits_per_byte": "validation/bits_per_byte"}
TIMING_TAGS = {"tokens_per_second": "speed/tokens_per_second", "matrix_share": "speed/matrix_share"}
TEXT_TAGS = ("samples", "recipe")


def read_lines(path):
    with path.open(encoding="utf-8") as lines:
        return [json.loads(line) for line in lines if line.endswith("\n")]


def expected_curves(run_dir):
    """Curve name -> list of (step, value), from the JSON-lines files."""
    curves = {}

    def add(tag, step, value):
        curves.setdefault(tag, []).append((step, math.nan if value is None else value))

    for line in read_lines(run_dir / "metrics.jsonl"):
        if line["kind"] == "step":
            for field, tag in STEP_TAGS.items():
                add(tag, line["step"], line[field])
            for source, epoch in line["data"].items():
                add(f"data/{source}_epoch", line["step"], epoch)
        elif line["kind"] == "validation":
            for field, tag in VALIDATION_TAGS.items():
                add(tag, line["step"], line[field])
            for source, bits in line["per_source"].items():
                add(f"validation/{source}_bits_per_byte", line["step"], bits)
    for line in read_lines(run_dir / "timing.jsonl"):
        if line["kind"] == "step":
            for field, tag in TIMING_TAGS.items():
                if line["timing"][field] is not None or field != "matrix_share":
                    add(tag, line["step"], line["timing"][field])
        elif line["kind"] == "save":
            add("speed/save_seconds", line["step"], line["seconds"])
    return curves


def as_float32(value):
    return struct.unpack("<f", struct.pack("<f", value))[0]


def same(expected, found):
    expected = as_float32(expected)
    return expected == found or (math.isnan(expected) and math.isnan(found))


def differences(run_dir, events, curves):
    tags = set(events.Tags()["scalars"])
    for tag in sorted(tags ^ set(curves)):
        yield f"{tag}: only in {'the event files' if tag in tags else 'the JSON-lines files'}"
    for tag in sorted(tags & set(curves)):
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        steps = [step for step, _ in found]
        if len(set(steps)) != len(steps):
            yield f"{tag}: a step appears twice"
        elif steps != [step for step, _ in curves[tag]]:
            yield f"{tag}: {len(steps)} steps on the curve, {len(curves[tag])} in the JSON-lines files, or others"
        else:
            for (step, value), (_, wanted) in zip(found, curves[tag]):
                if not same(wanted, value):
                    yield f"{tag}: {value} at step {step}, expected {wanted}"
    texts = set(events.PluginTagToContent("text")) if "text" in plugins(events) else set()
    for tag in TEXT_TAGS:
        if tag not in texts:
            yield f"{tag}: not in the TEXT tab"
            continue
        steps = []
        for event in events.Tensors(tag):
            steps.append(event.step)
            [content] = event.tensor_proto.string_val
            if not content.decode("utf-8"):
                yield f"{tag}: empty text at step {event.step}"
        if len(set(steps)) != len(steps):
            yield f"{tag}: a step appears twice"


def plugins(events):
    return events.summary_metadata_plugins() if hasattr(events, "summary_metadata_plugins") else (
        {metadata.plugin_data.plugin_name for metadata in events.summary_metadata.values()}
    )


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    run_dir = Path(sys.argv[1])
    # A guidance of 0 keeps every event instead of a sample of them.
    events = EventAccumulator(str(run_dir / "tensorboard"), size_guidance={"scalars": 0, "tensors": 0})
    events.Reload()
    curves = expected_curves(run_dir)
    found = list(differences(run_dir, events, curves))
    if not curves:
        found.append("the run has logged nothing")
    if found:
        more = f" (and {len(found) - 1} more)" if len(found) > 1 else ""
        print(f"{run_dir}: event files and JSON lines differ: {found[0]}{more}")
        sys.exit(1)
    points = sum(map(len, curves.values()))
    print(f"{run_dir}: {len(curves)} curves, {points} points and {len(TEXT_TAGS)} texts agree, no step twice")


if __name__ == "__main__":
    main()
