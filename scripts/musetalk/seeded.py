"""Numbers that depend on a name and an index alone: the same here and in test/onnx/seeded.ts, so that no file is needed."""

import math

import numpy as np
import torch


def seeded_values(name: str, shape) -> np.ndarray:
    """Values in -1 ... 1 that depend on the name and the index alone."""
    seed = 0x811C9DC5
    for code in name.encode():
        seed = ((seed ^ code) * 0x01000193) & 0xFFFFFFFF
    count = math.prod(shape)
    with np.errstate(over="ignore"):
        mixed = np.uint32(seed) + np.arange(count, dtype=np.uint32) * np.uint32(0x9E3779B1)
        mixed = (mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x85EBCA6B)
        mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
        mixed = mixed ^ (mixed >> np.uint32(16))
    return (mixed.astype(np.float64) / 2147483648.0 - 1.0).astype(np.float32).reshape(shape)


def seed_weights(module: torch.nn.Module) -> dict:
    """Gives a network weights of a sensible size: matrices by their fan-in, norms about one, biases small."""
    shapes = {}
    with torch.no_grad():
        for name, tensor in module.state_dict().items():
            shape = tuple(tensor.shape)
            if name.endswith("num_batches_tracked"):  # of batch norms; means nothing here
                tensor.fill_(80000)
                continue
            values = seeded_values(name, shape)
            if len(shape) > 1:
                values = values * np.float32(1.5 / math.sqrt(math.prod(shape[1:])))
            elif name.endswith("running_var"):
                values = 1 + values * np.float32(0.5)
            elif name.endswith("weight"):
                values = 1 + values * np.float32(0.2)
            else:
                values = values * np.float32(0.1)
            tensor.copy_(torch.from_numpy(values.astype(np.float32)))
            shapes[name] = list(shape)
    return shapes
