"""How fast upstream's way of running MuseTalk is on this machine: PyTorch, diffusers, transformers; half precision.

Runs what upstream's scripts/realtime_inference.py runs for a batch of frames: positions added to the audio tokens, UNet,
VAE decoder, and the faces as bytes in memory. Weights are random: speed does not depend on them, and no file is needed.

Stages, in ms a call (divide by the batch for ms a frame):
  whisper  the encoder on 30 s of mel, all five states, as upstream does for each 30 s of sound
  unet     the UNet alone
  decoder  the VAE decoder alone, to values of 0 ... 1
  frame    tokens to bytes in memory, the rounding done on the GPU and only bytes copied (`.cpu()`)
  upstream the same, but copied as upstream's decode_latents does it: floats first, rounded by numpy

Run: pip install torch==2.13.0 diffusers==0.30.2 transformers==4.39.2; python scripts/musetalk/bench-upstream.py
    [--modes eager,compile] [--batches 1,2,4,8] [--runs N] [--warm N] [--json FILE] [--ours FILE]
    [--threads N] [--reduced]

--ours     what `musecam bench musetalk --json FILE` wrote on the same machine, rows of
           {provider, precision, batch, stage, p50Ms, p95Ms, p99Ms}: prints upstream's time divided by ours.
--reduced  small networks, to check this script where there is no GPU.
"""

import argparse
import json
import pathlib
import platform
import time

import numpy as np
import torch
from diffusers import AutoencoderKL, UNet2DConditionModel
from transformers import WhisperConfig, WhisperModel

SCALING = 0.18215
TOKENS = 50
# Names of the same stages in our bench.
OUR_STAGES = {"whisper": ("whisper-parity",), "unet": ("unet",), "decoder": ("decoder", "vae"), "frame": ("frame",)}


class Networks:
    """MuseTalk's networks as upstream loads them, with random weights."""

    def __init__(self, device: torch.device, dtype: torch.dtype, reduced: bool):
        widths = (32, 32, 64, 64) if reduced else (320, 640, 1280, 1280)
        self.channels = 64 if reduced else 384
        heads = 1 if reduced else 6
        torch.manual_seed(0)
        self.unet = UNet2DConditionModel(
            sample_size=64, in_channels=8, out_channels=4, down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
            up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3, block_out_channels=widths, layers_per_block=2,
            cross_attention_dim=self.channels, attention_head_dim=8,
        ).to(device, dtype).eval()
        self.vae = AutoencoderKL(
            block_out_channels=(32, 32, 64, 64) if reduced else (128, 256, 512, 512), layers_per_block=2, latent_channels=4,
            down_block_types=("DownEncoderBlock2D",) * 4, up_block_types=("UpDecoderBlock2D",) * 4, sample_size=256,
        ).to(device, dtype).eval()
        self.whisper = WhisperModel(WhisperConfig(
            d_model=self.channels, encoder_layers=4, encoder_attention_heads=heads, encoder_ffn_dim=4 * self.channels,
            decoder_layers=1, decoder_attention_heads=heads,
        )).encoder.to(device, dtype).eval()
        place = torch.arange(TOKENS).float().unsqueeze(1)
        step = torch.exp(torch.arange(0, self.channels, 2).float() * (-np.log(10000.0) / self.channels))
        positions = torch.zeros(TOKENS, self.channels)
        positions[:, 0::2], positions[:, 1::2] = torch.sin(place * step), torch.cos(place * step)
        self.positions = positions.to(device, dtype)
        self.timestep = torch.tensor([0], device=device)

    def hear(self, mel):
        return torch.stack(self.whisper(mel, output_hidden_states=True).hidden_states, dim=2)

    def think(self, latents, tokens):
        return self.unet(latents, self.timestep, encoder_hidden_states=tokens + self.positions, return_dict=False)[0]

    def draw(self, made):
        return (self.vae.decode((1 / SCALING) * made, return_dict=False)[0] / 2 + 0.5).clamp(0, 1)


def to_bytes(faces: torch.Tensor) -> torch.Tensor:
    return (faces.permute(0, 2, 3, 1) * 255).round().to(torch.uint8).flip(-1).cpu()


def to_bytes_as_upstream(faces: torch.Tensor) -> np.ndarray:
    return (faces.cpu().permute(0, 2, 3, 1).float().numpy() * 255).round().astype("uint8")[..., ::-1]


