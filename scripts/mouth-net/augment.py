"""Room noise, rooms, microphones and levels: turns clean utterances into the streams the network hears in training and tests."""

import numpy as np
from scipy.signal import resample_poly

from features import RATE_HZ

NOISES = ["white", "pink", "brown", "hum", "fan", "keyboard", "hiss", "tones", "thumps"]
TEST_NOISES = ["white", "pink", "brown", "hum", "fan", "keyboard"]


def _shaped(rng: np.random.Generator, n: int, gain_of_hz) -> np.ndarray:
    spectrum = np.fft.rfft(rng.standard_normal(n))
    return np.fft.irfft(spectrum * gain_of_hz(np.maximum(np.fft.rfftfreq(n, 1 / RATE_HZ), 1.0)), n)


def _bursts(rng: np.random.Generator, n: int, per_second: float, low_hz: float, high_hz: float, decay_s: tuple[float, float]) -> np.ndarray:
    out = np.zeros(n)
    for at in np.flatnonzero(rng.random(n) < per_second / RATE_HZ):
        decay = rng.uniform(*decay_s) * RATE_HZ
        m = min(n - at, int(6 * decay))
        t = np.arange(m)
        tone = np.sin(2 * np.pi * rng.uniform(low_hz, high_hz) / RATE_HZ * t + rng.uniform(0, 6.28))
        out[at : at + m] += rng.uniform(0.3, 1.0) * np.exp(-t / decay) * (tone + 0.7 * rng.standard_normal(m) * (high_hz > 500))
    return out


