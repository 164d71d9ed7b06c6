"""Writes the two files of a measurement: the page, and the raw values in JSON."""

import json
import os


def write(folder, name, record, page):
    """Replaces each file atomically, so that an interruption leaves the last complete version."""
    for ending, text in (("json", json.dumps(record, indent=1) + "\n"), ("md", page)):
        path = folder / f"{name}.{ending}"
        aside = folder / f"{name}.{ending}.tmp"
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, path)