def bench(call, device: torch.device, warm: int, runs: int) -> dict:
    """Each call is waited for, as somebody who waits for its frame does."""
    wait = torch.cuda.synchronize if device.type == "cuda" else lambda: None
    for _ in range(warm):
        call()
    times = []
    for _ in range(runs):
        wait()
        start = time.perf_counter()
        call()
        wait()
        times.append((time.perf_counter() - start) * 1000)
    p50, p95, p99 = (round(float(value), 3) for value in np.percentile(times, (50, 95, 99)))
    return {"p50Ms": p50, "p95Ms": p95, "p99Ms": p99, "runs": runs}


def compiled(networks: Networks) -> Networks:
    """Upstream does not compile; this is what it would gain. Static shapes and CUDA graphs, the fastest of torch's usual ways."""
    mode = {"mode": "reduce-overhead"} if networks.timestep.is_cuda else {}
    for name in ("unet", "whisper"):
        setattr(networks, name, torch.compile(getattr(networks, name), dynamic=False, **mode))
    networks.vae.decoder = torch.compile(networks.vae.decoder, dynamic=False, **mode)
    return networks


@torch.no_grad()
def bench_mode(mode: str, options: argparse.Namespace, device: torch.device, dtype: torch.dtype) -> list:
    networks = Networks(device, dtype, options.reduced)
    if mode == "compile":
        networks = compiled(networks)
    rows = []

    def add(stage: str, batch: int, call) -> None:
        figures = bench(call, device, options.warm, options.runs)
        rows.append({"provider": f"torch-{mode}", "device": device.type, "precision": str(dtype).removeprefix("torch."),
                     "batch": batch, "stage": stage, **figures})
        print(f"  {mode:8} batch {batch}  {stage:9} p50 {figures['p50Ms']:9.2f}  p95 {figures['p95Ms']:9.2f}  "
              f"p99 {figures['p99Ms']:9.2f} ms", flush=True)

    def random(*shape):
        return torch.randn(*shape, device=device, dtype=dtype)

    mel = random(1, 80, 3000)
    add("whisper", 1, lambda: networks.hear(mel))
    for batch in options.batches:
        latents, tokens, made = random(batch, 8, 32, 32), random(batch, TOKENS, networks.channels), random(batch, 4, 32, 32)
        add("unet", batch, lambda: networks.think(latents, tokens))
        add("decoder", batch, lambda: networks.draw(made))
        add("frame", batch, lambda: to_bytes(networks.draw(networks.think(latents, tokens))))
        add("upstream", batch, lambda: to_bytes_as_upstream(networks.draw(networks.think(latents, tokens))))
    return rows


def print_ratios(theirs: list, ours: list) -> None:
    print("\nupstream's time / ours (p50, p95); above 1: ours is faster")
    for row in theirs:
        for own in ours:
            if own["stage"] in OUR_STAGES.get(row["stage"], ()) and own["batch"] == row["batch"]:
                ratios = [row[key] / own[key] for key in ("p50Ms", "p95Ms") if own.get(key)]
                print(f"  {row['stage']:8} batch {row['batch']}  {row['provider']:13} {row['precision']} / "
                      f"{own['provider']} {own['precision']}: {', '.join(f'{ratio:.2f}' for ratio in ratios)}")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--modes", default="eager,compile", type=lambda text: text.split(","))
    parser.add_argument("--batches", default="1,2,4,8", type=lambda text: [int(each) for each in text.split(",")])
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--warm", type=int, default=10)
    parser.add_argument("--precision", choices=("float16", "float32"), help="default: float16 on a GPU, float32 without")
    parser.add_argument("--json", type=pathlib.Path)
    parser.add_argument("--ours", type=pathlib.Path)
    parser.add_argument("--threads", type=int, help="of the processor")
    parser.add_argument("--reduced", action="store_true")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    here = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    number = getattr(torch, given.precision or ("float16" if here.type == "cuda" else "float32"))
    # As PyTorch is out of the box, but for the search of convolution kernels, which fixed shapes gain from.
    torch.backends.cudnn.benchmark = True
    name = torch.cuda.get_device_name() if here.type == "cuda" else platform.processor() or "CPU"
    print(f"{name}, torch {torch.__version__}, {number}{', reduced networks' if given.reduced else ''}")
    result = {"device": name, "torch": torch.__version__, "reduced": given.reduced, "rows": []}
    for each in given.modes:
        result["rows"] += bench_mode(each, given, here, number)
    if here.type == "cuda":
        result["peakAllocatedBytes"] = torch.cuda.max_memory_allocated()
    if given.json:
        given.json.write_text(json.dumps(result, indent=2) + "\n")
    else:
        print(json.dumps(result))
    if given.ours:
        loaded = json.loads(given.ours.read_text())
        print_ratios(result["rows"], loaded["rows"] if isinstance(loaded, dict) else loaded)
