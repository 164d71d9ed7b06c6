"""Computes the figures of `bf16_vs_f32` and writes its Markdown page."""

import statistics

from quality_page import head

# Each run and its reference.
PAIRS = (("jikji bf16", "jikji f32"), ("PyTorch bf16", "PyTorch f32"), ("jikji f32", "PyTorch f32"))
WINDOW = 50
TARGET = 0.01


def parting(run, reference):
    """Relative differences between the losses of a run and of its reference."""
    steps = [abs(a - b) / b for a, b in zip(run["losses"], reference["losses"])]
    windows = [abs(a - b) / b for a, b in zip(window_means(run), window_means(reference))]
    bits, reference_bits = (side["after"]["bits_per_byte"] for side in (run, reference))
    return {
        "mean_of_steps": statistics.mean(steps),
        "largest_of_steps": max(steps),
        "steps_beyond": sum(step > TARGET for step in steps),
        "largest_of_windows": max(windows),
        "validation": bits / reference_bits - 1,
    }


def window_means(run):
    losses = run["losses"]
    return [statistics.mean(losses[at : at + WINDOW]) for at in range(0, max(1, len(losses) - WINDOW + 1), WINDOW)]


def page(record):
    settings, runs = record["settings"], record["runs"]
    parts = [head("bf16 and f32", record)]
    if runs:
        parts.append(verdicts(runs))
    if len(runs) < settings["seeds"]:
        parts.append(f"**Incomplete**: {len(runs)} of {settings['seeds']} seeds.")
    parts.append(f"```\n{settings['command']}\n```")
    parts.append(
        f"""Model: {record['model']}. {settings['steps']} steps of {settings['global_batch_size']} x {settings['seq_len']} tokens. AdamW \
with a peak learning rate of {settings['learning_rate']}, {settings['warmup_steps']} warm-up steps, cosine decay to a tenth of
the peak, gradient clipping to a norm of {settings['max_grad_norm']}. jikji trains with `jikji train`. PyTorch runs a plain loop over Hugging Face's Llama with fused
AdamW; its bf16 is autocast. Each run is validated in its own precision. All runs of a seed start from the same weights and read the same
sequences in the same order. The last row compares f32 with f32: it shows how much the order of sums alone changes the losses."""
    )
    parts += [table(run, settings["steps"]) for run in runs]
    return "\n\n".join(parts) + "\n"


def verdicts(runs):
    figures = [run["partings"]["jikji bf16 - jikji f32"] for run in runs]
    rows = ["| difference between jikji's bf16 and f32 losses | target | largest | met |", "| --- | --- | ---: | --- |"]
    for what, key in ((f"mean over {WINDOW} steps", "largest_of_windows"), ("single step", "largest_of_steps")):
        measured = max(found[key] for found in figures)
        rows.append(f"| {what} | within {TARGET:.0%} | {measured:.2%} | {'yes' if measured <= TARGET else '**no**'} |")
    return "\n".join(rows)


def table(run, steps):
    rows = [
        f"Seed {run['seed']}; relative differences of the losses:",
        "",
        f"| | mean over {WINDOW} steps, largest | single step, mean | single step, largest | steps above {TARGET:.0%} | validation |",
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
