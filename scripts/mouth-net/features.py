"""The log-mel front end: the reference that src/media/log-mel.ts and src/plugins/puppet/mouth-net.ts must equal.

log_mel: 25 ms Hann window, 10 ms hop, 512-point FFT, 32 triangles on the mel scale 80..7600 Hz, natural log of the power.
normalise: causal; every frame becomes 64 numbers: level against the speaker's own mean spectrum, and level above the noise floor.
"""

import numpy as np

RATE_HZ = 16000
HOP, WINDOW, FFT, BANDS = 160, 400, 512, 32
HOP_S, FRAME_CENTRE_S = 0.01, 0.0125
LOW_HZ, HIGH_HZ = 80.0, 7600.0
POWER_FLOOR = 1e-7  # about 10 dB above the rounding noise of 16-bit audio
SILENT_LOG = float(np.log(POWER_FLOOR))

MEAN_START = -6.0  # log power of ordinary speech at an ordinary microphone level
MEAN_RATE, MEAN_EARLY_FRAMES = 0.006, 25.0
FLOOR_FALL, FLOOR_RISE = 0.08, 0.004  # per hop; rise in nepers of power: 0.4 a second = 1.7 dB/s
FLOOR_LEAST = -12.0  # about -75 dBFS: digital silence (a muted microphone) must not make room noise look like speech afterwards
GATE_LOW, GATE_SPAN = 1.2, 1.2  # nepers above the floor where a frame starts to count as speech, and counts fully


def mel_filters(warp: float = 1.0) -> np.ndarray:
    """[BANDS, FFT/2+1], rows sum to 1; `warp` stretches the frequency axis (vocal-tract length, training only)."""
    to_mel = lambda hz: 1127 * np.log(1 + hz / 700)
    to_hz = lambda mel: 700 * (np.exp(mel / 1127) - 1)
    edges = to_hz(np.linspace(to_mel(LOW_HZ), to_mel(HIGH_HZ), BANDS + 2)) * warp
    bins = np.arange(FFT // 2 + 1) * RATE_HZ / FFT
    left, mid, right = edges[:-2, None], edges[1:-1, None], edges[2:, None]
    weights = np.maximum(0, np.minimum((bins - left) / (mid - left), (right - bins) / (right - mid)))
    return (weights / (weights.sum(1, keepdims=True) + 1e-9)).astype(np.float32)


FILTERS = mel_filters()
HANN = (0.5 - 0.5 * np.cos(2 * np.pi * np.arange(WINDOW) / (WINDOW - 1))).astype(np.float32)


def log_mel(samples: np.ndarray, warp: float = 1.0) -> np.ndarray:
    """Samples in -1..1 at 16 kHz -> [frames, BANDS]; frame t covers samples t*160 .. t*160+400."""
    frames = np.lib.stride_tricks.sliding_window_view(samples, WINDOW)[::HOP]
    power = np.abs(np.fft.rfft(frames * HANN, FFT)) ** 2
    filters = FILTERS if warp == 1.0 else mel_filters(warp)
    return np.log(power.astype(np.float32) @ filters.T + POWER_FLOOR).astype(np.float32)


def normalise(log_mels: np.ndarray) -> np.ndarray:
    """[streams, frames, BANDS] -> [streams, frames, 2*BANDS], each stream starting cold."""
    streams, frames, bands = log_mels.shape
    out = np.empty((streams, frames, 2 * bands), np.float32)
    mean = np.full((streams, bands), MEAN_START, np.float32)
    floor = np.maximum(log_mels[:, 0], np.float32(FLOOR_LEAST))
    counted = np.zeros((streams, 1), np.float32)
    for t in range(frames):
        now = log_mels[:, t]
        below = now < floor
        floor += np.where(below, (now - floor) * np.float32(FLOOR_FALL), np.minimum(now - floor, np.float32(FLOOR_RISE)))
        np.maximum(floor, np.float32(FLOOR_LEAST), out=floor)
        lift = (now - floor).mean(1, keepdims=True)
        gate = np.clip((lift - GATE_LOW) / GATE_SPAN, 0, 1).astype(np.float32)
        counted += gate
        mean += (now - mean) * gate * np.maximum(np.float32(MEAN_RATE), 1 / (counted + np.float32(MEAN_EARLY_FRAMES)))
        out[:, t, :bands] = (now - mean) / 3
        out[:, t, bands:] = (now - floor) / 3 - 1
    return out
