#!/usr/bin/env python3
"""Render conversations with transformers, for the tests of our chat templates to compare with.

Usage: chat_templates.py [OUT]

Writes OUT/formats.json (the templates of configs/chat over a set of conversations) and OUT/features.json (small templates,
one feature of Jinja or Python each). OUT is crates/tokenizer/tests/fixtures/chat by default. Each case holds what went in
and `text`, what transformers' `apply_chat_template` gave; or `fails`, the kind of exception that it raised.

Made with transformers 5.23.0, jinja2 3.1.6, tokenizers 0.23.3 and Python 3.11 (chat_requirements.txt). Opens no connection.
"""

import datetime
import json
import os
import pathlib
import sys

os.environ.setdefault("HF_HUB_OFFLINE", "1")
os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")

import transformers.utils.chat_template_utils as chat_template_utils  # noqa: E402
from tokenizers import Tokenizer, models  # noqa: E402
from transformers import PreTrainedTokenizerFast  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SPECIAL = {"bos_token": "<s>", "eos_token": "</s>"}
NOW = (2026, 10, 9, 13, 5, 7)

# Text that a careless step would change: white space of several kinds at both ends, quotes, HTML, jamo in both forms, emoji.
HARD = " \n\t안녕하세요, \"철수\" & '영희' <b>!</b> \u1112\u1161\u11ab ㅋㅋ é e\u0301 👩‍👧 \\n {{ x }} {% y %} \u3000\r\n "
TOOLS = [
    {
        "type": "function",
        "function": {
            "name": "날씨",
            "description": "지역의 <날씨>를 알려 준다",
            "parameters": {
                "type": "object",
                "properties": {
                    "지역": {"type": "string"},
                    "days": {"type": "array", "items": {"type": "integer"}, "default": [1.0, 1e-7, True, None]},
                },
                "required": ["지역"],
            },
        },
    },
    {"type": "function", "function": {"name": "now", "parameters": {"type": "object", "properties": {}}}},
]


def call(name, **arguments):
    return {"type": "function", "function": {"name": name, "arguments": arguments}}


CONVERSATIONS = {
    "one question": [{"role": "user", "content": "안녕?"}],
    "system and turns": [
        {"role": "system", "content": "너는 친절하다."},
        {"role": "user", "content": "하나"},
        {"role": "assistant", "content": "둘"},
        {"role": "user", "content": "셋"},
    ],
    "answered": [{"role": "user", "content": "1+1?"}, {"role": "assistant", "content": "2"}],
    "hard text": [
        {"role": "system", "content": HARD},
        {"role": "user", "content": HARD},
        {"role": "assistant", "content": HARD},
    ],
    "parts": [
        {"role": "system", "content": [{"type": "text", "text": " 앞 "}, {"type": "text", "text": "뒤\n"}]},
        {"role": "user", "content": [{"type": "image", "url": "x"}, {"type": "text", "text": "무엇?"}]},
        {"role": "assistant", "content": []},
    ],
    "reasoning": [
        {"role": "user", "content": "첫째"},
        {"role": "assistant", "reasoning_content": "옛 생각", "content": "답 1"},
        {"role": "user", "content": "둘째"},
        {"role": "assistant", "reasoning": "새 생각\n두 줄", "content": "답 2"},
    ],
    "reasoning in the text": [
        {"role": "user", "content": "첫째"},
        {"role": "assistant", "content": "<think>\n생각\n</think>\n\n답"},
    ],
    "tools": [
        {"role": "system", "content": "도구를 쓴다."},
        {"role": "user", "content": "날씨?"},
        {
            "role": "assistant",
            "content": None,
            "reasoning_content": "찾아 보자",
            "tool_calls": [call("날씨", 지역="서울 <강남>", days=[1, 2.5], 깊이={"b": 1, "a": "\""}), call("now")],
        },
        {"role": "tool", "name": "날씨", "tool_call_id": "1", "content": "{\"맑음\": true}"},
        {"role": "tool", "name": "now", "tool_call_id": "2", "content": [{"type": "text", "text": "낮"}]},
        {"role": "assistant", "content": "맑다."},
        {"role": "user", "content": "고마워"},
    ],
    "arguments as text": [
        {"role": "user", "content": "?"},
        {"role": "assistant", "content": "잠깐", "tool_calls": [{"name": "now", "arguments": "{\"a\":1}"}]},
    ],
    "unknown role": [{"role": "user", "content": "?"}, {"role": "dog", "content": "멍"}],
    "two systems": [
        {"role": "system", "content": "하나"},
        {"role": "user", "content": "?"},
        {"role": "system", "content": "둘"},
    ],
}

