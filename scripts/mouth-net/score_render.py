"""Scores the whole product: speech with known phonemes goes through `musecam render`, the frames come back and are compared.

usage: score_render.py make FOLDER
         a minute of the held-out voice flite slt, sentences of its own, pauses between; also with pink noise and a fan
         20 dB below the speech: FOLDER/{quiet,pink,fan}.wav and FOLDER/truth.json
       score_render.py score FOLDER FRAMES.json ...
         what `musecam render --audio FOLDER/quiet.wav --out x.mp4 --frames-json FRAMES.json` wrote, against the truth
"""

import json
import sys
from pathlib import Path

import numpy as np

from augment import make_noise, speech_rms
from dataset import load_utterance
from evaluate import find_runs
from features import FRAME_CENTRE_S, HOP_S, RATE_HZ
from labels import VISEMES, make_labels
from speak import speak_flite, write_16k

FRAME_S = 0.04
SNR_DB = 20.0
PAUSES_S = [0.6, 1.2, 0.9, 1.5, 0.7]  # one after another, again and again
SHUT = 0.5  # closure from which the lips meet
MOST_LAG_S = 0.2
CLOSE_BY_S = 0.04  # a closure shown this close to a true one has found it: one picture
BEFORE_S, AFTER_S = 0.05, 0.05  # a pause begins and ends this far from labelled speech
FADED_S = 0.25  # five frames of fading out, and the detector's own tail

# Written for this test; in no template and not among the sentences the training was judged by.
SENTENCES = """Welcome back, everyone, and thank you for making time today.
My grandmother baked plum cakes whenever the apples were poor.
Maybe we should move the big meeting to Wednesday.
He whispered something about a missing purple umbrella.
Turn left at the pharmacy and keep walking past the pond.
Could you please mute yourself while Bob is speaking?
The pump broke, but Emma mended it before supper.
Nothing beats a warm bath after a march through the rain.
Our numbers improved, mostly because people stopped complaining.
A small crab hid beneath the wooden steps.
I would rather sleep than argue about paperwork.
They jumped over the bushes and vanished into the fog.
Which of these five photographs do you prefer?
Bring me the map, the compass and my old boots.
The lamp flickered twice, and then the whole room was black.
Perhaps tomorrow will be a better time to begin.
So thanks again, goodbye, and see you all on Monday.""".splitlines()


def make(folder: Path) -> None:
    """Speaks the sentences and writes the three sounds and the truth: [viseme, start s, end s] in order."""
    folder.mkdir(parents=True, exist_ok=True)
    pieces, visemes, at = [np.zeros(int(PAUSES_S[0] * RATE_HZ))], [], PAUSES_S[0]
    for number, text in enumerate(SENTENCES):
        job = dict(file="sentence.wav", engine="flite", voice="slt", language="en", text=text, settings={})
        job["phones"] = speak_flite(job, folder)
        samples, marks = load_utterance(folder, job)
        pause = np.zeros(int(PAUSES_S[(number + 1) % len(PAUSES_S)] * RATE_HZ))
        visemes += [(viseme, at + start, at + end) for viseme, start, end in marks]
        pieces += [samples, pause]
        at += (len(samples) + len(pause)) / RATE_HZ
    (folder / "sentence.wav").unlink()
    clean, rng = np.concatenate(pieces), np.random.default_rng(7)
    clean *= 0.7 / np.abs(clean).max()
    for kind in ("quiet", "pink", "fan"):
        noise = 0 if kind == "quiet" else make_noise(kind, len(clean), rng) * speech_rms(clean[clean != 0]) * 10 ** (-SNR_DB / 20)
        write_16k(folder / f"{kind}.wav", RATE_HZ, (clean + noise) * 32767)
    (folder / "truth.json").write_text(json.dumps(visemes))
    print(f"{len(SENTENCES)} sentences, {len(clean) / RATE_HZ:.1f} s")


def curve_at(labels: np.ndarray, column: int, frames: int, later_s: float) -> np.ndarray:
    """A labelled curve as pictures would show it, `later_s` late: its mean over each picture's 40 ms."""
    fine_s = (np.arange(frames * 8) + 0.5) * FRAME_S / 8 - later_s
    times_s = np.arange(len(labels)) * HOP_S + FRAME_CENTRE_S
    return np.interp(fine_s, times_s, labels[:, column]).reshape(frames, 8).mean(1)


