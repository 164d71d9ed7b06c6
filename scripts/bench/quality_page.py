"""The Markdown page of `quality_vs_pytorch`, and the figures in it."""

import statistics


def bits(side):
    return side["after"]["bits_per_byte"]


def summary(runs):
    """Means, each side's range over the seeds, and whether jikji is within it or better."""
    jikji, pytorch = ([bits(run[side]) for run in runs] for side in ("jikji", "pytorch"))
    difference = statistics.mean(jikji) - statistics.mean(pytorch)
    spread = max(pytorch) - min(pytorch)
    return {
        "jikji_mean": statistics.mean(jikji),
        "pytorch_mean": statistics.mean(pytorch),
        "jikji_range": max(jikji) - min(jikji),
        "pytorch_range": spread,
        "difference": difference,
        "largest_difference_of_a_seed": max(abs(a - b) for a, b in zip(jikji, pytorch)),
        "reached": len(runs) >= 2 and difference <= spread,
    }


def page(record):
    runs, settings, model = record["runs"], record["settings"], record["model"]
    parts = [head("Quality beside PyTorch", record)]
    if len(runs) >= 2:
        parts.append(verdict(summary(runs)))
    if len(runs) < settings["seeds"]:
        parts.append(f"**Not finished**: {len(runs)} of {settings['seeds']} seeds.")
    parts.append(f"```\n{settings['command']}\n```")
    parts.append(
        f"""{model}{parameters(runs)}; {settings['steps']} steps of {settings['global_batch_size']} x {settings['seq_len']} tokens, \
{settings['steps'] * settings['global_batch_size'] * settings['seq_len']:,} in all; f32; AdamW at {settings['learning_rate']}, {settings['warmup_steps']} steps
of warm-up, then half a cosine to a tenth; clipping to a norm of {settings['max_grad_norm']}. jikji trains with `jikji train`; PyTorch with a plain loop over Hugging
Face's Llama and fused AdamW. For each seed both start from the same weights, which jikji drew and exported at step 0, and read the same sequences
in the same order, documents kept apart; so a seed changes weights and order, and the sides differ in how they compute."""
    )
    if runs:
        parts.append(table(runs))
        parts.append(check(runs))
    return "\n\n".join(parts) + "\n"


def parameters(runs):
    return f", {runs[0]['pytorch']['parameters']:,} parameters" if runs else ""


def head(title, record):
    machine_facts, versions = record["machine"], record["versions"]
    checkout = f", checkout at {versions['checkout']}" if versions["checkout"] else ""
    return f"""# {title}

{record['date']}. {machine_facts['processor']}, {machine_facts['cores']} cores. {versions['jikji']} (binary {versions['jikji_sha256']}{checkout}); PyTorch {versions['torch']}, \
transformers {versions['transformers']}."""


def verdict(figures):
    return f"""| to reach | measured | reached |
| --- | ---: | --- |
| jikji's mean at most PyTorch's mean and the range of PyTorch's seeds ({figures['pytorch_range']:.4f}) above it | \
{apart(figures['difference'])} bits/byte | {'yes' if figures['reached'] else '**no**'} |"""


def table(runs):
    rows = ["| seed | before | jikji | PyTorch | difference |", "| --- | ---: | ---: | ---: | ---: |"]
    for run in runs:
        ours, theirs = bits(run["jikji"]), bits(run["pytorch"])
        before = run["jikji"]["before"]["bits_per_byte"]
        rows.append(f"| {run['seed']} | {before:.4f} | {ours:.5f} | {theirs:.5f} | {apart(ours - theirs)} |")
    figures = summary(runs)
    rows.append(
        f"| mean | | **{figures['jikji_mean']:.5f}** | **{figures['pytorch_mean']:.5f}** | {apart(figures['difference'])} |"
    )
    rows.append(f"| largest - smallest | | {figures['jikji_range']:.5f} | {figures['pytorch_range']:.5f} | |")
    return "\n".join(rows)


def apart(difference):
    """Six digits, and no minus before a zero."""
    return f"{round(difference, 6) + 0.0:+.6f}"


def check(runs):
    """What shows that both sides did the same."""
    after = runs[0]["jikji"]["after"]
    untrained = max(abs(run["jikji"]["before"]["bits_per_byte"] - run["pytorch"]["before"]["bits_per_byte"]) for run in runs)
    first = max(abs(run["jikji"]["losses"][0] - run["pytorch"]["losses"][0]) for run in runs)
    largest = max(abs(a - b) for run in runs for a, b in zip(run["jikji"]["losses"], run["pytorch"]["losses"]))
    return f"""Validation bits per byte over {after['tokens']:,} tokens of {after['bytes']:,} bytes. In every seed the sides counted the same targets in each step and the
same tokens and bytes in validation. Apart at most: {untrained:.1e} bits/byte before training, {first:.1e} nats in the loss of the first step, {largest:.1e} in that of
any step."""
