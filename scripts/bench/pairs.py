"""The method: pairs of runs close in time, in alternating order, and a ratio for each pair."""

import statistics

from errors import Failure, say
from other_load import Watch

# A run whose own repeats lie further apart was disturbed, and its pair is made again.
MAX_SPREAD = 0.15
# Discarded pairs for each wanted one, after which a comparison is left with what it has until the script is started again.
PATIENCE = 3


def new_comparison(case, opponent, wanted):
    return {
        "case": case.name,
        "opponent": opponent.mode,
        "wanted_pairs": wanted,
        "pairs": [],
        "discarded": [],
        "failed": None,
    }


def measure(comparison, case, opponent, sides, save):
    """All pairs that a comparison lacks. `save` is called after each, so that nothing measured is lost."""
    comparison["failed"] = None
    last_discarded = len(comparison["discarded"]) + PATIENCE * comparison["wanted_pairs"]
    while len(comparison["pairs"]) < comparison["wanted_pairs"] and len(comparison["discarded"]) < last_discarded:
        try:
            pair = make_pair(case, opponent, sides, jikji_first=len(comparison["pairs"]) % 2 == 0)
        except Failure as failure:
            failure.report()
            comparison["failed"] = str(failure)
            break
        comparison["discarded" if pair["disturbed"] else "pairs"].append(pair)
        tell(comparison, pair)
        save()
    save()


def make_pair(case, opponent, sides, jikji_first):
    runs, watch = {}, Watch()
    for side in ("jikji", "pytorch") if jikji_first else ("pytorch", "jikji"):
        runs[side] = sides.run_jikji(case) if side == "jikji" else sides.run_pytorch(case, opponent.mode)
    disturbed = [side for side, run in runs.items() if run["spread"] > MAX_SPREAD]
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
