"""A plain PyTorch training run on jikji's token shards, in jikji's order, from an exported model; then its validation.

Prints one JSON object. transformers' Llama in f32 or under bf16 autocast, fused AdamW, documents kept apart as jikji does by default.
"""

import argparse
import json
import math

import torch
from transformers import LlamaForCausalLM

import jikji_shards
import pytorch_llama
from jikji_shards import UNCOUNTED


def learning_rate(settings, step):
    """A linear rise that reaches the peak at the last step of warm-up, then half a cosine to the last step of the run."""
    peak, warmup, final = settings["learning_rate"], settings["warmup_steps"], settings["final_ratio"]
    if step < warmup:
        return peak * (step + 1) / warmup
    progress = (step - warmup) / max(1, settings["steps"] - 1 - warmup)
    return peak * (final + (1 - final) * 0.5 * (1 + math.cos(math.pi * progress)))


def summed_loss(model, batch, precision):
    """Nats of all counted targets, and how many there are."""
    documents = torch.from_numpy(batch.documents)
    seq_len = documents.shape[1]
    visible = documents[:, :, None] == documents[:, None, :]
    visible &= torch.ones(seq_len, seq_len, dtype=torch.bool).tril()
    with pytorch_llama.number_format(precision):
        logits = model(
            input_ids=torch.from_numpy(batch.ids),
            attention_mask=visible[:, None],
            position_ids=torch.from_numpy(batch.positions),
            use_cache=False,
        ).logits
    targets = torch.from_numpy(batch.targets)
    counted = int((targets != UNCOUNTED).sum())
    nats = torch.nn.functional.cross_entropy(
        logits.float().flatten(0, 1), targets.flatten(), ignore_index=UNCOUNTED, reduction="sum"
    )
    return nats, counted


def train(model, order, settings, precision):
    """The loss of each step before its update, and the targets that counted in it."""
    model.train()
    optimizer = pytorch_llama.adamw(
        model, settings["learning_rate"], tuple(settings["betas"]), settings["eps"], settings["weight_decay"]
    )
    losses, counts = [], []
    for step in range(settings["steps"]):
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings, step)
        optimizer.zero_grad(set_to_none=True)
        nats, counted = summed_loss(model, order.batch(step), precision)
        loss = nats / counted
        loss.backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), settings["max_grad_norm"])
        optimizer.step()
        losses.append(loss.item())
        counts.append(counted)
    return losses, counts


@torch.no_grad()
def validate(model, stream, rows, precision):
    model.eval()
    nats, tokens = 0.0, 0
    for first in range(0, len(stream), rows):
        batch = stream.batch(range(first, min(first + rows, len(stream))))
        batch_nats, counted = summed_loss(model, batch, precision)
        nats += batch_nats.double().item()
        tokens += counted
    return {
        "bits_per_byte": nats / math.log(2) / stream.text_bytes,
        "tokens": tokens,
        "bytes": stream.text_bytes,
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--model", required=True, help="model folder to start from")
    parser.add_argument("--shards", required=True, help="a folder tokens-FINGERPRINT")
    parser.add_argument("--settings", required=True, help="JSON of what the recipe says")
    parser.add_argument("--seed", type=int, required=True)
    parser.add_argument("--threads", type=int, required=True)
    parser.add_argument("--precision", choices=["f32", "bf16"], default="f32")
    arguments = parser.parse_args()
    settings = json.loads(arguments.settings)
    rows, seq_len = settings["global_batch_size"], settings["seq_len"]

    jikji_shards.check_order()
    torch.set_num_threads(arguments.threads)
    model = LlamaForCausalLM.from_pretrained(arguments.model, dtype=torch.float32, attn_implementation="sdpa")
    order = jikji_shards.TrainingOrder(
        jikji_shards.Stream(arguments.shards, "train", seq_len), arguments.seed, rows
    )
    validation = jikji_shards.Stream(arguments.shards, "validation", seq_len)
    before = validate(model, validation, rows, arguments.precision)
    losses, counts = train(model, order, settings, arguments.precision)
    report = {
        "before": before,
        "after": validate(model, validation, rows, arguments.precision),
        "losses": losses,
        "counted_targets": counts,
        **pytorch_llama.facts(model),
    }
    print(json.dumps(report))


if __name__ == "__main__":
    main()
