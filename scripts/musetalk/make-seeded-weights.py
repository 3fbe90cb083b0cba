"""Weights of MuseTalk's size and file formats, filled with seeded numbers: for tests where the real ones are not to be had.

Writes a folder laid out as upstream's `models`: the UNet as torch.save zips it, the VAE with the attention names of old
diffusers (query, key, value, proj_attn), Whisper with the prefix of its language model, TAESD as safetensors. Values as in
make-golden.py, so `--reduced` gives test/onnx/golden's networks (but
TAESD's last layer). Full size: 3.9 GB, half a minute.

Run: pip install torch==2.13.0 diffusers==0.30.2 transformers==4.39.2 numpy;
python scripts/musetalk/make-seeded-weights.py --out DIR [--reduced]
"""

import argparse
import collections
import importlib.util
import json
import math
import pathlib
import shutil

import numpy as np
import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from safetensors.torch import save_file
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperForConditionalGeneration

HERE = pathlib.Path(__file__).resolve().parent
spec = importlib.util.spec_from_file_location("golden", HERE / "make-golden.py")
golden = importlib.util.module_from_spec(spec)
spec.loader.exec_module(golden)

# Hashing in pieces keeps the float64 copies of a 30 million number tensor small.
PIECE = 1 << 22
OLD_ATTENTION = {"to_q": "query", "to_k": "key", "to_v": "value", "to_out.0": "proj_attn"}
# Spread of TAESD's pictures, of 0 ... 1: nine in ten pixels are not clipped.
TINY_CONTRAST = 0.25


def seeded_weights(state: dict) -> "collections.OrderedDict[str, torch.Tensor]":
    """Numbers for every name and shape (the tensors of `state` may be without memory)."""
    return collections.OrderedDict((name, seeded_weight(name, tuple(tensor.shape))) for name, tensor in state.items())


def seeded_weight(name: str, shape: tuple) -> torch.Tensor:
    values = hashed_values(name, math.prod(shape)).reshape(shape)
    if len(shape) > 1:
        values *= np.float32(1.5 / math.sqrt(math.prod(shape[1:])))
    elif name.endswith("weight"):
        values *= np.float32(0.2)
        values += 1
    else:
        values *= np.float32(0.1)
    return torch.from_numpy(values)


def hashed_values(name: str, count: int) -> np.ndarray:
    """make-golden.py's seeded_values of any length."""
    seed = 0x811C9DC5
    for code in name.encode():
        seed = ((seed ^ code) * 0x01000193) & 0xFFFFFFFF
    values = np.empty(count, np.float32)
    with np.errstate(over="ignore"):
        for start in range(0, count, PIECE):
            index = np.arange(start, min(count, start + PIECE), dtype=np.uint32)
            mixed = np.uint32(seed) + index * np.uint32(0x9E3779B1)
            mixed = (mixed ^ (mixed >> np.uint32(16))) * np.uint32(0x85EBCA6B)
            mixed = (mixed ^ (mixed >> np.uint32(13))) * np.uint32(0xC2B2AE35)
            mixed = mixed ^ (mixed >> np.uint32(16))
            values[start : start + len(index)] = mixed.astype(np.float64) / 2147483648.0 - 1.0
    return values


def write_json(path: pathlib.Path, content: dict) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n")


def write_unet(folder: pathlib.Path, reduced: bool) -> None:
    folder.mkdir(parents=True)
    config = {
        "_class_name": "UNet2DConditionModel", "_diffusers_version": "0.6.0.dev0", "act_fn": "silu",
        "attention_head_dim": 8, "block_out_channels": [32, 32, 64, 64] if reduced else [320, 640, 1280, 1280],
        "center_input_sample": False, "cross_attention_dim": golden.AUDIO_CHANNELS if reduced else 384,
        "down_block_types": ["CrossAttnDownBlock2D"] * 3 + ["DownBlock2D"], "downsample_padding": 1,
        "flip_sin_to_cos": True, "freq_shift": 0, "in_channels": 8, "layers_per_block": 2, "mid_block_scale_factor": 1,
        "norm_eps": 1e-05, "norm_num_groups": 32, "out_channels": 4, "sample_size": 64,
        "up_block_types": ["UpBlock2D"] + ["CrossAttnUpBlock2D"] * 3,
    }
    with torch.device("meta"):
        unet = UNet2DConditionModel(**{key: value for key, value in config.items() if key[0] != "_"})
    write_json(folder / "musetalk.json", config)
    torch.save(seeded_weights(unet.state_dict()), folder / "unet.pth")


