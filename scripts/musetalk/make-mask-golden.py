"""Golden values for test/media and test/plugins/musetalk: Pillow, OpenCV and MuseTalk's own blending code.

Inputs are drawn by formula (below; test/plugins/musetalk/drawn-inputs.ts has the same), so that only a hash and some
samples of each output are kept. The parser's network is replaced by one that says the drawn classes.
Run: pip install torch==2.13.0 numpy==1.26.4 opencv-python-headless==4.9.0.80 pillow;
python scripts/musetalk/make-mask-golden.py --musetalk DIR
"""

import argparse
import hashlib
import json
import pathlib
import sys
import types

import cv2
import numpy as np
import torch
from PIL import Image
from seeded import seeded_values

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parents[1] / "test" / "plugins" / "musetalk" / "golden"
SAMPLES = 24
FRAME = (480, 360)
# x, y, width, height in frame pixels. Most squares round them reach out of the frame; that of "same" is 512 pixels wide.
BOXES = {
    "inside": (150, 90, 160, 180),
    "odd": (3, 5, 151, 201),
    "corner": (300, 100, 180, 260),
    "large": (40, 0, 400, 360),
    "same": (60, 10, 256, 342),
    "small": (470, 350, 10, 10),
}


def seeded_bytes(name: str, shape) -> np.ndarray:
    return np.minimum(255, np.floor((seeded_values(name, shape).astype(np.float64) + 1) * 128)).astype(np.uint8)


def drawn_classes(name: str) -> np.ndarray:
    """A face of ellipses at 512x512, with specks: skin 1, nose 10, mouth 11 to 13, neck 14, hair 17."""
    y, x = np.mgrid[0:512, 0:512].astype(np.int64)

    def inside(cx, cy, rx, ry):
        return (x - cx) ** 2 * ry * ry + (y - cy) ** 2 * rx * rx <= rx * rx * ry * ry

    classes = np.zeros((512, 512), dtype=np.int64)
    classes[inside(256, 200, 190, 190)] = 17
    classes[(np.abs(x - 250) < 90) & (y > 380)] = 14
    classes[inside(250, 280, 150, 190)] = 1
    classes[inside(252, 300, 34, 52)] = 10
    classes[inside(250, 392, 62, 30)] = 12
    classes[inside(250, 396, 50, 18)] = 11
    classes[inside(250, 412, 46, 14)] = 13
    noise = seeded_bytes(f"{name}.speck", (512, 512)).astype(np.int64)
    kind = seeded_bytes(f"{name}.kind", (512, 512)).astype(np.int64) % 19
    return np.where(noise > 252, kind, classes)


def describe(array: np.ndarray) -> dict:
    """A hash of all bytes, and samples that say how far off something is."""
    flat = np.ascontiguousarray(array).reshape(-1)
    places = (np.arange(SAMPLES, dtype=np.int64) * 2 + 1) * flat.size // (SAMPLES * 2)
    return {
        "sha256": hashlib.sha256(flat.tobytes()).hexdigest(),
        "sum": float(flat.astype(np.float64).sum()),
        "samples": [float(value) for value in flat[places]],
    }


class ToTensor:
    """torchvision's, for RGB pictures of bytes."""

    def __call__(self, picture):
        return torch.from_numpy(np.array(picture).transpose(2, 0, 1).copy()).to(torch.float32).div(255)


class Normalize:
    def __init__(self, mean, std):
        self.mean = torch.tensor(mean, dtype=torch.float32).view(-1, 1, 1)
        self.std = torch.tensor(std, dtype=torch.float32).view(-1, 1, 1)

    def __call__(self, tensor):
        return tensor.clone().sub_(self.mean).div_(self.std)


class Compose:
    def __init__(self, steps):
        self.steps = steps

    def __call__(self, value):
        for step in self.steps:
            value = step(value)
        return value


def load_upstream(musetalk: pathlib.Path):
    """Upstream's FaceParsing and blending, with torchvision's three transforms stood in for."""
    transforms = types.ModuleType("torchvision.transforms")
    transforms.Compose, transforms.ToTensor, transforms.Normalize = Compose, ToTensor, Normalize
    torchvision = types.ModuleType("torchvision")
    torchvision.transforms = transforms
    sys.modules["torchvision"] = torchvision
    sys.modules["torchvision.transforms"] = transforms
    sys.path.insert(0, str(musetalk))
    from musetalk.utils import blending
    from musetalk.utils.face_parsing import FaceParsing

    return blending, FaceParsing


