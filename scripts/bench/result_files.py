"""The two files of a measurement: its page, and its raw numbers in JSON."""

import json
import os


def write(folder, name, record, page):
    """Each replaced whole: who interrupts it finds the last complete state."""
    for ending, text in (("json", json.dumps(record, indent=1) + "\n"), ("md", page)):
        path = folder / f"{name}.{ending}"
        aside = folder / f"{name}.{ending}.tmp"
        aside.write_text(text, encoding="utf-8")
        os.replace(aside, path)
