"""Tokenizers, chat templates and continuations of exported folders, in transformers and in Jikji: a part of transformers_loads.py.

Of each folder, after `jikji model export` in f32:

  ids      AutoTokenizer gives those of `jikji tokenizer encode`, also with no BOS in front, and decodes them to the text in NFC;
           where the text spells control tokens, with `split_special_tokens`, as Jikji never takes one out of a text
  control  BOS, EOS and padding are the same in the tokenizer, config.json and generation_config.json
  chat     the template is the source's; what `generate` puts behind `apply_chat_template` is what `jikji chat` answers,
           over a conversation with a system message and several turns
  greedy   `generate` without sampling continues prompts by 32 tokens as `jikji generate --temperature 0` does
"""

import json
import pathlib
import unicodedata

import reference  # first: it keeps transformers off the network
import checkpoints
import make_fixtures
import torch
from safetensors.torch import save_file
from transformers import AutoTokenizer, GenerationConfig, PreTrainedTokenizerFast

ROOT = pathlib.Path(__file__).resolve().parents[2]
NEW_TOKENS = 32
VOCAB_SIZE = 4096
# Families of which AutoTokenizer does not take the class that tokenizer_config.json names: `exaone`, of which transformers has no
# config, and `qwen2`, which gets Qwen2's own pre-tokenizer whatever the files say; what that changes is printed and not counted.
OWN_CLASS = ("exaone", "qwen2")

# A small model of each family, and the chat template that goes along.
FAMILIES = {
    "llama": "solar",
    "mistral-window": "hyperclovax-think",
    "qwen2": "ax4",
    "qwen3": "ax4",
    "exaone": "exaone3",
    "exaone4-hybrid": "exaone4",
    "hyperclovax-peri": "hyperclovax",
}
# Reserved entries get the spellings of those templates, so that control tokens stand in conversations.
SPELLINGS = ["<|im_start|>", "<|im_end|>", "<|begin|>", "<|content|>", "<|end|>",
             "[|system|]", "[|user|]", "[|assistant|]", "[|endofturn|]"]

CONTROL_TEXTS = ["<|bos|>가<|eos|>", "[|user|]\n끝<|im_end|>\n", "<|reserved_11|><|pad|>"]
TEXTS = [
    "오늘 아침에는 GPU를 3월 14일에 12345원 주고 샀다.\n\n「민법」 제1조(법원) 끝.",
    "",
    " ",
    "한글",
    " 앞 칸과 뒤 칸 ",
    "두  칸   세 칸\t탭\t\t둘\r\n줄\n\n\n줄 \n 끝",
    "The quick brown fox jumps over 13 lazy dogs; I'll say they don't, we've DON'T.",
    "don't we'll 'sad 'tis it's가 I'M한",
    "Transformer 모델의 loss는 2.37e-4이고, learning_rate=3e-4로 학습했습니다.",
    "ㅋㅋㅋㅋ ㅠㅠ ㅇㅇ ㄱㄱ 뷁 쀍 꽳",
    "\u1112\u1161\u11ab\u1100\u1173\u11af 첫가끝 \u1140\u1161 \ua960\u1161 \uffa1\uffc2",
    "e\u0301 é Å \u212b ﬁ ½ \u3000전각　ＡＢＣ１２３",
    "大韓民國憲法 第一條, 學而時習之 不亦說乎 漢字와 한글",
    "가\u0301나\u0301 a\u0308\u0304 क्षि नमस्ते שָׁלוֹם مَرْحَبًا",
    "😀👍🏽 👨‍👩‍👧‍👦 ❤️ 🇰🇷🇺🇸 1️⃣",
    "3.5㎎/㎗ ①②③ ㈜한국 ™ ± × ÷ ≤ → ※ ☆ ♥",
    "a@b.kr https://예시.한국/길?q=값&r=1#끝 C:\\폴더\\파일.txt",
    "def f(x):\n    return {'가': [x, 1_000], \"b\": None}  # 주석\n",
    "zero\u200bwidth\u200d\ufeff \u00a0nbsp \u2028 줄 \u0007",
    "1234567890 ١٢٣ 一二三 Ⅳ ² 12,345.67",
    "<|endoftext|> <s>a</s><unk><|im_star",
    *CONTROL_TEXTS,
]
PROMPTS = ["나라의 말이", "오늘 아침에는", "The law of", "ㅋㅋ 😀"]
TURNS = ["안녕하세요?", "1+1은 얼마입니까? 짧게 답하세요.", "Thank you!"]
SYSTEM = "너는 친절한 도우미다."


