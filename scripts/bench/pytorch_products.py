"""Time the matrix products of a training step alone, as PyTorch computes them."""

import statistics
import time

import torch

FORMATS = {"f32": torch.float32, "bf16": torch.bfloat16}


def measure(model, tokens, precision, repeats):
    """Those of every linear layer, forward and backward, one after the other; attention's are left out."""
    layers = [module for module in model.modules() if isinstance(module, torch.nn.Linear)]
    sizes = [(tokens, layer.in_features, layer.out_features) for layer in layers]
    operands = {size: buffers(size, FORMATS[precision]) for size in set(sizes)}
    with torch.no_grad():
        seconds = [time_once([operands[size] for size in sizes]) for _ in range(1 + repeats)]
    return {
        "products_seconds": statistics.median(seconds[1:]),
        "products_flop": sum(3 * 2 * m * k * n for m, k, n in sizes),
    }


def buffers(size, number_format):
    """Input, weight, the output's gradient, and room for output, the input's gradient and the weight's."""
    m, k, n = size
    shapes = [(m, k), (n, k), (m, n), (m, n), (m, k), (n, k)]
    return [torch.full(shape, 0.5, dtype=number_format) for shape in shapes]


def time_once(layers):
    clock = time.perf_counter()
    for x, weight, dy, y, dx, dweight in layers:
        torch.mm(x, weight.t(), out=y)
        torch.mm(dy, weight, out=dx)
        torch.mm(dy.t(), x, out=dweight)
    return time.perf_counter() - clock
