"""Builds the training streams: about 20 s of one voice each, with pauses, a room, a microphone, noise and level changes.

usage: dataset.py SPEECH_FOLDER CACHE.npz [--copies 2]
CACHE.npz: x [streams, 2000, 64] float16 (normalised features), y [streams, 2000, 5] float16 (see labels.make_labels)
"""

import argparse
import json
from multiprocessing import Pool
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from augment import NOISES, add_noise, change_pitch, colour, make_breath, make_noise, record, speech_rms
from features import HOP, RATE_HZ, WINDOW, log_mel, normalise
from labels import TIME_OFFSET_S, find_viseme, make_labels

STREAM_FRAMES = 2000
STREAM_SAMPLES = (STREAM_FRAMES - 1) * HOP + WINDOW
NOISE_ONLY_SHARE = 0.25
FEMALE_OR_CHILD = ("lp_diphone", "czech_dita", "czech_krb", "suo_fi_lj_diphone", "upc_ca_ona_hts")


def load_index(folder: Path, split: str) -> list[dict]:
    with open(folder / "index.jsonl") as lines:
        return [job for job in map(json.loads, lines) if job["split"] == split]


def load_utterance(folder: Path, job: dict) -> tuple[np.ndarray, list[tuple[str, float, float]]]:
    """Samples in -1..1 and (viseme, start s, end s)."""
    samples = wavfile.read(folder / job["file"])[1].astype(np.float64) / 32768
    offset = TIME_OFFSET_S.get(job["voice"], 0.0)
    return samples, [(find_viseme(n, job["engine"], job["language"]), a + offset, b + offset) for n, a, b in job["phones"]]


def make_stream(task: tuple) -> tuple[np.ndarray, np.ndarray]:
    folder, jobs, seed = task
    rng = np.random.default_rng(seed)
    x = np.zeros(STREAM_SAMPLES)
    if not jobs:
        for _ in range(rng.choice([0, 1, 1, 1, 2])):
            noise = make_noise(str(rng.choice(NOISES)), len(x), rng) * 10 ** (rng.uniform(-70, 0) / 20)
            if rng.random() < 0.5:
                a, b = sorted(rng.integers(0, len(x), 2))
                noise[a:b] = 0
            x += noise
        if not x.any():
            x += rng.standard_normal(len(x)) * 1e-5
        samples = record(x, rng.uniform(-70, -10), rng)
        return log_mel(samples), make_labels([], STREAM_FRAMES)
    high = any(name in jobs[0]["voice"] for name in FEMALE_OR_CHILD)
    factor = rng.uniform(0.84, 1.08) if high else rng.uniform(0.9, 1.12) if rng.random() < 0.5 else rng.uniform(1.0, 1.35)
    at = rng.uniform(0, 1.5) if rng.random() < 0.8 else 0.0
    visemes, gain = [], 1.0
    for job in jobs:
        samples, marks = load_utterance(folder, job)
        samples = change_pitch(samples, factor)
        if rng.random() < 0.15:  # somebody moves to or from the microphone
            gain = 10 ** (rng.uniform(-30, 6) / 20)
        elif rng.random() < 0.5:
            gain = 10 ** (rng.uniform(-6, 6) / 20)
        first = int(at * RATE_HZ)
        count = min(len(samples), STREAM_SAMPLES - first)
        if count <= 0:
            break
        ramp = min(80, count)
        samples[:ramp] *= np.linspace(0, 1, ramp)
        x[first : first + count] += samples[:count] * gain
        scale = round(factor * 100) / 100
        visemes += [(v, at + a / scale, at + b / scale) for v, a, b in marks]
        pause_s = rng.exponential(0.4) if rng.random() < 0.7 else rng.uniform(0, 2.5)
        at += len(samples) / RATE_HZ
        if pause_s > 0.25 and rng.random() < 0.5:  # breaths are nobody's words
            breath = make_breath(rng) * speech_rms(samples) * gain * 10 ** (-rng.uniform(14, 40) / 20)
            first = int((at + rng.uniform(0, max(0.0, pause_s - len(breath) / RATE_HZ))) * RATE_HZ)
            count = max(0, min(len(breath), int((at + pause_s) * RATE_HZ) - first, STREAM_SAMPLES - first))
            x[first : first + count] += breath[:count]
        at += pause_s
    if rng.random() < 0.85:
        x = colour(x, rng)
    x = add_noise(x, rng)
    warp = rng.uniform(0.88, 1.14) * max(1.0, factor / 1.2)  # formants rise less than pitch does
    return log_mel(record(x, rng.uniform(-34, 4), rng), warp), make_labels(visemes, STREAM_FRAMES)


def plan_streams(folder: Path, copies: int) -> list[tuple]:
    rng = np.random.default_rng(5)
    voices: dict[str, list[dict]] = {}
    for job in load_index(folder, "train"):
        voices.setdefault(job["voice"] if job["engine"] != "espeak" else job["voice"].partition("+")[2], []).append(job)
    tasks = []
    for _ in range(copies):
        for jobs in voices.values():
            order = rng.permutation(len(jobs))
            stream, seconds = [], 0.0
            for k in order:
                stream.append(jobs[k])
                seconds += jobs[k]["phones"][-1][2] + 0.6
                if seconds > 21:
                    tasks.append((folder, stream, int(rng.integers(1 << 62))))
                    stream, seconds = [], 0.0
            if stream:
                extra = [jobs[i] for i in rng.integers(0, len(jobs), 6)]
                tasks.append((folder, stream + extra, int(rng.integers(1 << 62))))
    tasks += [(folder, [], int(rng.integers(1 << 62))) for _ in range(int(len(tasks) * NOISE_ONLY_SHARE))]
    return tasks


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("speech", type=Path)
    parser.add_argument("cache", type=Path)
    parser.add_argument("--copies", type=int, default=2)
    args = parser.parse_args()
    tasks = plan_streams(args.speech, args.copies)
    x = np.empty((len(tasks), STREAM_FRAMES, 64), np.float16)
    y = np.empty((len(tasks), STREAM_FRAMES, 5), np.float16)
    with Pool() as pool:
        pending = []
        for k, (mels, labels) in enumerate(pool.imap(make_stream, tasks, chunksize=8)):
            y[k] = labels
            pending.append(mels)
            if len(pending) == 64 or k == len(tasks) - 1:
                x[k + 1 - len(pending) : k + 1] = normalise(np.stack(pending))
                pending = []
    np.savez(args.cache, x=x, y=y)
    print(f"{len(tasks)} streams, {len(tasks) * STREAM_FRAMES / 6000:.0f} minutes")


if __name__ == "__main__":
    main()
