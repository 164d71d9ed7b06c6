"""Options shared by several scripts, and how the pages show them."""

import argparse
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]


def at_least_one(text):
    value = int(text)
    if value < 1:
        raise argparse.ArgumentTypeError("must be 1 or more")
    return value


def shown_model(path):
    """The path within the repository; for a file outside it, only the file name."""
    path = Path(path).resolve()
    return str(path.relative_to(REPOSITORY)) if path.is_relative_to(REPOSITORY) else path.name