def score_openness(labels: np.ndarray, shown: np.ndarray) -> dict:
    """Correlation with the true openness, in place and at the delay (in steps of 10 ms) where it is best."""
    lags_s = np.arange(-round(MOST_LAG_S * 100), round(MOST_LAG_S * 100) + 1) / 100
    r = [float(np.corrcoef(curve_at(labels, 1, len(shown), lag_s), shown)[0, 1]) for lag_s in lags_s]
    best = int(np.argmax(r))
    truth = curve_at(labels, 1, len(shown), 0)
    gain = float(shown[truth > 0.1].mean() / truth[truth > 0.1].mean())
    return dict(r_lag_0=r[len(r) // 2], r_best=r[best], best_lag_ms=round(lags_s[best] * 1000), openness_shown_over_true=gain)


def score_closures(labels: np.ndarray, shown: np.ndarray, openness: np.ndarray) -> dict:
    """True p, b, m (runs of the class) against runs of pictures with the lips shut, one to one, at most 40 ms apart."""
    truth = [(a * HOP_S + FRAME_CENTRE_S - HOP_S / 2, b * HOP_S + FRAME_CENTRE_S - HOP_S / 2) for a, b in find_runs(labels[:, 0] == VISEMES.index("PP"))]
    dips = [(a * FRAME_S, b * FRAME_S) for a, b in find_runs(shown > SHUT)]
    free, found, touching = list(dips), 0, 0
    for start, end in truth:
        touching += any(a < end and start < b for a, b in dips)
        for dip in free:
            if dip[0] < end + CLOSE_BY_S and start < dip[1] + CLOSE_BY_S:
                free.remove(dip)
                found += 1
                break
    speech, true_shut = curve_at(labels, 4, len(shown), 0) > 0.5, curve_at(labels, 3, len(shown), 0) > SHUT
    least = [float(openness[int(a / FRAME_S) : int(np.ceil(b / FRAME_S))].min()) for a, b in truth]
    return dict(
        closures=len(truth), closures_found=found / len(truth), closures_in_place=touching / len(truth), closures_shown=len(dips),
        closures_right=found / max(1, len(dips)), openness_in_closures=float(np.mean(least)),
        shut_share_of_speech=float((shown > SHUT)[speech].mean()), shut_share_true=float(true_shut[speech].mean()),
    )


def score_pauses(labels: np.ndarray, frames: list[dict]) -> dict:
    """Pictures in pauses: mouth exactly at rest, nobody said to speak. "All": 50 ms from speech; "faded": also after the fade."""
    times_s = np.arange(len(labels)) * HOP_S + FRAME_CENTRE_S
    speech_s = times_s[labels[:, 4] > 0]

    def in_pause(index: int, after_s: float) -> bool:
        start, end = index * FRAME_S, (index + 1) * FRAME_S
        return not np.any((speech_s > start - after_s) & (speech_s < end + BEFORE_S))

    row = {}
    for name, after_s in (("all", AFTER_S), ("faded", FADED_S)):
        pause = [f for f in frames if in_pause(f["index"], after_s)]
        row |= {
            f"pause_frames_{name}": len(pause),
            f"at_rest_{name}": float(np.mean([f["openness"] == 0 and f["closure"] == 0 and f["width"] == 0 for f in pause])),
            f"not_speaking_{name}": float(np.mean([not f["speaking"] for f in pause])),
        }
        if name == "faded":
            row["not_at_rest_frames"] = [f["index"] for f in pause if f["openness"] != 0 or f["closure"] != 0 or f["speaking"]]
    return row


def score_onsets(labels: np.ndarray, frames: list[dict]) -> dict:
    """Words after 300 ms of pause: how much of them passes before a picture says "speaking"; a picture counts from its start."""
    speaking = np.array([f["speaking"] for f in frames])
    late_s, missed, quiet = [], 0, 0
    for a, b in find_runs(labels[:, 4] > 0):
        if a - quiet >= 30:
            onset_s = a * HOP_S + FRAME_CENTRE_S - HOP_S / 2
            first = int(onset_s / FRAME_S)
            later = np.flatnonzero(speaking[max(0, first - 2) : first + 10])
            if len(later):
                late_s.append(max(0.0, (max(0, first - 2) + later[0]) * FRAME_S - onset_s))
            else:
                missed += 1
        quiet = b
    late_ms = np.array(late_s) * 1000
    return dict(starts=len(late_ms) + missed, lost_ms_mean=float(late_ms.mean()), lost_ms_median=float(np.median(late_ms)), lost_ms_p90=float(np.percentile(late_ms, 90)), lost_ms_max=float(late_ms.max()), starts_missed=missed)


def score(folder: Path, frames_path: Path) -> dict:
    frames = json.loads(frames_path.read_text())
    visemes = json.loads((folder / "truth.json").read_text())
    labels = make_labels(visemes, round(len(frames) * FRAME_S / HOP_S))
    openness, closure = (np.array([f[key] for f in frames]) for key in ("openness", "closure"))
    row = score_openness(labels, openness) | score_closures(labels, closure, openness) | score_pauses(labels, frames) | score_onsets(labels, frames)
    return {key: round(value, 3) if isinstance(value, float) else value for key, value in row.items()}


if __name__ == "__main__":
    if sys.argv[1] == "make":
        make(Path(sys.argv[2]))
    else:
        for path in map(Path, sys.argv[3:]):
            print(path.name, json.dumps(score(Path(sys.argv[2]), path), indent=1))
