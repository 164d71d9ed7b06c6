"""Options that several scripts read and show alike."""

import argparse
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def at_least_one(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def shown_model(path):
    """Within the repository, or by its name: where else it lies on this machine is of no interest."""
    path = Path(path).resolve()
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else path.name
