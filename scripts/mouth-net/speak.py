"""Makes the speech: flite, festival and espeak-ng speak our own sentences and tell when each phoneme sounds.

usage: speak.py OUT_FOLDER [--scale 1.0]
writes OUT_FOLDER/*.wav (16 kHz mono s16) and OUT_FOLDER/index.jsonl, one line per utterance:
  {file, split, engine, voice, language, text, phones: [[name, start_s, end_s], ...]}
"""

import argparse
import json
import os
import random
import re
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from math import gcd
from pathlib import Path

import numpy as np
from scipy.io import wavfile
from scipy.signal import resample_poly

from sentences import HELD_OUT, write_sentence

HERE = Path(__file__).parent
RATE_HZ = 16000
# voice -> utterances. flite slt, festival ked_diphone (and every voice of the same people) stay out of training.
FLITE = {"awb": 520, "rms": 560, "kal16": 260}
FESTIVAL = {  # voice function -> (language, utterances)
    "kal_diphone": ("en", 420), "lp_diphone": ("it", 260), "pc_diphone": ("it", 180), "czech_dita": ("cs", 220), "czech_krb": ("cs", 140),
    "czech_machac": ("cs", 140), "czech_ph": ("cs", 140), "suo_fi_lj_diphone": ("fi", 220), "hy_fi_mv_diphone": ("fi", 140),
    "upc_ca_ona_hts": ("ca", 280), "msu_ru_nsh_clunits": ("ru", 260),
}
ESPEAK_UTTERANCES = 900
ESPEAK_LANGUAGES = {"en-us": "en", "en": "en", "en-gb-x-rp": "en", "en-gb-scotland": "en", "de": "de", "es": "es", "it": "it", "fr": "fr"}
ESPEAK_VARIANTS = "m1 m2 m3 m4 m5 m6 m7 m8 f1 f2 f4 f5 klatt klatt2 klatt3 Alex Alicia Andrea Annie Diogo Gene Jacky Lee Marco Mario Michael adam anika antonio aunty belinda benjamin boris caleb david ed grandma gustave john linda marcelo max michel miguel norbert pablo paul quincy rob robert sandro shelby steph travis victor zac".split()
HELD_OUT_VOICES = [("flite", "slt"), ("festival", "ked_diphone"), ("espeak", "en-us+f3")]


