"""Scores a model on the voices held out of training: mouth shapes, and the speech detector in six kinds of room noise.

usage: evaluate.py SPEECH_FOLDER MODEL.pt
"""

import json
import sys
from pathlib import Path

import numpy as np
import torch

from augment import TEST_NOISES, make_noise, speech_rms
from dataset import load_index, load_utterance
from features import HOP, RATE_HZ, WINDOW, log_mel, normalise
from labels import GROUPS, VISEMES, make_labels
from model import MouthNet, run_whole

TOLERANCE = 4  # frames = 40 ms
CLOSED = 0.5
SPEAKING = 0.5


def make_test_stream(folder: Path, voice: str, gap_s: float) -> tuple[np.ndarray, np.ndarray]:
    """All held-out sentences of a voice one after another, `gap_s` of silence before, between and after; samples and labels."""
    pieces, visemes, at = [np.zeros(int(gap_s * RATE_HZ))], [], gap_s
    for job in load_index(folder, "test"):
        if job["voice"] != voice:
            continue
        samples, marks = load_utterance(folder, job)
        pieces += [samples, np.zeros(int(gap_s * RATE_HZ))]
        visemes += [(v, at + a, at + b) for v, a, b in marks]
        at += len(samples) / RATE_HZ + gap_s
    x = np.concatenate(pieces)
    return x, make_labels(visemes, (len(x) - WINDOW) // HOP + 1)


def test_voices(folder: Path) -> list[str]:
    return sorted({job["voice"] for job in load_index(folder, "test")})


def find_runs(on: np.ndarray) -> list[tuple[int, int]]:
    """[start, end) of every run of True."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], on.astype(np.int8), [0]])))
    return list(zip(edges[::2], edges[1::2]))


def match_closures(predicted: np.ndarray, kinds: np.ndarray) -> tuple[float, float]:
    """Event recall and precision. True events: runs of PP. Found ones: runs of closure > 0.5, placed at their peak.

    They match one to one, where the peak lies within 40 ms of the true run.
    """
    truth = find_runs(kinds == 1)
    peaks = [a + int(np.argmax(predicted[a:b])) for a, b in find_runs(predicted > CLOSED)]
    free, hits = list(peaks), 0
    for a, b in truth:
        for peak in free:
            if a - TOLERANCE <= peak < b + TOLERANCE:
                free.remove(peak)
                hits += 1
                break
    return hits / max(1, len(truth)), hits / max(1, len(peaks))


def score_stream(net: MouthNet, samples: np.ndarray, labels: np.ndarray) -> dict:
    out = run_whole(net, torch.from_numpy(normalise(log_mel(samples.astype(np.float32))[None])[0])).numpy()
    kinds, said = labels[:, 0].astype(int), out[:, :15].argmax(1)
    speech = kinds != 0
    correlate = lambda a, b: float(np.corrcoef(a, b)[0, 1])
    recall, precision = match_closures(out[:, 17], kinds)
    pp, said_pp = kinds == VISEMES.index("PP"), said == VISEMES.index("PP")
    row = dict(
        r_open=correlate(out[:, 15], labels[:, 1]), r_width=correlate(out[:, 16], labels[:, 2]), acc12=float((GROUPS[said] == GROUPS[kinds])[speech].mean()),
        pp_recall=float(said_pp[pp].mean()), pp_precision=float(pp[said_pp].mean()), event_recall=recall, event_precision=precision,
        vad=float(((out[:, 18] > SPEAKING) == speech).mean()),
    )
    return {k: round(v, 3) for k, v in row.items()}


def score_shapes(net: MouthNet, folder: Path, condition: str = "quiet") -> dict:
    """Per held-out voice, 0.4 s between sentences. Conditions: "quiet", white noise of 1e-4 as the prototype was scored;
    a noise kind, at 20 dB SNR; "jumps", every other 8 s are 30 dB quieter."""
    table = {}
    for voice in test_voices(folder):
        samples, labels = make_test_stream(folder, voice, 0.4)
        rng = np.random.default_rng(1)
        if condition == "jumps":
            samples = samples * np.where(np.arange(len(samples)) // (8 * RATE_HZ) % 2, 10 ** (-30 / 20), 1.0)
        if condition in TEST_NOISES:
            samples = samples + make_noise(condition, len(samples), rng) * speech_rms(samples) / 10
        table[voice] = score_stream(net, samples + (1e-5 if condition == "jumps" else 1e-4) * rng.standard_normal(len(samples)), labels)
    return table


def score_detector(net: MouthNet, folder: Path, snr_db: float) -> dict:
    """Per noise kind, over all held-out voices with 1.2 s pauses: frame F1, false speech and open mouth in pauses, onsets."""
    table = {}
    for kind in [*TEST_NOISES, "none"]:
        hits = said_all = speech_all = false = pause_all = open_in_pause = 0
        late, missed = [], 0
        for number, voice in enumerate(test_voices(folder)):
            samples, labels = make_test_stream(folder, voice, 1.2)
            rng = np.random.default_rng(100 + number)
            noise = make_noise(kind, len(samples), rng) * speech_rms(samples[samples != 0]) * 10 ** (-snr_db / 20) if kind != "none" else 0
            out = run_whole(net, torch.from_numpy(normalise(log_mel((samples + noise).astype(np.float32))[None])[0])).numpy()
            speech, said = labels[:, 4] > 0, out[:, 18] > SPEAKING
            hits, said_all, speech_all = hits + (speech & said).sum(), said_all + said.sum(), speech_all + speech.sum()
            far = np.convolve(speech, np.ones(11), "same") == 0  # pauses, 50 ms away from speech
            false, pause_all = false + (said & far).sum(), pause_all + far.sum()
            open_in_pause += (far & (out[:, 15] > 0.02)).sum()
            quiet = 0
            for a, b in find_runs(speech):
                if a - quiet >= 30:  # a word after at least 300 ms of pause
                    on = np.flatnonzero(said[max(0, a - 5) : a + 50])
                    if len(on):
                        late.append((max(0, a - 5) + on[0] - a) * 10)
                    else:
                        missed += 1
                quiet = b
        precision, recall = hits / max(1, said_all), hits / speech_all
        table[kind] = dict(
            f1=round(float(2 * precision * recall / (precision + recall)), 3), false_in_pauses=round(float(false / pause_all), 4), open_in_pauses=round(float(open_in_pause / pause_all), 4),
            onset_ms_median=float(np.median(late)), onset_ms_p90=float(np.percentile(late, 90)), lost_ms_mean=round(float(np.maximum(late, 0).mean()), 1), missed=missed, onsets=len(late) + missed,
        )
    return table


def score_noise_only(net: MouthNet, dbfs: float) -> dict:
    """Share of frames in which the mouth moves when noise is all there is, six times 20 s from a cold start, per kind."""
    table = {}
    for kind in TEST_NOISES:
        moving = []
        for seed in range(300, 306):
            noise = make_noise(kind, 20 * RATE_HZ, np.random.default_rng(seed)) * 10 ** (dbfs / 20)
            out = run_whole(net, torch.from_numpy(normalise(log_mel(noise.astype(np.float32))[None])[0])).numpy()
            moving.append((out[:, 15] > 0).mean())
        table[kind] = round(float(np.mean(moving)), 4)
    return table


def load_model(path: Path) -> MouthNet:
    """The trained network with its weights rounded to half precision, as the program will hold them."""
    saved = torch.load(path)
    net = MouthNet(**saved["shape"])
    net.load_state_dict({name: value.half().float() for name, value in saved["weights"].items()})
    return net


if __name__ == "__main__":
    model = load_model(Path(sys.argv[2]))
    for condition in ("quiet", "pink", "fan", "jumps"):
        for name, scores in score_shapes(model, Path(sys.argv[1]), condition).items():
            print(f"{condition:6s} {name:12s}", json.dumps(scores))
    for snr_db in (20.0, 10.0):
        print(f"speech detector at {snr_db:.0f} dB")
        for name, scores in score_detector(model, Path(sys.argv[1]), snr_db).items():
            print(f"  {name:9s}", json.dumps(scores))
    for dbfs in (-65.0, -50.0, -35.0):
        print(f"mouth moves in noise alone at {dbfs:.0f} dBFS", json.dumps(score_noise_only(model, dbfs)))
