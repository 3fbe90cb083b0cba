"""Small checkpoints as torch.save writes them, for test/onnx/torch-file.test.ts. Values as in seeded.py.

Run: python scripts/musetalk/make-fixtures.py
"""

import collections
import os
import pathlib
import pickle

import torch
from seeded import seeded_values

HERE = pathlib.Path(__file__).resolve().parent
FIXTURES = HERE.parents[1] / "test" / "onnx" / "fixtures"


def seeded(name, *shape):
    return torch.from_numpy(seeded_values(name, shape))


class Foreign:
    """What an attacker would put into a checkpoint: a call of any function when it is loaded by Python."""

    def __reduce__(self):
        return os.system, ("echo owned",)


if __name__ == "__main__":
    FIXTURES.mkdir(parents=True, exist_ok=True)
    state = collections.OrderedDict()
    state["plain"] = seeded("plain", 4, 3, 2)
    state["half"] = seeded("half", 5).half()
    state["brain"] = seeded("brain", 5).bfloat16()
    state["double"] = seeded("double", 3).double()
    state["turned"] = seeded("turned", 6, 4).t()
    state["window"] = seeded("window", 40)[10:22].view(3, 4)
    state["counts"] = torch.arange(-2, 3)
    state["single"] = seeded("single", 1)[0]
    state["parameter"] = torch.nn.Parameter(seeded("parameter", 3))
    torch.save(state, FIXTURES / "zip.pth")
    torch.save(state, FIXTURES / "legacy.pth", _use_new_zipfile_serialization=False)
    torch.save({"epoch": 3, "state_dict": state, "note": "x"}, FIXTURES / "wrapped.pth")
    torch.save([seeded(f"list{i}", 1, 2, 2).half() for i in range(2)], FIXTURES / "list.pt")
    torch.save({"weight": Foreign()}, FIXTURES / "foreign.pth")
    pickle.dump([(1, 2, 3, 4), (5, -6, 7, 2**40)], open(FIXTURES / "boxes.pkl", "wb"), protocol=4)
