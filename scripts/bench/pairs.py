"""The method: pairs of runs close in time, in alternating order, and a ratio for each pair."""

import statistics

from errors import Failure, say
from other_load import Watch

# A run whose own repeats lie further apart was disturbed, and its pair is made again.
MAX_SPREAD = 0.15


def measure(case, opponent, sides, wanted, save):
    """All pairs of one comparison. `save` is called after each, so that nothing measured is lost."""
    comparison = {
        "case": case.name,
        "opponent": opponent.mode,
        "wanted_pairs": wanted,
        "max_discarded": wanted,
        "pairs": [],
        "discarded": [],
        "skipped": None,
        "failed": None,
    }
    save(comparison)
    comparison["skipped"] = sides.missing(case)
    while not comparison["skipped"] and not is_complete(comparison):
        try:
            pair = make_pair(case, opponent, sides, jikji_first=len(comparison["pairs"]) % 2 == 0)
        except Failure as failure:
            failure.report()
            comparison["failed"] = str(failure)
            break
        comparison["discarded" if pair["disturbed"] else "pairs"].append(pair)
        tell(comparison, pair)
        save(comparison)
    if comparison["skipped"]:
        say(f"{case.name}: skipped, {comparison['skipped']}")
    save(comparison)
    return comparison


def is_complete(comparison):
    return (
        len(comparison["pairs"]) >= comparison["wanted_pairs"]
        or len(comparison["discarded"]) > comparison["max_discarded"]
    )


def make_pair(case, opponent, sides, jikji_first):
    runs, watch = {}, Watch()
    for side in ("jikji", "pytorch") if jikji_first else ("pytorch", "jikji"):
        runs[side] = sides.run_jikji(case) if side == "jikji" else sides.run_pytorch(case, opponent.mode)
    disturbed = [side for side, run in runs.items() if run["spread"] is not None and run["spread"] > MAX_SPREAD]
    return {
        "jikji_first": jikji_first,
        "ratio": runs["pytorch"]["seconds"] / runs["jikji"]["seconds"],
        "disturbed": disturbed,
        "others_share": watch.share(),
        **runs,
    }


def tell(comparison, pair):
    fate = f"discarded, {' and '.join(pair['disturbed'])} disturbed" if pair["disturbed"] else "kept"
    say(
        f"{comparison['case']} beside {comparison['opponent']}: "
        f"jikji {pair['jikji']['seconds']:.3f} s, PyTorch {pair['pytorch']['seconds']:.3f} s, "
        f"ratio {pair['ratio']:.2f}, {fate} ({len(comparison['pairs'])} of {comparison['wanted_pairs']})"
    )


def quartiles(values):
    """First quartile, median, third quartile."""
    if len(values) < 2:
        return values * 3
    return statistics.quantiles(values, n=4, method="inclusive")