def load(folder):
    """Model and tokenizer; a folder of `exaone`, of which AutoTokenizer knows no config, goes by the class of its own file."""
    import reference

    model, _ = reference.load(folder, "auto")
    unknown = json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"] == "exaone"
    return model, (PreTrainedTokenizerFast if unknown else AutoTokenizer).from_pretrained(folder)


def encoded(jikji, folder, work, texts):
    source, target = work / "texts.jsonl", work / "ids.jsonl"
    source.write_text("".join(json.dumps({"text": text}, ensure_ascii=False) + "\n" for text in texts), encoding="utf-8")
    jikji.run("tokenizer", "encode", "--tokenizer", folder, "--input", source, "--output", target)
    return [json.loads(line)["ids"] for line in target.read_text(encoding="utf-8").splitlines()]


def check_ids(tokenizer, texts, rows):
    """The texts whose ids or whose decoded form differ."""
    wrong = []
    for text, ids in zip(texts, rows):
        # BOS is what the file's own post-processor adds, if it adds any.
        plain = ids[1:] if ids[:1] == [tokenizer.bos_token_id] else ids
        split = {} if text not in CONTROL_TEXTS else {"split_special_tokens": True}
        same = tokenizer(text, **split).input_ids == ids and tokenizer.encode(text, add_special_tokens=False, **split) == plain
        if not same or tokenizer.decode(ids, skip_special_tokens=True) != unicodedata.normalize("NFC", text):
            wrong.append(f"ids of {text!r}")
    return wrong


def check_control(folder, model, tokenizer):
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    generation = GenerationConfig.from_pretrained(folder)
    wrong = []
    for key in ("bos_token_id", "eos_token_id", "pad_token_id"):
        said = {getattr(tokenizer, key), config[key], getattr(generation, key), getattr(model.config, key)}
        if len(said) > 1:
            wrong.append(f"{key}: {sorted(map(str, said))}")
    if len(tokenizer) > config["vocab_size"]:
        wrong.append(f"{len(tokenizer)} tokens for {config['vocab_size']} rows")
    return wrong


def continuation(model, tokenizer, ids):
    ids = torch.tensor([ids])
    out = model.generate(ids, attention_mask=torch.ones_like(ids), do_sample=False, max_new_tokens=NEW_TOKENS)
    return tokenizer.decode(out[0, ids.shape[1] :], skip_special_tokens=True)


def check_greedy(jikji, folder, model, tokenizer):
    wrong = []
    for prompt in PROMPTS:
        theirs = prompt + continuation(model, tokenizer, tokenizer(prompt).input_ids) + "\n"
        ours = jikji.run("generate", "--model", folder, "--prompt", prompt, "--temperature", 0, "--max-new-tokens", NEW_TOKENS)
        if ours != theirs:
            wrong.append(f"continuation of {prompt!r}: {theirs!r} -> {ours!r}")
    return wrong


def check_chat(jikji, folder, model, tokenizer):
    messages, said = [{"role": "system", "content": SYSTEM}], ""
    for turn in TURNS:
        messages.append({"role": "user", "content": turn})
        ids = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_dict=False)
        answer = continuation(model, tokenizer, ids)
        messages.append({"role": "assistant", "content": answer})
        said += answer + "\n"
    options = ["--system", SYSTEM, "--temperature", 0, "--max-new-tokens", NEW_TOKENS]
    ours = jikji.run("chat", "--model", folder, *options, stdin="".join(turn + "\n" for turn in TURNS))
    return [] if ours == said else [f"conversation: {said!r} -> {ours!r}"]


