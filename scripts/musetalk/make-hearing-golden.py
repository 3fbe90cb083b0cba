"""Golden numbers for MuseTalk's hearing: transformers' log-mel and upstream's windows of a signal given by a formula.

The signal (voice below; test/media/voice.ts has the same) and the reduced-width Whisper of make-golden.py need no files, so
only outputs are kept. Upstream's get_whisper_chunk is imported from a checkout of https://github.com/TMElyralab/MuseTalk.
Run: pip install torch==2.13.0 transformers==4.39.2 librosa einops numpy;
python scripts/musetalk/make-hearing-golden.py --musetalk DIR
"""

import argparse
import importlib.util
import json
import math
import pathlib
import types

import numpy as np
import torch
from seeded import seed_weights, seeded_values
from transformers import WhisperConfig, WhisperFeatureExtractor, WhisperModel

GOLDEN = pathlib.Path(__file__).resolve().parents[2] / "test" / "plugins" / "musetalk" / "golden"
RATE_HZ = 16000
SIGNAL_SECONDS = 31
# Kept of the mel: both edges and every 100th frame. Of the windows by position: edges and the joint of two segments.
MEL_FRAMES = [*range(6), *range(50, 3000, 100), *range(2994, 3000)]
POSITION_FRAMES = [0, 1, 2, 3, 372, 746, 747, 748, 749, 750, 751, 752, 770, 771, 772, 773, 774]
STATE_FRAMES = [0, 749, 774]
LENGTHS = [1280, 1919, 9600, 16000, 47999, 479999, 480000, 480001, 480320, 480640, 495999, 496000]


def load(path: pathlib.Path, name: str) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(name, path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


golden_networks = load(pathlib.Path(__file__).with_name("make-golden.py"), "golden_networks")


def voice(count: int) -> np.ndarray:
    """A gliding buzz with three resonances in syllables, a hiss before each second one, and faint noise; float32."""
    n = np.arange(count, dtype=np.float64)
    seconds = n / RATE_HZ
    phase = 2 * np.pi * (120 * seconds + 4 * np.sin(2 * np.pi * 0.7 * seconds))
    sound = np.zeros(count)
    for harmonic in range(1, 31):
        hz = 120 * harmonic
        weight = sum(1 / (1 + ((hz - middle) / 150) ** 2) for middle in (600, 1300, 2600))
        sound += weight * np.sin(harmonic * phase)
    syllable = np.maximum(0, np.sin(2 * np.pi * 2.3 * seconds)) ** 2
    hiss = np.maximum(0, np.sin(2 * np.pi * 1.15 * seconds + 2)) ** 8
    noise = seeded_values("voice.noise", (count,)).astype(np.float64)
    return (0.12 * syllable * sound + (0.05 * hiss + 0.001) * noise).astype(np.float32)


def small_whisper() -> WhisperModel:
    channels = golden_networks.AUDIO_CHANNELS
    config = WhisperConfig(
        d_model=channels, encoder_layers=4, encoder_attention_heads=1, encoder_ffn_dim=4 * channels,
        decoder_layers=1, decoder_attention_heads=1, decoder_ffn_dim=channels, vocab_size=100, pad_token_id=0,
        bos_token_id=0, eos_token_id=0, decoder_start_token_id=1,
    )
    whisper = WhisperModel(config).eval()
    seed_weights(whisper)
    return whisper


class PositionWhisper:
    """Stands in for Whisper: every state is 1 + 10 * (its token since the sound began) + its number."""

    def __init__(self) -> None:
        self.segments = 0
        self.encoder = self.encode

    def encode(self, mel: torch.Tensor, output_hidden_states: bool) -> types.SimpleNamespace:
        token = torch.arange(1500).reshape(1, 1500, 1).float() + 1500 * self.segments
        self.segments += 1
        return types.SimpleNamespace(hidden_states=[1 + 10 * token + state for state in range(5)])


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--musetalk", type=pathlib.Path, required=True, metavar="DIR", help="a checkout of MuseTalk")
    upstream = load(parser.parse_args().musetalk / "musetalk" / "utils" / "audio_processor.py", "audio_processor")
    GOLDEN.mkdir(parents=True, exist_ok=True)
    extractor = WhisperFeatureExtractor()
    processor = upstream.AudioProcessor.__new__(upstream.AudioProcessor)
    samples = voice(SIGNAL_SECONDS * RATE_HZ)
    segments = [samples[at : at + 30 * RATE_HZ] for at in range(0, len(samples), 30 * RATE_HZ)]
    mels = [extractor(part, return_tensors="pt", sampling_rate=RATE_HZ).input_features for part in segments]
    for number, mel in enumerate(mels):
        mel[0][:, MEL_FRAMES].numpy().astype("<f4").tofile(GOLDEN / f"mel-{number}.f32")
        precise = extractor._np_extract_fbank_features(np.pad(segments[number], (0, 480000 - len(segments[number]))))
        print("mel", number, "float32 against float64:", np.abs(precise - mel[0].numpy()).max())

    def windows(mels, whisper, length):
        return processor.get_whisper_chunk(mels, "cpu", torch.float32, whisper, length)

    with torch.no_grad():
        positions = windows(mels, PositionWhisper(), len(samples))
        positions[POSITION_FRAMES].numpy().astype("<u2").tofile(GOLDEN / "windows.u16")
        states = windows(mels, small_whisper(), len(samples))
        states[STATE_FRAMES].numpy().astype("<f4").tofile(GOLDEN / "hearing.f32")
        lengths = []
        for length in LENGTHS:
            parts = math.ceil(length / (30 * RATE_HZ))
            made = windows([mels[0]] * parts, PositionWhisper(), length)
            # The sum of a frame's window tells where the zeros begin.
            lengths.append([length, len(made), [int(frame[::5, 0].sum()) for frame in made[-3:]]])
    kept = {"melFrames": MEL_FRAMES, "positionFrames": POSITION_FRAMES, "stateFrames": STATE_FRAMES, "lengths": lengths}
    (GOLDEN / "hearing.json").write_text(json.dumps(kept, separators=(",", ":")) + "\n")
