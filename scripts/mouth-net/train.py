"""Trains the network on the cached streams; state is carried from chunk to chunk, so it learns the long run it will live in.

usage: train.py CACHE.npz SPEECH_FOLDER MODEL.pt [--minutes 10] [--hidden 128] [--layers 1] [--start OTHER.pt]
"""

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F

from evaluate import score_shapes
from labels import VISEMES
from model import CONTEXT, LOOK_AHEAD, MouthNet

LANES, CHUNK = 48, 200


class Lanes:
    """LANES streams read side by side in chunks; each lane takes a new random stream when its own ends."""

    def __init__(self, x: np.ndarray, y: np.ndarray, seed: int):
        self.x, self.y = x, y
        self.rng = np.random.default_rng(seed)
        self.queue: list[int] = []
        self.chunks = x.shape[1] // CHUNK
        self.stream = np.array([self._next() for _ in range(LANES)])
        self.chunk = self.rng.integers(0, self.chunks, LANES)

    def _next(self) -> int:
        if not self.queue:
            self.queue = list(self.rng.permutation(len(self.x)))
        return self.queue.pop()

    def read(self) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
        """Inputs with history, labels moved by the look-ahead, and which lanes start cold."""
        for lane in np.flatnonzero(self.chunk >= self.chunks):
            self.stream[lane], self.chunk[lane] = self._next(), 0
        history = CONTEXT - 1
        x = np.zeros((LANES, history + CHUNK, self.x.shape[2]), np.float32)
        y = np.zeros((LANES, CHUNK, self.y.shape[2]), np.float32)
        for lane, (stream, chunk) in enumerate(zip(self.stream, self.chunk)):
            a = chunk * CHUNK
            got = self.x[stream, max(0, a - history) : a + CHUNK]
            x[lane, -len(got) :] = got
            got = self.y[stream, max(0, a - LOOK_AHEAD) : a + CHUNK - LOOK_AHEAD]
            y[lane, -len(got) :] = got
        cold = torch.from_numpy(self.chunk == 0)
        self.chunk += 1
        return torch.from_numpy(x), torch.from_numpy(y), cold


def disturb(x: torch.Tensor, rng: np.random.Generator) -> torch.Tensor:
    """What keeps the network from learning the few voices by heart: a band of frequencies missing, the mean spectrum off by a tilt."""
    lanes, bands = x.shape[0], x.shape[2] // 2
    for lane in range(lanes):
        if rng.random() < 0.3:
            width = rng.integers(1, 8)
            first = rng.integers(0, bands - width)
            x[lane, :, first : first + width] = 0
            x[lane, :, bands + first : bands + first + width] = 0
    bend = rng.normal(0, 0.12, (lanes, 5)) @ np.array([np.interp(np.arange(bands), np.linspace(0, bands - 1, 5), np.eye(5)[k]) for k in range(5)])
    x[:, :, :bands] += torch.from_numpy(bend.astype(np.float32))[:, None]
    return x + 0.05 * torch.randn_like(x)


def class_weights(y: np.ndarray, closure_weight: float) -> torch.Tensor:
    counts = np.bincount(y[..., 0].astype(np.int64).ravel(), minlength=15)
    weights = torch.tensor((counts[1:].mean() / (counts + 1)) ** 0.5, dtype=torch.float32).clamp(0.5, 2.5)
    weights[VISEMES.index("PP")] *= closure_weight
    return weights


def find_loss(raw: torch.Tensor, y: torch.Tensor, weights: torch.Tensor, closure_weight: float) -> torch.Tensor:
    raw, y = raw.reshape(-1, raw.shape[-1]), y.reshape(-1, y.shape[-1])
    visemes = F.cross_entropy(raw[:, :15], y[:, 0].long(), weight=weights, label_smoothing=0.03)
    openness = ((torch.sigmoid(raw[:, 15]) - y[:, 1]) ** 2).mean()
    width = ((torch.tanh(raw[:, 16]) - y[:, 2]) ** 2).mean()
    closure = F.binary_cross_entropy_with_logits(raw[:, 17], y[:, 3].clamp(0, 1), pos_weight=torch.tensor(closure_weight))
    speech = F.binary_cross_entropy_with_logits(raw[:, 18], y[:, 4])
    return visemes + 12 * openness + 4 * width + closure + 0.5 * speech


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("cache", type=Path)
    parser.add_argument("speech", type=Path)
    parser.add_argument("model", type=Path)
    parser.add_argument("--minutes", type=float, default=10)
    parser.add_argument("--hidden", type=int, default=128)
    parser.add_argument("--layers", type=int, default=1)
    parser.add_argument("--conv", type=int, default=96)
    parser.add_argument("--rate", type=float, default=4e-3)
    parser.add_argument("--dropout", type=float, default=0.15)
    parser.add_argument("--closure-weight", type=float, default=1.5)
    parser.add_argument("--start", type=Path, help="weights to go on from")
    parser.add_argument("--threads", type=int, default=2)
    args = parser.parse_args()
    torch.manual_seed(1)
    torch.set_num_threads(args.threads)
    with np.load(args.cache) as cache:
        x, y = cache["x"], cache["y"]
    lanes = Lanes(x, y, 1)
    weights = class_weights(y, args.closure_weight)
    net = MouthNet(args.conv, args.hidden, args.layers, dropout=args.dropout)
    if args.start:
        net.load_state_dict(torch.load(args.start)["weights"])
    average = torch.optim.swa_utils.AveragedModel(net, multi_avg_fn=torch.optim.swa_utils.get_ema_multi_avg_fn(0.997))
    optimiser = torch.optim.AdamW(net.parameters(), args.rate, weight_decay=0.01)
    print(f"{sum(p.numel() for p in net.parameters())} numbers, {len(x)} streams", flush=True)
    state, step, begun, shown = None, 0, time.time(), 0.0
    while (part := (time.time() - begun) / (60 * args.minutes)) < 1:
        for group in optimiser.param_groups:  # warm up, then a cosine down to nothing, by the clock
            group["lr"] = args.rate * min(1, (step + 1) / 100) * 0.5 * (1 + np.cos(np.pi * part))
        net.train()
        xb, yb, cold = lanes.read()
        if state is not None:
            state = state.detach() * (~cold)[None, :, None]
        raw, state = net(disturb(xb, lanes.rng), state)
        loss = find_loss(raw, yb, weights, args.closure_weight)
        optimiser.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(net.parameters(), 1.0)
        optimiser.step()
        average.update_parameters(net)
        step += 1
        if part > shown + 0.25:
            shown = part
            print(f"{part:4.0%} step {step} loss {loss.item():.3f} {json.dumps(score_shapes(average.module, args.speech))}", flush=True)
    torch.save({"shape": net.shape, "weights": average.module.state_dict()}, args.model)
    print(f"done, {step} steps, {step * LANES * CHUNK / (x.shape[0] * x.shape[1]):.1f} epochs")
    for voice, row in score_shapes(average.module, args.speech).items():
        print(voice, json.dumps(row))


if __name__ == "__main__":
    main()
