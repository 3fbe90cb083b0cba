"""Golden numbers for test/onnx: MuseTalk's networks as diffusers and transformers compute them, at reduced width.

Weights and inputs come from a hash of name and index (seeded.py; test/onnx/seeded.ts has the same), so that only
names, shapes and outputs need to be kept. Run: pip install torch==2.13.0 diffusers==0.30.2 transformers==4.39.2 numpy;
python scripts/musetalk/make-golden.py
"""

import json
import math
import pathlib

import torch
from diffusers import AutoencoderKL, AutoencoderTiny, UNet2DConditionModel
from seeded import seed_weights, seeded_values
from transformers import WhisperConfig, WhisperModel

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "test" / "onnx" / "golden"
AUDIO_CHANNELS = 64


def keep(name: str, tensor: torch.Tensor) -> None:
    tensor.detach().numpy().astype("<f4").tofile(GOLDEN / f"{name}.f32")


def make_unet() -> dict:
    unet = UNet2DConditionModel(
        sample_size=64, in_channels=8, out_channels=4, flip_sin_to_cos=True, freq_shift=0,
        down_block_types=("CrossAttnDownBlock2D",) * 3 + ("DownBlock2D",),
        up_block_types=("UpBlock2D",) + ("CrossAttnUpBlock2D",) * 3,
        block_out_channels=(32, 32, 64, 64), layers_per_block=2, downsample_padding=1, act_fn="silu",
        norm_num_groups=32, norm_eps=1e-5, cross_attention_dim=AUDIO_CHANNELS, attention_head_dim=8,
    ).eval()
    shapes = seed_weights(unet)
    latents = torch.from_numpy(seeded_values("input.latents", (1, 8, 32, 32)))
    audio = torch.from_numpy(seeded_values("input.audio", (1, 50, AUDIO_CHANNELS)))
    positions = torch.zeros(50, AUDIO_CHANNELS)
    place = torch.arange(50).float().unsqueeze(1)
    step = torch.exp(torch.arange(0, AUDIO_CHANNELS, 2).float() * (-math.log(10000.0) / AUDIO_CHANNELS))
    positions[:, 0::2] = torch.sin(place * step)
    positions[:, 1::2] = torch.cos(place * step)
    keep("unet", unet(latents, torch.tensor([0]), encoder_hidden_states=audio + positions).sample)
    return shapes


def make_vae() -> dict:
    vae = AutoencoderKL(
        in_channels=3, out_channels=3, down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, block_out_channels=(32, 32, 64, 64), layers_per_block=2,
        latent_channels=4, norm_num_groups=32, sample_size=256,
    ).eval()
    shapes = seed_weights(vae)
    picture = torch.from_numpy(seeded_values("input.picture", (1, 3, 128, 128)))
    keep("vae-encoder", vae.encode(picture).latent_dist.mean * 0.18215)
    latents = torch.from_numpy(seeded_values("input.decoded", (1, 4, 16, 16)))
    decoded = (vae.decode(latents / 0.18215).sample / 2 + 0.5).clamp(0, 1)
    pixels = (decoded.permute(0, 2, 3, 1) * 255).round().to(torch.uint8)
    pixels[:, 32:96, 32:96].numpy().tofile(GOLDEN / "vae-decoder.u8")
    return shapes


def make_tiny_vae() -> dict:
    tiny = AutoencoderTiny(
        encoder_block_out_channels=(16, 16, 16, 16), decoder_block_out_channels=(16, 16, 16, 16)
    ).eval()
    shapes = seed_weights(tiny)
    latents = torch.from_numpy(seeded_values("input.decoded", (1, 4, 16, 16)))
    decoded = (tiny.decode(latents).sample / 2 + 0.5).clamp(0, 1)
    pixels = (decoded.permute(0, 2, 3, 1) * 255).round().to(torch.uint8)
    pixels[:, 32:96, 32:96].numpy().tofile(GOLDEN / "tiny-decoder.u8")
    return shapes


def make_whisper() -> dict:
    config = WhisperConfig(
        d_model=AUDIO_CHANNELS, encoder_layers=4, encoder_attention_heads=1, encoder_ffn_dim=4 * AUDIO_CHANNELS,
        decoder_layers=1, decoder_attention_heads=1, decoder_ffn_dim=AUDIO_CHANNELS, vocab_size=100, pad_token_id=0,
        bos_token_id=0, eos_token_id=0, decoder_start_token_id=1,
    )
    whisper = WhisperModel(config).eval()
    shapes = {name: shape for name, shape in seed_weights(whisper).items() if name.startswith("encoder.")}
    mel = torch.from_numpy(seeded_values("input.mel", (1, 80, 3000)))
    states = torch.stack(whisper.encoder(mel, output_hidden_states=True).hidden_states, dim=2)
    keep("whisper", torch.cat([states[:, :10], states[:, 740:750], states[:, -10:]], dim=1))
    keep("whisper-window", short_window(whisper.encoder, mel[:, :, :200], 700))
    return shapes


def short_window(encoder, mel: torch.Tensor, first_position: int) -> torch.Tensor:
    """The encoder on a short window: the same layers, with a slice of the positions."""
    x = torch.nn.functional.gelu(encoder.conv1(mel))
    x = torch.nn.functional.gelu(encoder.conv2(x)).permute(0, 2, 1)
    x = x + encoder.embed_positions.weight[first_position : first_position + x.shape[1]]
    states = [x]
    for layer in encoder.layers:
        x = layer(x, None, None)[0]
        states.append(x)
    states[-1] = encoder.layer_norm(x)
    return torch.stack(states, dim=2)[:, 40:60]


if __name__ == "__main__":
    torch.manual_seed(0)
    GOLDEN.mkdir(parents=True, exist_ok=True)
    with torch.no_grad():
        names = {"unet": make_unet(), "vae": make_vae(), "tiny-vae": make_tiny_vae(), "whisper": make_whisper()}
    for name, shapes in names.items():
        (GOLDEN / f"{name}.json").write_text(json.dumps(shapes, separators=(",", ":")) + "\n")
