"""Files as MuseTalk's realtime script leaves them, for test/plugins/musetalk/import-upstream.test.ts; its pictures the test
draws itself. What numpy and torch write is what is tested, so they write it. Latents look into one storage, so that the
file stays small; the reversed half shares them as upstream's does, and they claim to lie on a GPU.

Run: pip install torch==2.13.0 numpy==1.26.4; python scripts/musetalk/make-import-fixtures.py
"""

import json
import math
import pathlib
import pickle

import numpy as np
import torch

FOLDER = pathlib.Path(__file__).resolve().parents[2] / "test" / "plugins" / "musetalk" / "upstream"
FRAMES = 26
FRAME_LATENTS = 8 * 32 * 32


def box_of(frame: int):
    """About the face of test/clips/still-speech.mp4, cut to 301x261 at (170, 10): odd, moving, of changing size."""
    left = 84 + round(3 * math.sin(frame / 4))
    return [left, 71 + frame % 3, left + 131 + frame % 2, 249 + (frame // 5) % 3]


def crop_of(box):
    """get_image_prepare_material's square, expand 1.5."""
    x1, y1, x2, y2 = box
    x, y, side = (x1 + x2) // 2, (y1 + y2) // 2, int((max(x2 - x1, y2 - y1) // 2) * 1.5)
    return [x - side, y - side, x + side, y + side]


def main():
    FOLDER.mkdir(parents=True, exist_ok=True)
    boxes = [box_of(frame) for frame in range(FRAMES)]
    # As upstream: landmarks are numpy's, what was computed from them is a mixture, and the last one is a plain int.
    coords = [[np.int32(x1), y1, np.int64(x2), np.int64(y2)] for x1, y1, x2, y2 in boxes]
    crops = [[np.int64(value) for value in crop_of(box)] for box in boxes]
    with open(FOLDER / "coords.pkl", "wb") as file:
        pickle.dump(coords + coords[::-1], file)
    with open(FOLDER / "mask_coords.pkl", "wb") as file:
        pickle.dump(crops + crops[::-1], file)

    # Slow waves of 1/16 steps: exact in half precision, another part of them for every frame.
    base = (torch.arange(FRAME_LATENTS + FRAMES) % 61 - 30).to(torch.float16) / 16
    latents = [base[frame : frame + FRAME_LATENTS].view(1, 8, 32, 32) for frame in range(FRAMES)]
    torch.serialization.location_tag = lambda storage: "cuda:0"
    torch.save(latents + latents[::-1], FOLDER / "latents.pt")
    info = {"avatar_id": "Avator_1", "video_path": "data/video/yongen.mp4", "bbox_shift": 5, "version": "v15"}
    (FOLDER / "avator_info.json").write_text(json.dumps(info))


if __name__ == "__main__":
    main()
