"""The Markdown page of `bf16_vs_f32`, and the figures in it."""

import statistics

from quality_page import head

# Each run beside what it should follow.
PAIRS = (("jikji bf16", "jikji f32"), ("PyTorch bf16", "PyTorch f32"), ("jikji f32", "PyTorch f32"))
WINDOW = 50
TO_REACH = 0.01


def parting(run, reference):
    """How far a run's losses are from the reference's, as shares of the latter."""
    steps = [abs(a - b) / b for a, b in zip(run["losses"], reference["losses"])]
    windows = [abs(a - b) / b for a, b in zip(window_means(run), window_means(reference))]
    bits, reference_bits = (side["after"]["bits_per_byte"] for side in (run, reference))
    return {
        "mean_of_steps": statistics.mean(steps),
        "largest_of_steps": max(steps),
        "steps_beyond": sum(step > TO_REACH for step in steps),
        "largest_of_windows": max(windows),
        "validation": bits / reference_bits - 1,
    }


def window_means(run):
    losses = run["losses"]
    return [statistics.mean(losses[at : at + WINDOW]) for at in range(0, max(1, len(losses) - WINDOW + 1), WINDOW)]


def page(record):
    settings, runs = record["settings"], record["runs"]
    parts = [head("bf16 beside f32", record)]
    if runs:
        parts.append(verdicts(runs))
    if len(runs) < settings["seeds"]:
        parts.append(f"**Not finished**: {len(runs)} of {settings['seeds']} seeds.")
    parts.append(f"```\n{settings['command']}\n```")
    parts.append(
        f"""{record['model']}; {settings['steps']} steps of {settings['global_batch_size']} x {settings['seq_len']} tokens; AdamW at \
{settings['learning_rate']}, {settings['warmup_steps']} steps of warm-up, then half a cosine to a tenth;
clipping to a norm of {settings['max_grad_norm']}. jikji trains with `jikji train`, PyTorch with a plain loop over Hugging Face's Llama and fused AdamW; its bf16 is
autocast, and each run is validated in its own format. All runs of a seed start from the same weights and read the same sequences in the same order. The
last pair, f32 beside f32, shows how far the order of sums alone carries two runs apart."""
    )
    parts += [table(run, settings["steps"]) for run in runs]
    return "\n\n".join(parts) + "\n"


def verdicts(runs):
    figures = [run["partings"]["jikji bf16 - jikji f32"] for run in runs]
    rows = ["| jikji's bf16 losses beside its f32 losses | to reach | at most | reached |", "| --- | --- | ---: | --- |"]
    for what, key in ((f"mean of {WINDOW} steps", "largest_of_windows"), ("each step", "largest_of_steps")):
        measured = max(found[key] for found in figures)
        rows.append(f"| {what} | within {TO_REACH:.0%} | {measured:.2%} | {'yes' if measured <= TO_REACH else '**no**'} |")
    return "\n".join(rows)


def table(run, steps):
    rows = [
        f"Seed {run['seed']}; losses apart, in shares of the second run's:",
        "",
        f"| | mean of {WINDOW} steps, at most | a step, on average | a step, at most | steps beyond {TO_REACH:.0%} | validation |",
        "| --- | ---: | ---: | ---: | ---: | ---: |",
    ]
    for pair, figures in run["partings"].items():
        rows.append(
            f"| {pair} | {figures['largest_of_windows']:.2%} | {figures['mean_of_steps']:.2%} | {figures['largest_of_steps']:.2%} "
            f"| {figures['steps_beyond']} of {steps} | {figures['validation']:+.2%} |"
        )
    validation = (f"{name} {side['after']['bits_per_byte']:.5f}" for name, side in run["sides"].items())
    first = (f"{name} {side['losses'][0]:.6f}" for name, side in run["sides"].items())
    return "\n".join(rows) + f"\n\nValidation bits per byte: {', '.join(validation)}. Loss of the first step: {', '.join(first)}."
