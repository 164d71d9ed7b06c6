"""Time greedy decoding of Hugging Face's Llama on the CPU with its default cache; the other side of `jikji bench decode`.

Prints one JSON object. Timed is one whole call: the prompt read at once, then one token after the other.
"""

import argparse
import json
import sys
import time

import torch

import pytorch_llama
import resident_memory


def made_up_prompt(vocab_size, length):
    return torch.tensor([[((index * 2654435761 % 2**64) >> 7) % vocab_size for index in range(length)]])


def decode(model, prompt, tokens):
    """Random weights may draw the end of text at any moment: the least number of tokens forbids it."""
    written = model.generate(
        prompt,
        attention_mask=torch.ones_like(prompt),
        do_sample=False,
        use_cache=True,
        min_new_tokens=tokens,
        max_new_tokens=tokens,
        pad_token_id=0,
    )
    if written.shape[1] != prompt.shape[1] + tokens:
        sys.exit(f"expected {tokens} tokens, got {written.shape[1] - prompt.shape[1]}")


def measure(arguments):
    torch.set_num_threads(arguments.threads)
    imported = resident_memory.now()
    model = pytorch_llama.build(arguments.model).eval()
    prompt = made_up_prompt(model.config.vocab_size, arguments.prompt)
    resident_memory.reset_peak()
    seconds = []
    for _ in range(arguments.warm_up + arguments.steps):
        clock = time.perf_counter()
        decode(model, prompt, arguments.tokens)
        seconds.append(time.perf_counter() - clock)
    memory = resident_memory.now()
    return {
        "decode_seconds_all": seconds[arguments.warm_up :],
        "warm_up_seconds": seconds[: arguments.warm_up],
        "peak_rss_bytes": memory.get("peak_bytes"),
        "mapped_file_bytes": memory.get("mapped_file_bytes"),
        "imported_rss_bytes": imported.get("resident_bytes"),
        **pytorch_llama.facts(model),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--prompt", type=int, required=True)
    parser.add_argument("--tokens", type=int, required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
