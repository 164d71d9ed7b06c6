"""From pairs to figures, and from figures to targets reached or not."""

import statistics

from pairs import quartiles


def summary(comparison):
    """Quartiles over the kept pairs; `None` where there are none."""
    pairs = comparison["pairs"]
    if not pairs:
        return None
    jikji, pytorch = ([pair[side] for pair in pairs] for side in ("jikji", "pytorch"))
    return {
        "jikji_seconds": quartiles([run["seconds"] for run in jikji]),
        "pytorch_seconds": quartiles([run["seconds"] for run in pytorch]),
        "ratio": quartiles([pair["ratio"] for pair in pairs]),
        "jikji_spread": median_of(run["spread"] for run in jikji),
        "pytorch_spread": median_of(run["spread"] for run in pytorch),
        "jikji_peak_bytes": median_of(run["peak_rss_bytes"] for run in jikji),
        "pytorch_peak_bytes": median_of(run["peak_rss_bytes"] for run in pytorch),
        "pytorch_imported_bytes": median_of(run["raw"].get("imported_rss_bytes") for run in pytorch),
    }


def median_of(values):
    known = [value for value in values if value is not None]
    return statistics.median(known) if known else None


def limit_shares(case, comparisons):
    """Time of the bare products over time of the step, of every kept run of jikji in a case."""
    return [sum(run["raw"][field] for field in case.limit_fields) / run["seconds"] for run in jikji_runs(comparisons)]


def profile(comparisons):
    """Operations of jikji's step and their shares of it, the largest first; medians over the kept runs."""
    shares = {}
    for run in jikji_runs(comparisons):
        for entry in run["raw"]["profile"]:
            shares.setdefault(entry["operation"], []).append(entry["share"])
    medians = {operation: statistics.median(found) for operation, found in shares.items()}
    return sorted(medians.items(), key=lambda entry: -entry[1])


def jikji_runs(comparisons):
    return [pair["jikji"] for comparison in comparisons for pair in comparison["pairs"]]


def verdicts(case, comparisons):
    """Each target of a case with what was measured. `reached` is `None` where it cannot be said."""
    found = []
    for opponent, comparison in zip(case.opponents, comparisons):
        figures = summary(comparison)
        found.append(speed_verdict(case, opponent, figures))
        if opponent.memory is not None:
            found.append(memory_verdict(case, opponent, figures))
    if case.limit_share is not None:
        found.append(limit_verdict(case, comparisons))
    return found


def verdict(case, target, measured, reached):
    return {"case": case.name, "target": target, "measured": measured, "reached": reached}


def speed_verdict(case, opponent, figures):
    target = f"at least {opponent.speed} x the speed of PyTorch {opponent.mode}"
    if figures is None:
        return verdict(case, target, None, None)
    ratio = figures["ratio"][1]
    return verdict(case, target, f"{ratio:.2f} x", ratio >= opponent.speed)


def memory_verdict(case, opponent, figures):
    target = f"at most {opponent.memory} x the memory of PyTorch {opponent.mode}"
    if figures is None or not figures["jikji_peak_bytes"] or not figures["pytorch_peak_bytes"]:
        return verdict(case, target, None, None)
    share = figures["jikji_peak_bytes"] / figures["pytorch_peak_bytes"]
    return verdict(case, target, f"{share:.2f} x", share <= opponent.memory)


def limit_verdict(case, comparisons):
    target = f"at least {case.limit_share:.0%} of the matrix limit"
    shares = limit_shares(case, comparisons)
    if not shares:
        return verdict(case, target, None, None)
    share = statistics.median(shares)
    return verdict(case, target, f"{share:.0%}", share >= case.limit_share)
