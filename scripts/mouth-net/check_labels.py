"""Measures how the engines' phoneme times sit against their sound.

usage: check_labels.py SPEECH_FOLDER
For p and b between vowels the sound is weakest inside the closure; for m the high bands fall at its start and rise at its end.
Prints per voice the mean time from the label's start to the steepest fall, and from its end to the steepest rise.
"""

import json
import sys
from collections import defaultdict
from pathlib import Path

import numpy as np
from scipy.io import wavfile

from features import FFT, RATE_HZ
from labels import find_viseme

FINE_HOP, FINE_WINDOW = 32, 160  # 2 ms, 10 ms


def main() -> None:
    folder = Path(sys.argv[1])
    found = defaultdict(lambda: defaultdict(list))
    for line in open(folder / "index.jsonl"):
        job = json.loads(line)
        x = wavfile.read(folder / job["file"])[1] / 32768
        spectrum = np.abs(np.fft.rfft(np.lib.stride_tricks.sliding_window_view(np.pad(x, FINE_WINDOW // 2), FINE_WINDOW)[::FINE_HOP] * np.hanning(FINE_WINDOW), FFT)) ** 2
        level = np.log(spectrum[:, 500 * FFT // RATE_HZ : 4000 * FFT // RATE_HZ].sum(1) + 1e-6)
        slope = np.convolve(level, [1, 1, 1, 0, -1, -1, -1], "same")
        voice = job["engine"] + (":" + job["voice"] if job["engine"] != "espeak" else "")
        names = [p[0] for p in job["phones"]]
        kinds = [find_viseme(n, job["engine"], job["language"]).split(">")[-1] for n in names]
        open_kinds = ("aa", "E", "I", "O", "U")
        for k in range(1, len(names) - 1):
            if kinds[k] != "PP" or kinds[k - 1] not in open_kinds or kinds[k + 1] not in open_kinds:
                continue
            _, start, end = job["phones"][k]
            stop = "m" if names[k].startswith("m") else "pb"
            at = lambda s: int(round(s * RATE_HZ / FINE_HOP))
            lo, hi = max(0, at(start - 0.05)), at(start + 0.05)
            if hi < len(slope) and at(end + 0.05) < len(slope):
                found[voice, stop]["fall"].append((lo + np.argmin(slope[lo:hi])) * FINE_HOP / RATE_HZ - start)
                lo = max(at(start + 0.01), at(end - 0.06))
                found[voice, stop]["rise"].append((lo + np.argmax(slope[lo : at(end + 0.05)])) * FINE_HOP / RATE_HZ - end)
                found[voice, stop]["length"].append(end - start)
    for (voice, stop), m in sorted(found.items()):
        print(f"{voice:32s} {stop:3s} n={len(m['fall']):4d} fall-start {1000 * np.median(m['fall']):+6.1f} ms  rise-end {1000 * np.median(m['rise']):+6.1f} ms  label {1000 * np.median(m['length']):5.1f} ms")


if __name__ == "__main__":
    main()