SWITCHES = {
    "exaone3": [{"enable_thinking": True}],
    "exaone4": [{"enable_thinking": True}, {"enable_thinking": False}],
    "ax4": [],
    "hyperclovax": [{"force_reasoning": True}, {"skip_reasoning": True}],
    "hyperclovax-think": [{"thinking": True}],
    "solar": [],
}

# What the small templates read.
FEATURE_MESSAGES = [
    {"role": "system", "content": "  You are <b>\"kind\"</b> & 'nice'.\n"},
    {"role": "user", "content": " 안녕 😀 \n\tㅋㅋ "},
    {
        "role": "assistant",
        "content": "<think>생각</think>\n\n답",
        "tool_calls": [call("f", a=1, b=[1.5, True, None, "x"], items={"k": "v"})],
    },
    {"role": "tool", "content": [{"type": "text", "text": "결과"}, {"type": "text", "text": "둘"}]},
]
FEATURE_VARIABLES = {
    "d": {"b": 1, "a": "x", "items": [1], "f": 1.0},
    "l": [3, 1, 2],
    "s": "Hello wOrld",
    "n": None,
    "neg": -7,
    "big": 1e20,
    "tiny": 1e-7,
    "mix": [1, "a", None, True],
    "words": ["b", "A", "c"],
    "spaced": "\x1c\u3000 x\u00a0\x1f",
}


def tokenizer():
    made = PreTrainedTokenizerFast(tokenizer_object=Tokenizer(models.BPE()), **SPECIAL)
    assert made.special_tokens_map == SPECIAL
    return made


def outcome(template, messages, **options):
    try:
        text = tokenizer().apply_chat_template(messages, chat_template=template, tokenize=False, **options)
    except Exception as error:  # noqa: BLE001: whatever a template provokes is the outcome
        return {"fails": type(error).__name__}
    return {"text": text}


def formats():
    """Yield a case for each template, conversation and switch; the generation prompt only where it could differ."""
    for name, switches in SWITCHES.items():
        template = (ROOT / "configs" / "chat" / f"{name}.jinja").read_text(encoding="utf-8")
        for title, messages in CONVERSATIONS.items():
            tools = TOOLS if title == "tools" else None
            runs = [(False, {}), (True, {})]
            if title in ("one question", "reasoning", "tools"):
                runs += [(True, switch) for switch in switches]
            for prompt, switch in runs:
                result = outcome(template, messages, tools=tools, add_generation_prompt=prompt, **switch)
                yield {"template": name, "conversation": title, "prompt": prompt, "extra": switch, **result}


def features(sources):
    for source in sources:
        result = outcome(source, FEATURE_MESSAGES, add_generation_prompt=True, **FEATURE_VARIABLES)
        yield {"template": source, **result}


def write(path, header, cases):
    lines = ",\n".join(json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases)
    header = json.dumps(header, ensure_ascii=False, separators=(",", ":"))
    path.write_text(f'{header[:-1]},"cases":[\n{lines}\n]}}\n', encoding="utf-8")
    print(f"{path}: {path.stat().st_size} bytes")


def main():
    if len(sys.argv) > 2:
        print(__doc__, file=sys.stderr)
        return 2
    default = ROOT / "crates" / "tokenizer" / "tests" / "fixtures" / "chat"
    out = pathlib.Path(sys.argv[1]) if len(sys.argv) == 2 else default
    out.mkdir(parents=True, exist_ok=True)

    class FixedClock(datetime.datetime):
        @classmethod
        def now(cls, tz=None):
            return cls(*NOW, tzinfo=tz)

    chat_template_utils.datetime = FixedClock
    header = {"special": SPECIAL, "now": NOW}
    write(out / "formats.json", {**header, "conversations": CONVERSATIONS, "tools": TOOLS}, formats())
    text = pathlib.Path(__file__).with_name("chat_features.txt").read_text(encoding="utf-8")
    sources = [source.strip("\n") for source in text.split("\n====\n")]
    header.update(messages=FEATURE_MESSAGES, variables=FEATURE_VARIABLES)
    write(out / "features.json", header, features(sources))
    return 0


if __name__ == "__main__":
    sys.exit(main())
