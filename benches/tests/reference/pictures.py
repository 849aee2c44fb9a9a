"""The five pairs of pictures of benches/tests/metrics.rs: samples of this repository and distortions of them, in integers
so that Rust and Python make the same. For the scripts beside this one."""

import numpy as np
from PIL import Image


def noise(image, most):
    y, x, c = np.meshgrid(*(np.arange(side) for side in image.shape), indexing="ij")
    return np.clip(image + (x * 7 + y * 13 + c * 29) % (2 * most + 1) - most, 0, 255)


def coarse(image, step):
    return np.clip(image // step * step + step // 2, 0, 255)


def smear(image, reach):
    columns = np.arange(image.shape[1])
    shifted = [image[:, np.clip(columns + d, 0, image.shape[1] - 1)] for d in range(-reach, reach + 1)]
    return sum(shifted) // (2 * reach + 1)


def fade(image):
    return image * 3 // 4 + 20


def pairs(samples):
    """Name, original, decoded: [height, width, channels]."""

    def load(name):
        image = np.asarray(Image.open(f"{samples}/{name}.png")).astype(np.int64)
        return image if image.ndim == 3 else image[:, :, None]

    chelsea, coffee, landscape, page = map(load, ["chelsea", "coffee", "landscape", "page"])
    odd = coffee[:233, :301]
    return [
        ("chelsea", chelsea, noise(chelsea, 20)),
        ("coffee", coffee, coarse(coffee, 32)),
        ("landscape", landscape, smear(landscape, 2)),
        ("odd", odd, noise(odd, 60)),
        ("page", page, fade(page)),
    ]
