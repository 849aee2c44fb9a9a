"""The student in PyTorch on the CPU, f32, to compare `lic bench` with: the same networks, without any entropy coding.

    python3 benches/reference/student.py model/weights/student.safetensors IMAGE [threads]

Needs torch, numpy, pillow. Encoding is analysis, hyper-analysis, hyper-synthesis and three context passes; decoding the same prior and
synthesis. The prior's integer weights are used as floats: the values mean nothing then, the work is the same. Three layouts are timed:
`nchw` and `channels_last` are convolutions in PyTorch's two memory formats, `linear` keeps [.., channels] and makes 1x1 convolutions
matrix products. Figures are medians of 9 runs after 2 that warm up.
"""

import json
import struct
import sys
import time

import numpy as np
import torch
import torch.nn.functional as F
from PIL import Image


def load(path):
    raw = open(path, "rb").read()
    length = struct.unpack("<Q", raw[:8])[0]
    header = json.loads(raw[8 : 8 + length])
    types = {"F16": np.float16, "I16": np.int16, "I32": np.int32, "U16": np.uint16, "U8": np.uint8}
    tensors = {}
    for name, entry in header.items():
        if name != "__metadata__":
            a, b = entry["data_offsets"]
            values = np.frombuffer(raw[8 + length + a : 8 + length + b], types[entry["dtype"]]).reshape(entry["shape"])
            tensors[name] = torch.from_numpy(values.astype(np.float32))
    return tensors


