"""Computes the figures of `quality_vs_pytorch` and writes its Markdown page."""

import statistics


def bits(side):
    return side["after"]["bits_per_byte"]


def summary(runs):
    """Means, each side's range over the seeds, and whether jikji meets the target."""
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
    parts = [head("Quality: Jikji and PyTorch", record)]
    if len(runs) >= 2:
        parts.append(verdict(summary(runs)))
    if len(runs) < settings["seeds"]:
        parts.append(f"**Incomplete**: {len(runs)} of {settings['seeds']} seeds.")
    parts.append(f"```\n{settings['command']}\n```")
    parts.append(
        f"""Model: {model}{parameters(runs)}. {settings['steps']} steps of {settings['global_batch_size']} x {settings['seq_len']} tokens, \
{settings['steps'] * settings['global_batch_size'] * settings['seq_len']:,} in total. f32. AdamW with a peak learning rate of {settings['learning_rate']}, {settings['warmup_steps']}
warm-up steps, cosine decay to a tenth of the peak, gradient clipping to a norm of {settings['max_grad_norm']}. jikji trains with `jikji train`; PyTorch runs a plain
loop over Hugging Face's Llama with fused AdamW. For each seed, both sides start from the same weights, which jikji initialized and exported at
step 0. They read the same sequences in the same order, and attention stays within a document. A seed changes the weights and the order; the
two sides differ only in how they compute."""
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
    return f"""| target | measured | met |
| --- | ---: | --- |
| jikji's mean is at most PyTorch's mean plus the range of PyTorch's seeds ({figures['pytorch_range']:.4f}) | \
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
    rows.append(f"| range | | {figures['jikji_range']:.5f} | {figures['pytorch_range']:.5f} | |")
    return "\n".join(rows)


def apart(difference):
    """Six digits; zero has no minus sign."""
    return f"{round(difference, 6) + 0.0:+.6f}"


def check(runs):
    """The evidence that both sides did the same work."""
    after = runs[0]["jikji"]["after"]
    untrained = max(abs(run["jikji"]["before"]["bits_per_byte"] - run["pytorch"]["before"]["bits_per_byte"]) for run in runs)
    first = max(abs(run["jikji"]["losses"][0] - run["pytorch"]["losses"][0]) for run in runs)
    largest = max(abs(a - b) for run in runs for a, b in zip(run["jikji"]["losses"], run["pytorch"]["losses"]))
    return f"""The table shows validation bits per byte over {after['tokens']:,} tokens of {after['bytes']:,} bytes. For every seed, both sides counted the same targets in each
step, and the same tokens and bytes in validation. The largest differences are {untrained:.1e} bits/byte before training, {first:.1e} nats in the loss of the first step, and
{largest:.1e} nats in the loss of any step."""
