"""Time training steps of Hugging Face's Llama on the CPU; the other side of `jikji bench train-step`.

Prints one JSON object. A step is: gradients to none, forward, backward, clipping, update.
"""

import argparse
import json
import math
import sys
import time

import torch

import pytorch_llama
import resident_memory


def made_up_ids(vocab_size, batch, seq):
    """The ids that `jikji bench train-step` makes up."""
    ids = [((index * 2654435761 % 2**64) >> 7) % vocab_size for index in range(batch * seq)]
    return torch.tensor(ids).view(batch, seq)


def step(forward, model, optimizer, ids, precision):
    optimizer.zero_grad(set_to_none=True)
    with pytorch_llama.number_format(precision):
        loss = forward(input_ids=ids, labels=ids, use_cache=False).loss
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    return loss.item()


def compiled_graphs():
    """How whole the compiled model is: one graph and no break is the best case."""
    counters = torch._dynamo.utils.counters
    return {
        "graphs": counters["stats"]["unique_graphs"],
        "graph_breaks": sum(counters["graph_break"].values()),
    }


def measure(arguments):
    torch.set_num_threads(arguments.threads)
    imported = resident_memory.now()
    model = pytorch_llama.build(arguments.model).train()
    optimizer = pytorch_llama.adamw(model, learning_rate=1e-4)
    ids = made_up_ids(model.config.vocab_size, arguments.batch, arguments.seq)
    forward = torch.compile(model) if arguments.mode == "compile" else model
    # As jikji: the peak speaks of stepping, not of what loading and building left behind.
    resident_memory.reset_peak()
    seconds, losses = [], []
    for _ in range(arguments.warm_up + arguments.steps):
        clock = time.perf_counter()
        losses.append(step(forward, model, optimizer, ids, arguments.precision))
        seconds.append(time.perf_counter() - clock)
    memory = resident_memory.now()
    if not all(map(math.isfinite, losses)):
        sys.exit(f"the loss is not finite: {losses}")
    report = {
        "step_seconds_all": seconds[arguments.warm_up :],
        "warm_up_seconds": seconds[: arguments.warm_up],
        "losses": losses,
        "peak_rss_bytes": memory.get("peak_bytes"),
        "mapped_file_bytes": memory.get("mapped_file_bytes"),
        "imported_rss_bytes": imported.get("resident_bytes"),
        **pytorch_llama.facts(model),
    }
    if arguments.mode == "compile":
        report.update(compiled_graphs())
    return report


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", required=True)
    parser.add_argument("--batch", type=int, required=True)
    parser.add_argument("--seq", type=int, required=True)
    parser.add_argument("--precision", choices=["f32", "bf16"], required=True)
    parser.add_argument("--mode", choices=["eager", "compile"], required=True)
    parser.add_argument("--warm-up", type=int, required=True)
    parser.add_argument("--steps", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    print(json.dumps(measure(parser.parse_args())))


if __name__ == "__main__":
    main()
