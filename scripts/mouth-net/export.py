"""Writes the weights file the program ships, and the golden numbers its tests compare with.

usage: export.py MODEL.pt WEIGHTS.bin FIXTURE_FOLDER

Weights file, little endian: "MNET", uint16 x 9 = version 1, inputs, context frames, conv, hidden, layers, head, outputs,
look-ahead frames; zeros up to byte 28; uint32 FNV-1a hash of the rest; then half-precision numbers, each layer [rows, columns]
followed by its bias: conv (columns = frame after frame), per GRU input and recurrent (reset, update, new), hidden, out.
"""

import struct
import sys
from pathlib import Path

import numpy as np
import torch

from augment import make_noise
from evaluate import load_model
from features import RATE_HZ, log_mel, normalise
from model import CONTEXT, INPUTS, LOOK_AHEAD, OUTPUTS, MouthNet, activate


def list_layers(net: MouthNet) -> list[torch.Tensor]:
    layers = [net.conv.weight.permute(0, 2, 1).reshape(net.shape["conv"], -1), net.conv.bias]
    for k in range(net.shape["layers"]):
        for side in ("ih", "hh"):
            layers += [getattr(net.gru, f"weight_{side}_l{k}"), getattr(net.gru, f"bias_{side}_l{k}")]
    return [*layers, net.hidden.weight, net.hidden.bias, net.out.weight, net.out.bias]


def hash_bytes(data: bytes) -> int:
    value = 0x811C9DC5
    for byte in data:
        value = ((value ^ byte) * 0x01000193) & 0xFFFFFFFF
    return value


def write_weights(net: MouthNet, path: Path) -> None:
    s = net.shape
    body = b"".join(layer.detach().numpy().astype("<f2").tobytes() for layer in list_layers(net))
    header = struct.pack("<4s9H", b"MNET", 1, INPUTS, CONTEXT, s["conv"], s["hidden"], s["layers"], s["head"], OUTPUTS, LOOK_AHEAD)
    path.write_bytes(header.ljust(28, b"\0") + struct.pack("<I", hash_bytes(body)) + body)


def make_test_signal() -> np.ndarray:
    """1.6 s that is nobody's voice: a buzzing source through moving resonances, with lip-closure-like gaps, hiss and a soft room."""
    rng = np.random.default_rng(11)
    n = int(1.6 * RATE_HZ)
    t = np.arange(n) / RATE_HZ
    source = np.zeros(n)
    phase = np.cumsum(120 + 30 * np.sin(2 * np.pi * 1.3 * t)) / RATE_HZ
    source[1:][np.diff(np.floor(phase)) > 0] = 1.0
    source += 0.02 * rng.standard_normal(n)
    out = np.zeros(n)
    for low, high, speed, bandwidth in ((300, 750, 2.1, 80), (900, 2100, 1.4, 110), (2400, 2900, 0.9, 160)):
        hz = low + (high - low) * (0.5 + 0.5 * np.sin(2 * np.pi * speed * t))
        radius, y1, y2 = np.exp(-np.pi * bandwidth / RATE_HZ), 0.0, 0.0
        for i in range(n):
            y = source[i] + 2 * radius * np.cos(2 * np.pi * hz[i] / RATE_HZ) * y1 - radius * radius * y2
            out[i] += y
            y1, y2 = y, y1
    envelope = np.clip(np.sin(2 * np.pi * 2.4 * t) * 4 + 2.2, 0.01, 1) * (t > 0.25) * (t < 1.4)
    out = out / np.abs(out).max() * envelope * 0.5 + 0.002 * make_noise("pink", n, rng)
    hiss = (t > 1.1) & (t < 1.2)
    out[hiss] += 0.08 * rng.standard_normal(hiss.sum())
    return np.round(np.clip(out, -1, 1) * 32767).astype(np.int16)


def main() -> None:
    model, weights, fixtures = map(Path, sys.argv[1:4])
    net = load_model(model)
    write_weights(net, weights)
    with torch.no_grad():
        fixtures.mkdir(parents=True, exist_ok=True)
        signal = make_test_signal()
        mels = log_mel(signal.astype(np.float32) / 32768)
        x = normalise(mels[None])[0]
        net.eval()
        padded = torch.nn.functional.pad(torch.from_numpy(x), (0, 0, CONTEXT - 1, 0))[None]
        out = activate(net(padded)[0][0]).numpy()[LOOK_AHEAD:]
    (fixtures / "signal.s16").write_bytes(signal.astype("<i2").tobytes())
    (fixtures / "log-mel.f32").write_bytes(mels[::4].astype("<f4").tobytes())
    (fixtures / "normalised.f32").write_bytes(x[::4].astype("<f4").tobytes())
    (fixtures / "shapes.f32").write_bytes(out.astype("<f4").tobytes())
    print(f"{weights.stat().st_size} bytes, {len(out)} shapes; openness {out[:, 15].min():.3f}..{out[:, 15].max():.3f}")


if __name__ == "__main__":
    main()
