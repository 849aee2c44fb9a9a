"""Numbers for tests/attention.rs: the window attention of `lic_model::net::attention`, written a second time.

    python model/tests/reference/swin_v2.py        (PyTorch 2.x, a few seconds on a CPU)

Written from the paper (Swin Transformer V2, arXiv 2111.09883) in the plainest way that works: there are no window
tensors, no padding and no rolling here. Every position looks at every position of the plane, and a loop over all pairs decides
who shares a window with whom and how far apart they are. Everything is float64. Weights and input come from `hashed`, which the
Rust test repeats, so no file is exchanged.
"""

import math

import torch
from torch import nn
from torch.nn import functional as F

WINDOW = 8
CHANNELS = 16
HEAD_WIDTH = 4
HEADS = 2  # in each of the two groups
BIAS_HIDDEN = 512
LOG_SCALES = {0: [math.log(10.0), 5.0], 4: [1.5, 3.0]}  # 5.0 is above ln 100, so it must act as ln 100


def hashed(seed, shape, amplitude):
    """Reproducible values in -amplitude..amplitude, row-major."""

    def value(i):
        x = math.sin(12.9898 * i + 78.233 * seed) * 43758.5453
        return amplitude * (2.0 * (x - math.floor(x)) - 1.0)

    values = [value(i) for i in range(math.prod(shape))]
    # The Rust side holds its weights in f32.
    return torch.tensor(values, dtype=torch.float32).double().reshape(shape)


def linear(seed, inputs, outputs, amplitude, bias=True):
    """y = x W + b, W drawn as [inputs, outputs]: nn.Linear holds its transpose."""
    layer = nn.Linear(inputs, outputs, bias=bias, dtype=torch.float64)
    layer.weight.data = hashed(seed, [inputs, outputs], amplitude).T.contiguous()
    if bias:
        layer.bias.data = hashed(seed + 1, [outputs], 0.5)
    return layer


def log_spaced(distance):
    sign = (distance > 0) - (distance < 0)
    return sign * math.log2(1.0 + abs(distance) * 8.0 / (WINDOW - 1)) / math.log2(8.0)


class HeadGroup(nn.Module):
    """The heads whose windows begin at shift, shift + 8, ..."""

    def __init__(self, seed, shift):
        super().__init__()
        inner = HEADS * HEAD_WIDTH
        self.shift = shift
        self.query = linear(seed, CHANNELS, inner, 0.6)
        self.key = linear(seed + 2, CHANNELS, inner, 0.6, bias=False)
        self.value = linear(seed + 4, CHANNELS, inner, 0.6)
        self.log_scale = nn.Parameter(torch.tensor(LOG_SCALES[shift], dtype=torch.float32).double())
        self.meta = nn.Sequential(
            linear(seed + 6, 2, BIAS_HIDDEN, 1.0), nn.ReLU(), linear(seed + 8, BIAS_HIDDEN, HEADS, 0.15, bias=False)
        )

    def window_of(self, row, column):
        return ((row - self.shift) // WINDOW, (column - self.shift) // WINDOW)

    def position_bias(self, dy, dx):
        coordinates = torch.tensor([log_spaced(dy), log_spaced(dx)], dtype=torch.float64)
        return 16.0 * torch.sigmoid(self.meta(coordinates))

    def forward(self, x):
        height, width, _ = x.shape
        places = [(row, column) for row in range(height) for column in range(width)]
        biases = {}
        nobody = torch.full([HEADS], -math.inf, dtype=torch.float64)
        rows = []
        for qy, qx in places:
            row = []
            for ky, kx in places:
                if self.window_of(qy, qx) != self.window_of(ky, kx):
                    row.append(nobody)
                    continue
                distance = (qy - ky, qx - kx)
                if distance not in biases:
                    biases[distance] = self.position_bias(*distance)
                row.append(biases[distance])
            rows.append(torch.stack(row))
        bias = torch.stack(rows)  # [query, key, head]

        flat = x.reshape(len(places), CHANNELS)
        query, key, value = self.query(flat), self.key(flat), self.value(flat)
        scale = torch.exp(torch.clamp(self.log_scale, max=math.log(100.0)))
        heads = []
        for head in range(HEADS):
            columns = slice(head * HEAD_WIDTH, (head + 1) * HEAD_WIDTH)
            cosine = F.normalize(query[:, columns], dim=1) @ F.normalize(key[:, columns], dim=1).T
            weights = torch.softmax(scale[head] * cosine + bias[:, :, head], dim=1)
            heads.append(weights @ value[:, columns])
        return torch.cat(heads, dim=1)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.plain = HeadGroup(100, 0)
        self.shifted = HeadGroup(200, 4)
        self.project = linear(300, CHANNELS, CHANNELS, 0.6)
        self.norm = nn.LayerNorm(CHANNELS, eps=1e-5, dtype=torch.float64)
        self.norm.weight.data = hashed(302, [CHANNELS], 1.0)
        self.norm.bias.data = hashed(303, [CHANNELS], 0.5)

    def forward(self, x):
        height, width, _ = x.shape
        joined = torch.cat([self.plain(x), self.shifted(x)], dim=1)
        return x + self.norm(self.project(joined)).reshape(height, width, CHANNELS)


def numbers(values):
    return ", ".join(f"{value:.6f}" for value in values)


def main():
    torch.set_num_threads(1)
    for height, width in [(8, 8), (16, 16), (12, 20)]:
        model = Attention()
        x = hashed(1, [height, width, CHANNELS], 1.0).requires_grad_()
        out = model(x)
        (out * out).sum().backward()
        # Spread over the plane: 101 and 23 are coprime to all three element counts.
        probes = [(23 + 101 * i) % out.numel() for i in range(12)]
        print(f"{height}x{width}")
        print("  outputs:       ", numbers(out.flatten()[probes].tolist()))
        print("  sum of squares:", numbers([(out * out).sum().item()]))
        print("  input grads:   ", numbers(x.grad.flatten()[probes].tolist()))
        for name, group in [("plain", model.plain), ("shifted", model.shifted)]:
            print(f"  {name} log-scale grads:", numbers(group.log_scale.grad.tolist()))
            print(f"  {name} meta grads:     ", numbers(group.meta[0].weight.grad.T.flatten()[:4].tolist()))


main()