def check(jikji, name, folder, work, heard, texts=(), way=()):
    """Exports a folder with a tokenizer, compares, and prints a line. `texts` are compared by their ids only."""
    if not (folder / "tokenizer.json").exists():
        print(f"{name:18} has no tokenizer")
        return 0
    out = work / "-".join([name, "texts", *way[1:]])
    jikji.run("model", "export", "--model", folder, "--output", out, *way)
    family = json.loads((out / "config.json").read_text(encoding="utf-8"))["model_type"]
    own_class = family in OWN_CLASS
    texts = [*TEXTS, *texts]
    with heard() as messages:
        model, _ = reference.load(out, "auto")
        tokenizer = (PreTrainedTokenizerFast if own_class else AutoTokenizer).from_pretrained(out)
        rows = encoded(jikji, out, work, texts)
        wrong = check_ids(tokenizer, texts, rows)
        ids = len(texts) - len(wrong)
        wrong += check_control(out, model, tokenizer)
        greedy = check_greedy(jikji, out, model, tokenizer)
        template = PreTrainedTokenizerFast.from_pretrained(folder).chat_template
        chat = [] if tokenizer.chat_template == template else ["chat template"]
        if template:
            chat += check_chat(jikji, out, model, tokenizer)
    wrong += greedy + chat
    verdict = "no template" if not template else "chat differs" if chat else f"chat of {len(TURNS)} turns equal"
    chosen = " (PreTrainedTokenizerFast)" if own_class else ""
    print(f"{' '.join([name, *way]):24} ids {ids}/{len(texts)}{chosen}, greedy {len(PROMPTS) - len(greedy)}/{len(PROMPTS)}, {verdict}")
    if family == "qwen2":
        auto = AutoTokenizer.from_pretrained(out)
        others = check_ids(auto, texts, rows)
        print(f"    AutoTokenizer takes {type(auto).__name__}: {', '.join(others) or 'no ids'} differ")
    for problem in wrong:
        print(f"    WRONG: {problem}")
    for message in messages:
        print(f"    WARNS: {message}")
    return len(wrong) + len(messages)


def tiny_model(folder, family, tokenizer, template):
    """The fixture's graph with room for conversations, the tokenizer's vocabulary and nothing else changed."""
    config = checkpoints.CONFIGS[family] | {"vocab_size": VOCAB_SIZE, "max_position_embeddings": 1024}
    folder.mkdir()
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    weights = checkpoints.weights(family, make_fixtures.shapes_of(config), torch.float32)
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    for file in tokenizer.iterdir():
        text = file.read_text(encoding="utf-8")
        for number, spelling in enumerate(SPELLINGS):
            text = text.replace(f'"<|reserved_{number}|>"', json.dumps(spelling))
        (folder / file.name).write_text(text, encoding="utf-8")
    template = ROOT / "configs" / "chat" / f"{template}.jinja"
    (folder / "chat_template.jinja").write_bytes(template.read_bytes())


def check_families(jikji, work, heard):
    """A model of each family with a tokenizer trained on data/korean, whose texts are compared too."""
    tokenizer = work / "tokenizer"
    jikji.run("tokenizer", "train", "--input", ROOT / "data/korean", "--vocab-size", VOCAB_SIZE, "--output", tokenizer)
    texts = [file.read_text(encoding="utf-8") for file in sorted((ROOT / "data/korean").rglob("*.txt"))]
    wrong = 0
    for family, template in FAMILIES.items():
        folder = work / f"{family}-source"
        tiny_model(folder, family, tokenizer, template)
        wrong += check(jikji, family, folder, work, heard, texts)
        if family == "exaone" and jikji.writes_llama:
            wrong += check(jikji, family, folder, work, heard, texts, ("--as", "llama"))
    return wrong
