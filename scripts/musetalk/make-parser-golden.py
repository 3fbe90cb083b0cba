"""Golden numbers for test/onnx/face-parser.test.ts: MuseTalk's face parser as its own code computes it, at reduced width.

Upstream's modules run with their channels divided; weights and pictures come from a hash of name and index
(seeded.py, test/onnx/seeded.ts), so that only names, shapes and outputs need to be kept. One network, a 64th as
wide, is kept as a file in the format of before torch 1.6, as 79999_iter.pth is. Run: pip install torch==2.13.0 numpy;
python scripts/musetalk/make-parser-golden.py --musetalk DIR
"""

import argparse
import importlib
import json
import pathlib
import sys
import types

import numpy as np
import torch
from seeded import seed_weights, seeded_values

HERE = pathlib.Path(__file__).resolve().parent
GOLDEN = HERE.parents[1] / "test" / "onnx" / "golden"
SIDE = 128


def load_parser(musetalk: pathlib.Path):
    """Upstream's model.py and resnet.py, without its package (which wants OpenCV) and torchvision (imported, not used)."""
    sys.modules.setdefault("torchvision", types.ModuleType("torchvision"))
    folder = musetalk / "musetalk" / "utils" / "face_parsing"
    package = types.ModuleType("face_parsing")
    package.__path__ = [str(folder)]
    sys.modules["face_parsing"] = package
    model = importlib.import_module("face_parsing.model")
    resnet = importlib.import_module("face_parsing.resnet")
    resnet.Resnet18.init_weight = lambda self, path: None
    return model


def make_network(model, divisor: int) -> torch.nn.Module:
    """BiSeNet with every count of channels divided; only the picture's 3 and the 19 classes stay."""
    real_conv, real_norm = torch.nn.Conv2d, torch.nn.BatchNorm2d

    def narrow(count):
        return count if count in (3, 19) else max(1, count // divisor)

    model.nn.Conv2d = lambda ins, outs, *rest, **named: real_conv(narrow(ins), narrow(outs), *rest, **named)
    model.nn.BatchNorm2d = lambda count: real_norm(narrow(count))
    # init_weight asks whether layers are of class nn.Conv2d; all weights are set below.
    kept = {}
    for name in ("ConvBNReLU", "BiSeNetOutput", "AttentionRefinementModule", "ContextPath", "FeatureFusionModule", "BiSeNet"):
        kept[name] = getattr(model, name).init_weight
        getattr(model, name).init_weight = lambda self: None
    try:
        network = model.BiSeNet(n_classes=19).eval()
    finally:
        model.nn.Conv2d, model.nn.BatchNorm2d = real_conv, real_norm
        for name, function in kept.items():
            getattr(model, name).init_weight = function
    return network, seed_weights(network)


def parse(network):
    """Logits at an eighth of the side, before upstream enlarges them, and classes."""
    picture = torch.from_numpy(seeded_values("input.picture", (1, 3, SIDE, SIDE)))
    kept = []
    hook = network.conv_out.register_forward_hook(lambda module, ins, out: kept.append(out))
    classes = network(picture)[0].squeeze(0).argmax(0)
    hook.remove()
    return kept[0], classes


if __name__ == "__main__":
    options = argparse.ArgumentParser()
    options.add_argument("--musetalk", type=pathlib.Path, required=True)
    upstream = options.parse_args().musetalk
    GOLDEN.mkdir(parents=True, exist_ok=True)
    model = load_parser(upstream)
    with torch.no_grad():
        for name, divisor in (("face-parser", 8), ("face-parser-legacy", 64)):
            network, shapes = make_network(model, divisor)
            logits, classes = parse(network)
            logits.detach().numpy().astype("<f4").tofile(GOLDEN / f"{name}-logits.f32")
            classes[::3, ::3].to(torch.uint8).numpy().tofile(GOLDEN / f"{name}-classes.u8")
            if divisor == 8:
                (GOLDEN / f"{name}.json").write_text(json.dumps(shapes, separators=(",", ":")) + "\n")
            else:
                path = GOLDEN / f"{name}.pth"
                torch.save(network.state_dict(), path, _use_new_zipfile_serialization=False)
            print(name, "pixels of each class:", torch.bincount(classes.flatten(), minlength=19).tolist())