class Net:
    def __init__(self, tensors, layout):
        self.t, self.layout, self.cache = tensors, layout, {}

    def kernel(self, name):
        """Weights as this layout wants them, made once."""
        if name not in self.cache:
            w = self.t[name + ".weight"]
            scale = 1.0
            if name.startswith("prior"):
                scale = 1e-4
                w = w.reshape(-1, w.shape[-1]) if w.dim() == 3 else w
                w = w.permute(0, 3, 1, 2) if w.dim() == 4 else w.t()
            w = w * scale
            bias = self.t[name + ".bias"]
            bias = bias[30] if name.startswith("prior") and bias.dim() == 2 and bias.shape[0] == 64 else bias.flatten()
            if w.dim() == 2:
                w = w.t().contiguous()
                if self.layout != "linear":
                    w = w[:, :, None, None]
            if w.dim() == 4:
                w = w.contiguous(memory_format=torch.contiguous_format if self.layout == "nchw" else torch.channels_last)
            self.cache[name] = (w, bias * scale)
        return self.cache[name]

    # In the layout `linear` activations are [1, h, w, c], else [1, c, h, w].
    def dense(self, name, x):
        w, b = self.kernel(name)
        return F.linear(x, w, b) if self.layout == "linear" else F.conv2d(x, w, b)

    def conv(self, name, x):
        w, b = self.kernel(name)
        if self.layout == "linear":
            return F.conv2d(x.permute(0, 3, 1, 2), w, b, padding=1).permute(0, 2, 3, 1)
        return F.conv2d(x, w, b, padding=1)

    @property
    def axis(self):
        return 3 if self.layout == "linear" else 1

    def block(self, name, x, gate):
        part = x.shape[self.axis] // 4
        head, tail = x.split([part, 3 * part], self.axis)
        h = self.dense(name + ".expand", torch.cat([self.conv(name + ".conv", head), tail], self.axis))
        if gate:
            a, b = h.chunk(2, self.axis)
            h = a * torch.sigmoid(b.clamp_min(-40))
        else:
            h = F.relu(h)
        return x + self.dense(name + ".project", h)

    def blocks(self, prefix, x, gate=True):
        i = 0
        while f"{prefix}{i}.conv.weight" in self.t:
            x = self.block(f"{prefix}{i}", x, gate)
            i += 1
        return x

    def down(self, x, n=2):
        """Space to channels in the order row, column, channel."""
        if self.layout != "linear":
            x = x.permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        x = x.reshape(b, h // n, n, w // n, n, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h // n, w // n, n * n * c)
        return x if self.layout == "linear" else self.format(x.permute(0, 3, 1, 2))

    def up(self, x, n=2):
        if self.layout != "linear":
            x = x.permute(0, 2, 3, 1)
        b, h, w, c = x.shape
        c //= n * n
        x = x.reshape(b, h, w, n, n, c).permute(0, 1, 3, 2, 4, 5).reshape(b, h * n, w * n, c)
        return x if self.layout == "linear" else self.format(x.permute(0, 3, 1, 2))

    def format(self, x):
        return x.contiguous(memory_format=torch.contiguous_format if self.layout == "nchw" else torch.channels_last)

    def analyse(self, image):
        x = self.down(image, 8)
        x = self.blocks("analysis.blocks8.", self.dense("analysis.stem", x))
        x = self.blocks("analysis.blocks16.", self.dense("analysis.down", self.down(x)))
        return self.dense("analysis.head", x)

    def hyper_analyse(self, y):
        x = self.block("hyper_analysis.block1", self.dense("hyper_analysis.stem", y), False)
        x = self.block("hyper_analysis.block2", self.dense("hyper_analysis.down1", self.down(x)), False)
        return self.dense("hyper_analysis.down2", self.down(x))

    def prior(self, z, y):
        x = self.block("prior.hyper.block1", self.up(self.dense("prior.hyper.up1", z)), False)
        h = self.block("prior.hyper.block2", self.up(self.dense("prior.hyper.up2", x)), False)
        heads = []
        for p in range(4):
            c = h
            if p:
                c = self.dense(f"prior.pass{p}.input", torch.cat([h, y], self.axis))
                c = self.blocks(f"prior.pass{p}.block", c, False)
            # A position needs one of the four groups' parameters: a quarter of the head is computed, at all positions.
            w, b = self.kernel(f"prior.pass{p}.head")
            rows = w.shape[0] // 4
            heads.append(F.linear(c, w[:rows], b[:rows]) if self.layout == "linear" else F.conv2d(c, w[:rows], b[:rows]))
        return heads

    def synthesise(self, y):
        x = self.blocks("synthesis.blocks16.", self.dense("synthesis.stem", y))
        gain = self.t["synthesis.gain"][30]
        x = self.up(self.dense("synthesis.up", x)) * (gain if self.layout == "linear" else gain[:, None, None])
        return self.up(self.dense("synthesis.head", self.blocks("synthesis.blocks8.", x)), 8)


def median(work, runs=9):
    times = []
    for run in range(runs + 2):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return sorted(times[2:])[runs // 2]


def main():
    tensors = load(sys.argv[1])
    torch.set_num_threads(int(sys.argv[3]) if len(sys.argv) > 3 else 2)
    pixels = np.asarray(Image.open(sys.argv[2]).convert("RGB"))
    height, width = (side // 64 * 64 for side in pixels.shape[:2])
    samples = torch.from_numpy(pixels[:height, :width].copy())[None]
    megapixels = height * width / 1e6
    print(f"torch {torch.__version__}, {torch.get_num_threads()} threads, {width}x{height}")
    with torch.inference_mode():
        for layout in ["nchw", "channels_last", "linear"]:
            net = Net(tensors, layout)

            def to_float():
                x = samples.float() / 255 - 0.5
                return x if layout == "linear" else net.format(x.permute(0, 3, 1, 2))

            def to_samples(x):
                x = ((x + 0.5) * 255).round().clamp(0, 255).to(torch.uint8)
                return x if layout == "linear" else x.permute(0, 2, 3, 1).contiguous()

            y = net.analyse(to_float())
            z = net.hyper_analyse(y)
            error = (to_samples(net.synthesise(y)).float() - samples.float()).square().mean()
            def encode():
                y = net.analyse(to_float())
                net.prior(net.hyper_analyse(y), y)
            def decode():
                net.prior(z, y)
                to_samples(net.synthesise(y))
            parts = {
                "encode": encode,
                "  analysis": lambda: net.hyper_analyse(net.analyse(to_float())),
                "  prior": lambda: net.prior(z, y),
                "decode": decode,
                "  synthesis": lambda: to_samples(net.synthesise(y)),
            }
            print(f"{layout} (without quantisation {10 * np.log10(255**2 / error):.1f} dB)")
            for name, work in parts.items():
                print(f"  {name:<12} {megapixels / median(work):6.2f} MP/s")


main()
