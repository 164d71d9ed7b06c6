"""The Markdown page of `vs_pytorch`."""

import statistics

import results
from cases import TrainStep
from options import shown_model
from pairs import MAX_SPREAD, quartiles
from sides import WARM_UP, WARM_UP_COMPILED

# Share of the processors that others may take in a pair before the page warns.
BUSY = 0.1
REACHED = {True: "yes", False: "**no**", None: "not measured"}


def page(record, cases, sides):
    """`record` is what the JSON file holds."""
    by_case = [(case, [c for c in record["comparisons"] if c["case"] == case.name]) for case in cases]
    by_case = [(case, comparisons) for case, comparisons in by_case if comparisons]
    parts = [head(record), targets(by_case), method(record)]
    parts += [section(case, comparisons, sides) for case, comparisons in by_case]
    return "\n\n".join(parts) + "\n"


def head(record):
    machine, versions = record["machine"], record["versions"]
    checkout = f", checkout at {versions['checkout']}" if versions["checkout"] else ""
    lines = [
        "# jikji beside PyTorch",
        "",
        f"{record['date']}. {machine['processor']} ({', '.join(machine['instructions']) or 'instructions unknown'}), "
        f"{machine['cores']} cores, {machine['memory_bytes'] / 1e9:.0f} GB, {machine['system']}; "
        f"load average {machine['load_at_start']} before the start.",
        f"{versions['jikji']} (binary {versions['jikji_sha256']}{checkout}); PyTorch {versions['torch']}, "
        f"transformers {versions['transformers']}, Python {versions['python']}.",
    ]
    if not record["finished"]:
        lines += ["", "**Measuring was not finished**: cases and pairs are missing."]
    if max(others_shares(record["comparisons"]), default=0.0) > BUSY:
        lines += ["", "**Measured on a busy machine**: other programs ran beside some pairs, so no figure here should be quoted."]
    return "\n".join(lines)


def others_shares(comparisons):
    pairs = [pair for comparison in comparisons for pair in comparison["pairs"] + comparison["discarded"]]
    return [pair["others_share"] for pair in pairs if pair["others_share"] is not None]


def targets(by_case):
    rows = ["| case | to reach | measured | reached |", "| --- | --- | ---: | --- |"]
    for case, comparisons in by_case:
        for verdict in results.verdicts(case, comparisons):
            measured = verdict["measured"] or ""
            rows.append(f"| `{case.name}` | {verdict['target']} | {measured} | {REACHED[verdict['reached']]} |")
    return "\n".join(rows)


def method(record):
    settings = record["settings"]
    return f"""```
scripts/bench/vs_pytorch {settings['command']}
```

Each pair is one run of jikji and one of PyTorch, each a process of its own with {settings['threads']} threads, one after the other; which is first
alternates. A run of a training step does {WARM_UP} steps that do not count ({WARM_UP_COMPILED} with `torch.compile`) and {settings['steps']} that do, and stands for
their median; a run of decoding makes one call that does not count. A pair in which (max - min) / median of a side's own repeats is above
{MAX_SPREAD:.0%} is discarded and made again. The tables give medians and, in brackets, quartiles over the kept pairs; the ratio is PyTorch's time over jikji's,
taken pair by pair. The model is Hugging Face's Llama with `sdpa` attention, the optimizer fused AdamW with clipping to a norm of 1; bf16 is
autocast. Both sides reset their peak of resident memory once they are ready to
step or to write. The limit is the step's products alone, by jikji's own kernels; that of attention's is not measured but taken at their rate."""


def section(case, comparisons, sides):
    parts = [f"## `{case.name}`", "", f"{case.what}.", "", "```", " ".join(["jikji", *shown(sides.jikji_arguments(case))])]
    for comparison in comparisons:
        script, arguments = sides.pytorch_command(case, comparison["opponent"])
        parts.append(" ".join(["python", f"scripts/bench/{script}", *shown(arguments)]))
    parts += ["```"]
    for comparison in comparisons:
        parts += ["", comparison_table(case, comparison)]
    if isinstance(case, TrainStep) and results.jikji_runs(comparisons):
        parts += ["", limit_sentence(case, comparisons), "", profile_sentence(comparisons)]
    return "\n".join(parts)


def shown(arguments):
    return [shown_model(word) if word.endswith(".toml") else word for word in arguments]