def make_parser(FaceParsing, name: str, seen: list):
    """Upstream's parser whose network sees what it is given and says the drawn classes."""
    logits = torch.nn.functional.one_hot(torch.from_numpy(drawn_classes(name)), 19).permute(2, 0, 1).unsqueeze(0).float()

    def network(picture):
        seen.append(picture.squeeze(0).numpy())
        return (logits,)

    FaceParsing.model_init = lambda self: network
    return FaceParsing(left_cheek_width=90, right_cheek_width=90)


def make_masks(musetalk: pathlib.Path) -> dict:
    blending, FaceParsing = load_upstream(musetalk)
    width, height = FRAME
    frame = np.ascontiguousarray(seeded_bytes("frame", (height, width, 3))[:, :, ::-1])
    made = {"crops": {}, "masks": {}, "pasted": {}}
    for name, (x, y, w, h) in BOXES.items():
        box = (x, y, x + w, y + h)
        for mode in ("jaw", "raw", "neck"):
            seen = []
            parser = make_parser(FaceParsing, name, seen)
            mask, crop = blending.get_image_prepare_material(frame, box, fp=parser, mode=mode)
            made["masks"][f"{name}/{mode}"] = {"crop": [int(at) for at in crop], **describe(mask)}
            if mode != "jaw":
                continue
            made["crops"][name] = describe(seen[0])
            face = seeded_bytes(f"{name}.face", (256, 256, 3))[:, :, ::-1]
            resized = cv2.resize(np.ascontiguousarray(face), (w, h))
            pasted = blending.get_image_blending(frame, resized, box, mask, crop)
            made["pasted"][name] = describe(pasted[:, :, ::-1])
    return made


def make_face_crops() -> dict:
    width, height = FRAME
    frame = seeded_bytes("frame", (height, width, 3))
    made = {}
    for name, (x, y, w, h) in BOXES.items():
        crop = np.ascontiguousarray(frame[y : y + h, x : x + w])
        resized = cv2.resize(crop, (256, 256), interpolation=cv2.INTER_LANCZOS4)
        made[name] = describe(resized)
    return made


def make_resized() -> dict:
    """Pillow and OpenCV on noise, up and down. No height shrinks more than its width: Pillow 13 would begin with columns."""
    made = {"pillow": {}, "opencv": {}, "blurred": {}}
    for from_size, to_size in (((60, 80), (123, 90)), ((64, 64), (64, 50)), ((97, 33), (20, 200)), ((40, 30), (40, 30))):
        key = f"{from_size[0]}x{from_size[1]}-{to_size[0]}x{to_size[1]}"
        colours = seeded_bytes(key, (from_size[1], from_size[0], 3))
        for name, method in (("bilinear", Image.BILINEAR), ("bicubic", Image.BICUBIC)):
            grey = Image.fromarray(np.ascontiguousarray(colours[:, :, 0]))
            made["pillow"][f"{key}/{name}/1"] = describe(np.array(grey.resize(to_size, method)))
            made["pillow"][f"{key}/{name}/3"] = describe(np.array(Image.fromarray(colours).resize(to_size, method)))
        for name, method in (("linear", cv2.INTER_LINEAR), ("lanczos4", cv2.INTER_LANCZOS4)):
            made["opencv"][f"{key}/{name}"] = describe(cv2.resize(colours, to_size, interpolation=method))
    # Halving: OpenCV turns this into an average of areas.
    halved = seeded_bytes("64x48-32x24", (48, 64, 3))
    made["opencv"]["64x48-32x24/linear"] = describe(cv2.resize(halved, (32, 24)))
    plane = seeded_bytes("blur", (70, 90))
    for size in (1, 3, 5, 7, 9, 11, 25, 61, 101):
        made["blurred"][str(size)] = describe(cv2.GaussianBlur(plane, (size, size), 0))
    return made


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--musetalk", type=pathlib.Path, required=True)
    made = {**make_masks(options.parse_args().musetalk), "faces": make_face_crops(), **make_resized()}
    GOLDEN.mkdir(parents=True, exist_ok=True)
    (GOLDEN / "masks.json").write_text(json.dumps(made, separators=(",", ":")) + "\n")