def write_16k(path: Path, rate_hz: int, samples: np.ndarray) -> None:
    if rate_hz != RATE_HZ:
        g = gcd(rate_hz, RATE_HZ)
        samples = np.clip(resample_poly(samples.astype(np.float64), RATE_HZ // g, rate_hz // g), -32768, 32767)
    wavfile.write(path, RATE_HZ, samples.astype(np.int16))


def speak_flite(job: dict, out: Path) -> list:
    wav = out / job["file"]
    options = [o for key, value in job["settings"].items() for o in ("--setf", f"{key}={value:.3f}")]
    run = subprocess.run(["flite", "-voice", job["voice"], *options, "-psdur", "-t", job["text"], "-o", str(wav)], capture_output=True, text=True, check=True)
    write_16k(wav, *wavfile.read(wav))
    phones, start = [], 0.0
    for name, end in re.findall(r"(\S+):([\d.]+)", run.stdout):
        phones.append([name, start, float(end)])
        start = float(end)
    return phones


FESTIVAL_SCRIPT = """
(define (speak text base)
  (set! u (eval (list 'Utterance 'Text text))) (utt.synth u)
  (utt.save.segs u (string-append base ".segs")) (utt.save.wave u (string-append base ".raw.wav") 'riff))
(voice_%s)
(define (pitch mean std)
  (if (boundp 'int_lr_params) (set! int_lr_params (list (list 'target_f0_mean mean) (list 'target_f0_std std) '(model_f0_mean 170) '(model_f0_std 34)))))
"""


def speak_festival(jobs: list[dict], out: Path) -> None:
    """All jobs of one voice in one festival process."""
    script = FESTIVAL_SCRIPT % jobs[0]["voice"]
    for job in jobs:
        s, text = job["settings"], job["text"].replace('"', "")
        if "stretch" in s:
            script += f"(Parameter.set 'Duration_Stretch {s['stretch']:.3f})\n"
        if "pitch_hz" in s:
            script += f"(pitch {s['pitch_hz']:.1f} {s['pitch_hz'] * s['range']:.1f})\n"
        script += f'(unwind-protect (speak "{text}" "{out / job["file"][:-4]}") (print "failed"))\n'
    scm = out / f"{jobs[0]['voice']}.scm"
    scm.write_text(script, encoding="iso-8859-2" if jobs[0]["language"] == "cs" else "iso-8859-15" if jobs[0]["language"] in ("fi", "it", "ca") else "utf-8", errors="replace")
    subprocess.run(["festival", "-b", str(scm)], capture_output=True)
    scm.unlink()
    for job in jobs:
        base = out / job["file"][:-4]
        raw, segs = Path(f"{base}.raw.wav"), Path(f"{base}.segs")
        if not raw.exists() or not segs.exists():
            continue
        write_16k(out / job["file"], *wavfile.read(raw))
        phones, start = [], 0.0
        for line in segs.read_text(errors="replace").splitlines():
            fields = line.split()
            if len(fields) == 3:
                phones.append([fields[2], start, float(fields[0])])
                start = float(fields[0])
        raw.unlink()
        segs.unlink()
        job["phones"] = phones


def speak_espeak(jobs: list[dict], out: Path, helper: Path) -> None:
    lines = "".join(f"{out / j['file'][:-4]}\t{j['voice']}\t{j['settings']['rate']}\t{j['settings']['pitch']}\t{j['text']}\n" for j in jobs)
    run = subprocess.run([str(helper)], input=lines, capture_output=True, text=True, check=True)
    sys.stderr.write(run.stderr)
    for job in jobs:
        pcm, events = out / (job["file"][:-4] + ".pcm"), out / (job["file"][:-4] + ".ph")
        if not pcm.exists():
            continue
        rows = [line.split("\t") for line in events.read_text().splitlines()]
        samples = np.fromfile(pcm, np.int16)
        write_16k(out / job["file"], int(rows[0][1]), samples)
        marks = [(int(ms) / 1000, name) for ms, name in rows[1:] if not name.startswith("(")]  # "(de)" = language switch
        ends = [at for at, _ in marks[1:]] + [len(samples) / int(rows[0][1])]
        phones = [["pau", 0.0, marks[0][0]]] if marks else []
        job["phones"] = phones + [[name or "pau", at, end] for (at, name), end in zip(marks, ends)]
        pcm.unlink()
        events.unlink()


def plan_jobs(scale: float) -> list[dict]:
    rng = random.Random(20)
    jobs = []

    def add(split, engine, voice, language, text, settings):
        jobs.append(dict(file=f"{split}-{engine}-{voice.replace('+', '_')}-{len(jobs)}.wav", split=split, engine=engine, voice=voice, language=language, text=text, settings=settings))

    for voice, count in FLITE.items():
        for _ in range(round(count * scale)):
            settings = {"duration_stretch": rng.choice([0.8, 0.9, 1, 1, 1.1, 1.25, 1.4])}
            if voice == "awb":  # the other flite voices have their pitch fixed, or take a target
                settings["f0_shift"] = rng.choice([0.85, 1, 1, 1.2, 1.5, 1.8])
            if voice == "kal16":
                settings["int_f0_target_mean"] = rng.choice([85, 100, 120, 160, 200])
            add("train", "flite", voice, "en", write_sentence("en", rng), settings)
    for voice, (language, count) in FESTIVAL.items():
        for _ in range(round(count * scale)):
            settings = {}
            if language != "ca":
                settings["stretch"] = rng.choice([0.85, 1, 1.1, 1.2, 1.35])
            if voice == "kal_diphone":
                settings.update(pitch_hz=rng.choice([85, 105, 105, 130, 170, 210]), range=rng.choice([0.08, 0.13, 0.2]))
            add("train", "festival", voice, language, write_sentence(language, rng), settings)
    for _ in range(round(ESPEAK_UTTERANCES * scale)):
        accent = rng.choice(["en-us", "en-us", *ESPEAK_LANGUAGES])
        add("train", "espeak", f"{accent}+{rng.choice(ESPEAK_VARIANTS)}", ESPEAK_LANGUAGES[accent], write_sentence(ESPEAK_LANGUAGES[accent], rng),
            {"rate": rng.randint(120, 220), "pitch": rng.randint(20, 80)})
    for engine, voice in HELD_OUT_VOICES:
        for text in HELD_OUT:
            add("test", engine, voice, "en", text, {"rate": 170, "pitch": 50} if engine == "espeak" else {})
    return jobs


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("out", type=Path)
    parser.add_argument("--scale", type=float, default=1.0, help="share of the training utterances to make")
    args = parser.parse_args()
    args.out.mkdir(parents=True, exist_ok=True)
    helper = args.out / "espeak_phonemes"
    subprocess.run(["gcc", "-O2", str(HERE / "espeak_phonemes.c"), "-o", str(helper), "-lespeak-ng"], check=True)
    jobs = plan_jobs(args.scale)
    groups: dict[str, list[dict]] = {}
    for job in jobs:
        key = {"festival": job["voice"], "espeak": "espeak", "flite": job["file"]}[job["engine"]]  # one process each
        groups.setdefault(key, []).append(job)

    def run(group: list[dict]) -> None:
        if group[0]["engine"] == "festival":
            speak_festival(group, args.out)
        elif group[0]["engine"] == "espeak":
            speak_espeak(group, args.out, helper)
        else:
            group[0]["phones"] = speak_flite(group[0], args.out)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(run, sorted(groups.values(), key=len, reverse=True)))
    done = [job for job in jobs if job.get("phones")]
    with open(args.out / "index.jsonl", "w") as index:
        index.writelines(json.dumps(job, ensure_ascii=False) + "\n" for job in done)
    print(f"{len(done)} of {len(jobs)} utterances")


if __name__ == "__main__":
    main()
