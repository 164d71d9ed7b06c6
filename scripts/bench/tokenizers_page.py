"""The Markdown page of `tokenizers_vs_peers`."""

import statistics


def median(values):
    return statistics.median(values)


def page(record):
    facts = record["machine"]
    checkout = f", checkout at {record['checkout']}" if record["checkout"] else ""
    head = f"""# Tokenizers beside other libraries

{record['date']}. {facts['processor']}, one core. {record['jikji']}{checkout}. Medians of {record['repeats']} runs, each a process of its own; the sides take turns."""
    return "\n\n".join([head, *compression(record), *borders(record), *training(record), *encoding(record)]) + "\n"


def compression(record):
    rows = record["compression"]
    groups = list(rows["jikji"])
    table = ["| bytes per token | " + " | ".join(groups) + " |", "| --- |" + " ---: |" * len(groups)]
    table += [f"| {name} | " + " | ".join(f"{figures[group]:.2f}" for group in groups) + " |" for name, figures in rows.items()]
    ratio = rows["jikji"]["all"] / rows["o200k"]["all"]
    return [
        f"## Compression of held-back text\n\n{record['vocab_size']:,} entries, but o200k, which has 200,000.",
        "\n".join(table),
        f"To reach: 5.7, and 1.5 x o200k. Reached: {rows['jikji']['all']:.2f}, {ratio:.2f} x.",
    ]


def borders(record):
    columns = {
        "bytes per token": ("bytes_per_token", "{:.2f}"),
        "in words": ("bytes_per_word_token", "{:.2f}"),
        "tokens that cross a space": ("superword_percent", "{:.1f} %"),
        "borders that are morphemes'": ("borders_at_morphemes_percent", "{:.1f} %"),
        "morphemes' that are borders": ("morphemes_at_borders_percent", "{:.1f} %"),
    }
    table = ["| | " + " | ".join(columns) + " |", "| --- |" + " ---: |" * len(columns)]
    for name, row in record["borders"].items():
        table.append(f"| {name} | " + " | ".join(form.format(row[key]) for key, form in columns.values()) + " |")
    return [
        "## Spaces and morphemes\n\nThe same held-back text; morphemes of annotated sentences, without words whose morphemes are contracted. "
        "`in words` leaves out tokens that cross a space.",
        "\n".join(table),
    ]


def training(record):
    found = record["training"]
    seconds = {name: median([run["cpu_seconds"] for run in runs]) for name, runs in found["costs"].items()}
    memory = {name: median([run["peak_bytes"] for run in runs]) for name, runs in found["costs"].items()}
    size = record["encoding"]["bytes"] / 1e6
    table = ["| | CPU seconds | peak memory |", "| --- | ---: | ---: |"]
    table += [f"| {name} | {seconds[name]:.1f} | {memory[name] / 1e6:,.0f} MB |" for name in seconds]
    same = "are those" if found["merges_equal_hf"] else "are **not** those"
    return [
        f"## Training byte-level BPE on {size:.0f} MB\n\nReading included. hf and rustbpe cut as jikji does; SentencePiece has rules of its own.",
        "\n".join(table),
        f"To reach: 0.7 x rustbpe's time and memory. Reached: {seconds['jikji'] / seconds['rustbpe']:.2f} x and "
        f"{memory['jikji'] / memory['rustbpe']:.2f} x. All {found['merges']:,} merges {same} of Hugging Face's trainer.",
    ]


def encoding(record):
    found = record["encoding"]
    speed = {name: found["bytes"] / median([run["seconds"] for run in runs]) / 1e6 for name, runs in found["runs"].items()}
    table = ["| | MB/s | tokens |", "| --- | ---: | ---: |"]
    table += [f"| {name} | {speed[name]:.1f} | {found['runs'][name][0]['tokens']:,} |" for name in speed]
    best_crate = max((name for name in speed if name.startswith("crate")), key=speed.get)

    def ratio(ours, theirs):
        pairs = zip(found["runs"][ours], found["runs"][theirs])
        of_pairs = median([other["seconds"] / run["seconds"] for run, other in pairs])
        return f"{speed[ours] / speed[theirs]:.2f} x (median of the turns {of_pairs:.2f} x)"

    return [
        "## Encoding the same text on one thread\n\nTexts in memory, a call each, after a round that does not count; medians of "
        f"{len(found['runs']['jikji'])} runs, {len(found['runs']['hf'])} for SentencePiece and hf.",
        "\n".join(table),
        f"To reach: 2 x tiktoken, and 1.5 x the best. Reached: {ratio('jikji', 'tiktoken')}; with o200k "
        f"{ratio('jikji, o200k', best_crate)} the faster crate, {best_crate.split(',')[0]}.",
    ]
