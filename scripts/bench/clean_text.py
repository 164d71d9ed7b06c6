"""What jikji does to every document before it trains on it, so that other trainers read the same."""

import json
import unicodedata


def clean(text):
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\ufeff", "")
    text = "".join(character for character in text if character in "\n\t" or unicodedata.category(character) != "Cc")
    lines = [line.rstrip() for line in unicodedata.normalize("NFC", text).split("\n")]
    while lines and not lines[0]:
        lines.pop(0)
    while lines and not lines[-1]:
        lines.pop()
    return "\n".join(lines)


def write(path, files):
    """The documents of JSON lines, cleaned, as one file."""
    with open(path, "w", encoding="utf-8") as out:
        for file in files:
            with open(file, encoding="utf-8") as lines:
                for line in lines:
                    out.write(json.dumps({"text": clean(json.loads(line)["text"])}, ensure_ascii=False) + "\n")
    return path