def comparison_table(case, comparison):
    opponent = f"PyTorch {comparison['opponent']}"
    figures = results.summary(comparison)
    if figures is None:
        return f"Beside {opponent}: no pair was kept. {counts(comparison)}{others(comparison)}"
    rows = [
        f"| | jikji | {opponent} | ratio |",
        "| --- | ---: | ---: | ---: |",
        time_row(case, figures),
        f"| tokens/s | {rate(case, figures['jikji_seconds'])} | {rate(case, figures['pytorch_seconds'])} | |",
        f"| spread of a run's own repeats | {figures['jikji_spread']:.0%} | {figures['pytorch_spread']:.0%} | |",
        memory_row("peak memory", figures["jikji_peak_bytes"], figures["pytorch_peak_bytes"]),
    ]
    if figures["pytorch_peak_bytes"] and figures["pytorch_imported_bytes"]:
        beyond = figures["pytorch_peak_bytes"] - figures["pytorch_imported_bytes"]
        rows.append(memory_row("the same, PyTorch's without what its imports hold", figures["jikji_peak_bytes"], beyond))
    return "\n".join([*rows, "", f"{counts(comparison)}{others(comparison)}{of_pytorch(comparison)}"])


def time_row(case, figures):
    unit = "step" if isinstance(case, TrainStep) else "call"
    cells = [seconds(figures["jikji_seconds"]), seconds(figures["pytorch_seconds"])]
    low, middle, high = figures["ratio"]
    return f"| a {unit} | {cells[0]} | {cells[1]} | **{middle:.2f}** ({low:.2f} - {high:.2f}) |"


def memory_row(name, ours, theirs):
    if not ours or not theirs:
        return f"| {name} | {megabytes(ours)} | {megabytes(theirs)} | |"
    return f"| {name} | {megabytes(ours)} | {megabytes(theirs)} | {ours / theirs:.2f} of it |"


def counts(comparison):
    kept, discarded = len(comparison["pairs"]), len(comparison["discarded"])
    text = f"Pairs kept: {kept}; discarded: {discarded}."
    if discarded:
        ratio = statistics.median(pair["ratio"] for pair in comparison["discarded"])
        text = f"{text[:-1]}, with a median ratio of {ratio:.2f}."
    if kept < comparison["wanted_pairs"]:
        text += f" Wanted were {comparison['wanted_pairs']}"
        if comparison["failed"]:
            # Its message names paths of this machine.
            text += "; then a run failed, `failed` in the JSON file says how."
        else:
            text += "."
    return text


def others(comparison):
    """Over all pairs, since it tells why some were discarded."""
    shares = others_shares([comparison])
    if not shares:
        return ""
    return f" Other programs took {statistics.median(shares):.0%} of the processors during a pair, {max(shares):.0%} at most."


def of_pytorch(comparison):
    """What else PyTorch's side said of itself."""
    raw = comparison["pairs"][-1]["pytorch"]["raw"]
    text = f" Parameters: {raw['parameters']:,}."
    if "graphs" in raw:
        first = max(pair["pytorch"]["raw"]["warm_up_seconds"][0] for pair in comparison["pairs"] + comparison["discarded"])
        text += f" Compiled to {raw['graphs']} graph(s) with {raw['graph_breaks']} break(s), the first time in {first:.0f} s."
        text += " Its peak of memory includes compiling."
    if raw["cuda_build"]:
        text += " This PyTorch is a build with CUDA, whose unused libraries count in its memory."
    return text


def limit_sentence(case, comparisons):
    shares = results.limit_shares(case, comparisons)
    low, middle, high = quartiles(shares)
    what = "bare products, attention's included," if len(case.limit_fields) > 1 else "bare products, without attention's,"
    return f"The step's {what} between jikji's steps take {middle:.0%} ({low:.0%} - {high:.0%}) of its time, over {len(shares)} runs."


def profile_sentence(comparisons):
    """The operations that are worth a percent."""
    found = [f"{operation} {share:.0%}" for operation, share in results.profile(comparisons) if share >= 0.01]
    return f"Where jikji's step goes: {', '.join(found)}."


def seconds(values):
    low, middle, high = values
    digits = 3 if middle >= 0.1 else 5
    return f"{middle:.{digits}f} s ({low:.{digits}f} - {high:.{digits}f})"


def rate(case, values):
    return f"{case.tokens / values[1]:,.0f}"


def megabytes(count):
    return "unknown" if not count else f"{count / 1e6:,.0f} MB"
