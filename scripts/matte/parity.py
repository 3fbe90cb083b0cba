"""Compares selfie.onnx with MediaPipe's own file, run by Google's own runtime.

    python3 parity.py SELFIE_TFLITE SELFIE_ONNX PICTURE...

SELFIE_TFLITE is node_modules/@mediapipe/selfie_segmentation/selfie_segmentation.tflite.
Needs numpy, pillow, onnxruntime and ai-edge-litert.
"""

import sys
import time

import numpy as np
import onnxruntime
from ai_edge_litert.interpreter import Interpreter
from PIL import Image

SIDE = 256


def read_square(path):
    picture = Image.open(path).convert("RGB").resize((SIDE, SIDE), Image.Resampling.BILINEAR)
    return np.asarray(picture, np.float32)[None] / 255


def main(tflite, onnx_file, pictures):
    theirs = Interpreter(tflite, num_threads=1)
    theirs.allocate_tensors()
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    ours = onnxruntime.InferenceSession(onnx_file, options, providers=["CPUExecutionProvider"])
    worst, times = 0.0, []
    for path in pictures:
        square = read_square(path)
        theirs.set_tensor(theirs.get_input_details()[0]["index"], square)
        theirs.invoke()
        expected = theirs.get_tensor(theirs.get_output_details()[0]["index"]).reshape(SIDE, SIDE)
        start = time.perf_counter()
        logits = ours.run(None, {"picture": square})[0]
        times.append(time.perf_counter() - start)
        got = 1 / (1 + np.exp(-logits))
        difference = np.abs(got - expected)
        agree = np.mean((got > 0.5) == (expected > 0.5))
        worst = max(worst, float(difference.max()))
        print(f"{path}: person {expected.mean():.3f}, largest {difference.max():.2e}, mean {difference.mean():.2e}, same side {agree:.6f}")
    print(f"{len(pictures)} pictures, largest difference of a probability: {worst:.2e}; {np.median(times) * 1000:.1f} ms")


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    main(sys.argv[1], sys.argv[2], sys.argv[3:])