def write_vae(folder: pathlib.Path, reduced: bool) -> None:
    folder.mkdir(parents=True)
    config = {
        "_class_name": "AutoencoderKL", "_diffusers_version": "0.4.2", "act_fn": "silu",
        "block_out_channels": [32, 32, 64, 64] if reduced else [128, 256, 512, 512],
        "down_block_types": ["DownEncoderBlock2D"] * 4, "in_channels": 3, "latent_channels": 4, "layers_per_block": 2,
        "norm_num_groups": 32, "out_channels": 3, "sample_size": 256, "up_block_types": ["UpDecoderBlock2D"] * 4,
    }
    with torch.device("meta"):
        vae = AutoencoderKL(**{key: value for key, value in config.items() if key[0] != "_"})
    write_json(folder / "config.json", config)
    weights = seeded_weights(vae.state_dict())
    torch.save(collections.OrderedDict((old_name(name), value) for name, value in weights.items()),
               folder / "diffusion_pytorch_model.bin")


def old_name(name: str) -> str:
    for new, old in OLD_ATTENTION.items():
        name = name.replace(f".attentions.0.{new}.", f".attentions.0.{old}.")
    return name


def write_whisper(folder: pathlib.Path, reduced: bool) -> None:
    folder.mkdir(parents=True)
    channels = golden.AUDIO_CHANNELS
    config = WhisperConfig(
        d_model=channels, encoder_layers=4, encoder_attention_heads=1, encoder_ffn_dim=4 * channels,
        decoder_layers=1, decoder_attention_heads=1, decoder_ffn_dim=channels, vocab_size=100, pad_token_id=0,
        bos_token_id=0, eos_token_id=0, decoder_start_token_id=1, suppress_tokens=None, begin_suppress_tokens=None,
    ) if reduced else WhisperConfig()
    whisper = WhisperForConditionalGeneration(config)
    config.architectures = ["WhisperForConditionalGeneration"]
    config.begin_suppress_tokens = config.suppress_tokens = None
    config.save_pretrained(folder)
    WhisperFeatureExtractor().save_pretrained(folder)
    weights = collections.OrderedDict()
    for name, tensor in whisper.state_dict().items():
        if name == "proj_out.weight":
            continue  # The same numbers as the word embeddings.
        # Seeded by the name inside the model, as the golden network is; the sinusoids of the positions stay.
        plain = name.removeprefix("model.")
        is_table = plain == "encoder.embed_positions.weight" and not reduced
        weights[name] = tensor.clone() if is_table else seeded_weight(plain, tuple(tensor.shape))
    torch.save(weights, folder / "pytorch_model.bin")


def write_tiny_vae(folder: pathlib.Path, reduced: bool) -> None:
    folder.mkdir(parents=True)
    sizes = [16] * 4 if reduced else [64] * 4
    tiny = AutoencoderTiny(encoder_block_out_channels=sizes, decoder_block_out_channels=sizes).eval()
    config = {key: value for key, value in tiny.config.items() if key[0] != "_" and key != "block_out_channels"}
    write_json(folder / "config.json", {"_class_name": "AutoencoderTiny", **config})
    tiny.load_state_dict(seeded_weights(tiny.state_dict()))
    expose(tiny.decoder)
    path = folder / "diffusion_pytorch_model.safetensors"
    save_file(tiny.state_dict(), path, {"format": "pt"})
    path.chmod(0o644)


@torch.no_grad()
def expose(decoder: torch.nn.Module) -> None:
    """TAESD has no norms, so nothing keeps its brightness: the last convolution is set so that 0 ... 1 is what comes out."""
    # Of a spread of one, about that of what the UNet makes.
    latents = torch.from_numpy(hashed_values("input.decoded", 4 * 32 * 32)).reshape(1, 4, 32, 32) * math.sqrt(3)
    last = decoder.layers[-1]
    made = torch.nn.Sequential(*decoder.layers[:-1])(torch.tanh(latents / 3) * 3)
    plain = torch.nn.functional.conv2d(made, last.weight, padding=1)
    # Rounded, so that another machine's last bits give the same weights.
    gains = torch.round(TINY_CONTRAST / plain.std((0, 2, 3)) * 100) / 100
    last.weight.mul_(gains.view(-1, 1, 1, 1))
    last.bias = torch.nn.Parameter(0.5 - torch.round(plain.mean((0, 2, 3)) * gains * 100) / 100)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=pathlib.Path, required=True)
    parser.add_argument("--reduced", action="store_true", help="the small networks of test/onnx/golden")
    options = parser.parse_args()
    if options.out.exists():
        parser.error(f"{options.out} is there already")
    building = options.out.with_name(f"{options.out.name}.building")
    shutil.rmtree(building, ignore_errors=True)
    for write, folder in ((write_whisper, "whisper"), (write_vae, "sd-vae"), (write_tiny_vae, "taesd"),
                          (write_unet, "musetalkV15")):
        write(building / folder, options.reduced)
        print(f"{folder}: {sum(file.stat().st_size for file in (building / folder).iterdir()) / 1e6:.1f} MB", flush=True)
    building.rename(options.out)  # A folder that has its name is complete.
