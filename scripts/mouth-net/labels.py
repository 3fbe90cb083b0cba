"""Phonemes of every engine -> visemes, and visemes -> mouth curves sampled at the centre of each feature frame."""

import re

import numpy as np

from features import FRAME_CENTRE_S, HOP_S

VISEMES = ["sil", "PP", "FF", "TH", "DD", "kk", "CH", "SS", "nn", "RR", "aa", "E", "I", "O", "U"]
# The 12 groups the viseme score is counted in: tongue-only sounds look alike from outside and share one group.
GROUPS = np.array([0, 1, 2, 3, 3, 3, 4, 5, 3, 6, 7, 8, 9, 10, 11])
OPENNESS = dict(sil=0, PP=0, FF=0.12, TH=0.25, DD=0.25, kk=0.32, CH=0.25, SS=0.15, nn=0.25, RR=0.25, aa=1, E=0.6, I=0.35, O=0.7, U=0.28)
WIDTH = dict(sil=0, PP=0, FF=0, TH=0.1, DD=0.2, kk=0.1, CH=-0.55, SS=0.45, nn=0.2, RR=-0.4, aa=0.15, E=0.5, I=0.9, O=-0.7, U=-1)

# Seconds added to the engine's own phoneme times, measured with check_labels.py: the two residual-excited LPC diphone voices
# of festival tell their phonemes 10 ms early (p, b and m alike); all others are within one 10 ms frame.
TIME_OFFSET_S = {"kal_diphone": 0.01, "ked_diphone": 0.01}


def _table(text: str) -> dict[str, str]:
    return {phone: viseme for viseme, _, phones in (row.partition(":") for row in text.split(";")) for phone in phones.split()}


ENGLISH = _table(
    "sil:pau h# brth ssil;PP:p b m em;FF:f v;TH:th dh;DD:t d dx;kk:k g hh hv;CH:sh zh ch jh;SS:s z;nn:n ng l en el nx;RR:r er axr;"
    "U:w uh uw;I:y ih iy ix;E:ax eh;aa:ae ah aa;O:ao;aa>I:ay;aa>U:aw;E>I:ey;O>U:ow;O>I:oy"
)
ITALIAN = _table(
    "sil:#;PP:p b m;FF:f v nf;DD:t d;kk:k g;CH:S Z tS dZ;SS:s z ts dz;nn:n J ng l L;RR:r;U:w u u1;I:j i i1;E:e e1 E E1;aa:a a1;O:o o1 O O1"
)
CATALAN = _table(
    "sil:pau _ #;PP:p b m;FF:f;DD:t d;kk:k g;CH:S Z;SS:s z;nn:n J l L;RR:r rr;U:w u u1;I:j i i1;E:e e1 E E1 ax;aa:a a1;O:o o1 O O1"
)
FINNISH = _table(
    "sil:# ##;PP:p b m;FF:f v;TH:T D;DD:t d;kk:k g h;CH:S Z;SS:s z;nn:n N l L;RR:r;U:w u y;I:j i;E:e 7;aa:a @ &;O:o"
)
CZECH = _table(
    "sil:# pau;PP:p b m;FF:f v;DD:t d t~ d~;kk:k g h ch;CH:s~ z~ c~ dz~ r~ r~*;SS:s z c dz;nn:n n~ n* l;RR:r;U:u;I:i j;E:e;aa:a;O:o"
)
RUSSIAN = _table(
    "sil:pau;PP:p pp b bb m mm;FF:f ff v vv;DD:t tt d dd;kk:k kk g gg h hh;CH:sh sch zh ch;SS:s ss z zz c;nn:n nn l ll;RR:r rr;"
    "U:u uu ur;I:i ii y yy j;E:e ee ae ay;aa:a aa;O:oo"
)
IPA = [  # first match at the start of the phoneme wins
    ("tʃ|dʒ|ʃ|ʒ|ç|tɕ|dʑ|ɕ|ʑ", "CH"), ("ts|dz|s|z", "SS"), ("aɪ", "aa>I"), ("aʊ", "aa>U"), ("eʊ", "E>U"), ("eɪ|ɛɪ", "E>I"), ("oʊ|əʊ", "O>U"),
    ("ɔɪ|oɪ|ɔø", "O>I"), ("iə|ɪɹ", "I>E"), ("ɑːɹ", "aa>RR"), ("ɔːɹ|oːɹ|ʊɹ", "O>RR"), ("ɛɹ", "E>RR"), ("əl", "E>nn"), ("[pbm]", "PP"),
    ("[fvβʋ]", "FF"), ("[θð]", "TH"), ("[tdɾ]", "DD"), ("[kɡgxɣhʔ?]|ʝ", "kk"), ("[nŋlʎɲɫ]", "nn"), ("[rɹʁɚɜ]", "RR"), ("[wʍɥuʊʉyʏø]", "U"),
    ("[iɪjʲᵻ]", "I"), ("[eɛəɐ]", "E"), ("[oɔɒœ]", "O"), ("[aæɑʌ]", "aa"),
]
TABLES = {"en": ENGLISH, "it": ITALIAN, "ca": CATALAN, "fi": FINNISH, "cs": CZECH, "ru": RUSSIAN}


def find_viseme(phone: str, engine: str, language: str) -> str:
    """Viseme name, or two joined by '>' for a diphthong; raises KeyError for a phone no table knows."""
    if phone in ("pau", "_", "#", ""):
        return "sil"
    if engine != "espeak":
        name = phone.rstrip(":*") if language in ("fi", "cs") and phone not in ("r~*",) else phone
        return TABLES[language][name]
    name = phone.replace("ˈ", "").replace("ˌ", "")
    for pattern, viseme in IPA:
        if re.match(pattern, name):
            return viseme
    raise KeyError(f"espeak phoneme {phone!r}")


def smooth(curve: np.ndarray, sigma_frames: float) -> np.ndarray:
    reach = int(3 * sigma_frames)
    kernel = np.exp(-0.5 * (np.arange(-reach, reach + 1) / sigma_frames) ** 2)
    return np.convolve(np.pad(curve, reach, mode="edge"), kernel / kernel.sum(), "valid")


def make_labels(visemes: list[tuple[str, float, float]], frames: int) -> np.ndarray:
    """(viseme, start s, end s) list -> [frames, 5]: class index, openness 0..1, width -1..1, closure 0..1, speech 0/1.

    Openness: target of each viseme under a Gaussian of 40 ms, pressed to 0 at p/b/m, so the curve is what a mouth would do.
    """
    kind = np.zeros(frames, np.int64)
    openness, width, closed = np.zeros(frames), np.zeros(frames), np.zeros(frames)
    for name, start_s, end_s in visemes:
        parts = name.split(">")
        for k, part in enumerate(parts):
            a = start_s + (end_s - start_s) * k / len(parts)
            b = start_s + (end_s - start_s) * (k + 1) / len(parts)
            i = min(frames, max(0, round((a - FRAME_CENTRE_S) / HOP_S)))
            j = min(frames, max(i, round((b - FRAME_CENTRE_S) / HOP_S)))
            kind[i:j] = VISEMES.index(part)
            openness[i:j], width[i:j], closed[i:j] = OPENNESS[part], WIDTH[part], part == "PP"
    closure = smooth(closed, 2)
    openness = smooth(openness, 4) * (1 - np.clip(closure * 1.2, 0, 1))
    return np.stack([kind, openness, smooth(width, 5), closure, kind != 0], 1).astype(np.float32)