def make_noise(kind: str, n: int, rng: np.random.Generator) -> np.ndarray:
    """n samples of room noise with an RMS of 1."""
    t = np.arange(n) / RATE_HZ
    if kind == "white":
        x = rng.standard_normal(n)
    elif kind == "pink":
        x = _shaped(rng, n, lambda f: f**-0.5 * (f > 20))
    elif kind == "brown":
        x = _shaped(rng, n, lambda f: f**-1.0 * (f > 20))
    elif kind == "hiss":
        x = _shaped(rng, n, lambda f: (f / 2000) ** rng.uniform(0.3, 1.0))
    elif kind == "hum":
        mains = rng.choice([50.0, 50.0, 60.0]) * rng.uniform(0.998, 1.002)
        x = sum(rng.uniform(0.2, 1) / k ** rng.uniform(0.3, 1.3) * np.sin(2 * np.pi * k * mains * t + rng.uniform(0, 6.28)) for k in range(1, 24))
        x = x + 0.03 * rng.standard_normal(n)
    elif kind == "fan":
        peak, blade = rng.uniform(150, 900), rng.uniform(70, 320)
        x = _shaped(rng, n, lambda f: 1 / (1 + (f / peak) ** 2) + 0.03)
        x /= x.std()
        x = x * (1 + 0.2 * np.sin(2 * np.pi * rng.uniform(0.3, 8) * t)) + sum(rng.uniform(0, 0.4) * np.sin(2 * np.pi * k * blade * t) for k in (1, 2, 3))
    elif kind == "keyboard":
        x = _bursts(rng, n, rng.uniform(3, 12), 900, 5000, (0.001, 0.006)) + 0.6 * _bursts(rng, n, rng.uniform(1, 4), 120, 400, (0.004, 0.015))
        x = x + 0.005 * rng.standard_normal(n)
    elif kind == "tones":
        x = np.zeros(n)
        for at in range(0, n, RATE_HZ // 2):
            m = min(RATE_HZ // 2, n - at)
            if rng.random() < 0.5:
                base, s = rng.uniform(150, 1500), np.arange(m) / RATE_HZ
                x[at : at + m] = np.exp(-s * rng.uniform(1, 12)) * sum(np.sin(2 * np.pi * base * r * s) / r for r in (1, *rng.uniform(1.1, 4, 2)))
        x = x + 0.003 * rng.standard_normal(n)
    else:
        x = _bursts(rng, n, rng.uniform(0.5, 3), 30, 200, (0.01, 0.08)) + 0.01 * _shaped(rng, n, lambda f: f**-1.0)
    return x / (x.std() + 1e-9)


def make_breath(rng: np.random.Generator) -> np.ndarray:
    """A breath as heard between sentences, 0.15..0.6 s, RMS of 1 at its middle: noise through a few broad resonances."""
    n = int(rng.uniform(0.15, 0.6) * RATE_HZ)
    bumps = [(rng.uniform(300, 5000), rng.uniform(0.2, 0.7), rng.uniform(0.2, 1)) for _ in range(3)]
    x = _shaped(rng, n, lambda f: 0.05 + sum(gain * np.exp(-0.5 * (np.log(f / hz) / width) ** 2) for hz, width, gain in bumps))
    return x / (x.std() + 1e-9) * np.sin(np.pi * np.arange(n) / n) ** rng.uniform(0.5, 2)


def speech_rms(x: np.ndarray) -> float:
    """RMS of the louder half of the 20 ms blocks: the level of the speech itself, pauses left out."""
    blocks = np.sort((x[: len(x) // 320 * 320].reshape(-1, 320) ** 2).mean(1))
    return float(np.sqrt(blocks[len(blocks) // 2 :].mean()) + 1e-9)


def change_pitch(x: np.ndarray, factor: float) -> np.ndarray:
    """Plays `factor` times faster: pitch and formants rise together; the caller rescales the labels."""
    percent = round(factor * 100)
    return x if percent == 100 else resample_poly(x, 100, percent)


def colour(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """A random microphone (smooth frequency response, sometimes a cheap one's band limits) and a random small room."""
    size = len(x) + RATE_HZ // 2
    hz = np.fft.rfftfreq(size, 1 / RATE_HZ)
    nodes_hz = np.array([0, 150, 400, 900, 1800, 3200, 5200, 8000])
    gain_db = np.interp(hz, nodes_hz, rng.normal(0, rng.choice([1.0, 3.0, 5.0]), len(nodes_hz)) + rng.uniform(-4, 4) * np.linspace(-1, 1, len(nodes_hz)))
    if rng.random() < 0.2:
        gain_db -= 24 * np.log2(np.maximum(hz / rng.uniform(3200, 6000), 1))
    if rng.random() < 0.35:
        gain_db -= 12 * np.log2(np.maximum(rng.uniform(80, 300) / np.maximum(hz, 20), 1))
    spectrum = np.fft.rfft(x, size) * 10 ** (gain_db / 20)
    if rng.random() < 0.5:
        n = int(rng.uniform(0.05, 0.35) * RATE_HZ)
        impulse = rng.standard_normal(n) * np.exp(-6.9 * np.arange(n) / n) * rng.uniform(0.02, 0.12)
        impulse[: int(rng.uniform(0.001, 0.006) * RATE_HZ)] = 0
        impulse[0] = 1
        spectrum *= np.fft.rfft(impulse, size)
    return np.fft.irfft(spectrum, size)[: len(x)]


def add_noise(x: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Noise of one or two kinds, 3..45 dB under the speech; now and then it starts, stops or changes midway."""
    level = speech_rms(x)
    for _ in range(2 if rng.random() < 0.35 else 1):
        noise = make_noise(str(rng.choice(NOISES)), len(x), rng) * level * 10 ** (-rng.uniform(3, 45) / 20)
        if rng.random() < 0.2:
            a, b = sorted(rng.integers(0, len(x), 2))
            noise[a:b] = 0
        x = x + noise
    return x


def record(x: np.ndarray, peak_dbfs: float, rng: np.random.Generator) -> np.ndarray:
    """Sets the level, clips as an overdriven input does, and rounds to 16 bits."""
    x = x * 10 ** (peak_dbfs / 20) / (np.abs(x).max() + 1e-9)
    return (np.round(np.clip(x, -1, 1 - 1 / 32768) * 32768) / 32768).astype(np.float32)
