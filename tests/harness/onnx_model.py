"""The default backbone's network as an ONNX file, written from the published graph model node by node.

Nothing of placard's converter is in it: no folding, no reordering of layers. So what ONNX Runtime makes of the file is
a second opinion on conversion and engine both. Only the few protobuf fields that are needed are written
(onnx.proto: ModelProto, GraphProto, NodeProto, TensorProto).
"""
import json
import struct
import tarfile
from array import array

FOLDER = "package/models/coco-ssd/"
NET = "FeatureExtractor/MobilenetV2/"
TAPS = {"c3": NET + "expanded_conv_6/expand/Relu6", "c4": NET + "expanded_conv_13/expand/Relu6",
        "c5": NET + "Conv_1/Relu6"}
INPUT = "Preprocessor/sub"
SIDECAR = """input scale=0.00784313772 offset=-1
model layout=nchw input=images library={library}
tap c3 c3
tap c4 c4
tap c5 c5
"""


def varint(number):
    out = bytearray()
    while number > 127:
        out.append(number & 127 | 128)
        number >>= 7
    return bytes(out + bytes([number]))


def number(field, value):
    return varint(field << 3) + varint(value)


def chunk(field, data):
    data = data.encode() if isinstance(data, str) else data
    return varint(field << 3 | 2) + varint(len(data)) + data


def tensor(name, dims, floats):
    return b"".join(number(1, dim) for dim in dims) + number(2, 1) + chunk(8, name) + chunk(9, floats.tobytes())


def attribute(name, value):
    if isinstance(value, str):
        return chunk(5, chunk(1, name) + chunk(4, value) + number(20, 3))
    if isinstance(value, int):
        return chunk(5, chunk(1, name) + number(3, value) + number(20, 2))
    return chunk(5, chunk(1, name) + b"".join(number(8, one) for one in value) + number(20, 7))


def node(kind, inputs, output, **attributes):
    return (b"".join(chunk(1, name) for name in inputs) + chunk(2, output) + chunk(4, kind)
            + b"".join(attribute(name, value) for name, value in attributes.items()))


def floats_of(name, channels, sides):
    """A ValueInfoProto (1, channels, rows, columns); sides are names, for they may be any."""
    dims = [number(1, 1), number(1, channels)] + [chunk(2, side) for side in sides]
    return chunk(1, name) + chunk(2, chunk(1, number(1, 1) + chunk(2, b"".join(chunk(1, dim) for dim in dims))))


class Graph:
    """The published graph, and what is written of it so far."""

    def __init__(self, package):
        with tarfile.open(package) as files:
            model = json.load(files.extractfile(FOLDER + "model.json"))
            shards = b"".join(files.extractfile(FOLDER + path).read() for path in model["weightsManifest"][0]["paths"])
        self.graph = {node["name"]: node for node in model["modelTopology"]["node"]}
        self.weights, at = {}, 0
        for weight in model["weightsManifest"][0]["weights"]:
            count = 1
            for dim in weight["shape"]:
                count *= dim
            self.weights[weight["name"]] = (weight["shape"], array("f", shards[at:at + 4 * count]))
            at += 4 * count
        self.nodes, self.tensors = [], [tensor("zero", [], array("f", [0])), tensor("six", [], array("f", [6]))]
        self.done = {INPUT: "images"}

    def kernel(self, name, depthwise):
        """[row][column][in][out] as ONNX has it: [out][in][row][column], or [channel][1][row][column]."""
        (rows, columns, ins, outs), values = self.weights[name]
        if depthwise:
            self.tensors.append(tensor(name, [ins, 1, rows, columns],
                                       array("f", b"".join(values[c::ins].tobytes() for c in range(ins)))))
        else:
            turned = array("f")
            for out in range(outs):
                column = values[out::outs]  # [row][column][in]
                for channel in range(ins):
                    turned.extend(column[channel::ins])
            self.tensors.append(tensor(name, [outs, ins, rows, columns], turned))
        return ins

    def convolution(self, one, name):
        depthwise = one["op"] != "Conv2D"
        source = self.value(one["input"][0])
        groups = self.kernel(one["input"][1], depthwise) if depthwise else self.kernel(one["input"][1], False) and 1
        stride = int(one["attr"]["strides"]["list"]["i"][1])
        self.nodes.append(node("Conv", [source, one["input"][1]], name, auto_pad="SAME_UPPER", group=groups,
                               strides=[stride, stride]))

    def value(self, name):
        if name in self.done:
            return self.done[name]
        one = self.graph[name]
        self.done[name] = name
        if one["op"] == "Const":
            shape, values = self.weights[name]
            self.tensors.append(tensor(name, [1, len(values), 1, 1] if shape else [], values))
        elif one["op"] in ("Conv2D", "DepthwiseConv2dNative"):
            self.convolution(one, name)
        elif one["op"] in ("Mul", "Add", "AddN"):
            inputs = [self.value(source) for source in one["input"]]
            self.nodes.append(node("Mul" if one["op"] == "Mul" else "Add", inputs, name))
        else:
            assert one["op"] == "Relu6", one
            self.nodes.append(node("Clip", [self.value(one["input"][0]), "zero", "six"], name))
        return name

    def model(self):
        outputs = []
        for tap, channels in (("c3", 192), ("c4", 576), ("c5", 1280)):
            self.nodes.append(node("Identity", [self.value(TAPS[tap])], tap))
            outputs.append(floats_of(tap, channels, [tap + "h", tap + "w"]))
        graph = (b"".join(chunk(1, one) for one in self.nodes) + chunk(2, "trunk")
                 + b"".join(chunk(5, one) for one in self.tensors) + chunk(11, floats_of("images", 3, "hw"))
                 + b"".join(chunk(12, one) for one in outputs))
        return number(1, 8) + chunk(7, graph) + chunk(8, chunk(1, "") + number(2, 13))


def write_model(package, path):
    """Turns the package's .tgz into an ONNX file."""
    assert struct.pack("=f", 1) == struct.pack("<f", 1), "ONNX and the shards are little-endian, and so must we be"
    path.write_bytes(Graph(package).model())
