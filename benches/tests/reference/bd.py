"""Makes the expected values of benches/tests/bd.rs with the Python package bjontegaard (1.3.0; scipy 1.17, numpy 2).

    pip install bjontegaard==1.3.0
    python3 benches/tests/reference/bd.py benches/anchors/kodak.tsv

BD-rate over a part of the interval is not in the package: scipy's PchipInterpolator over log10 of the rate is integrated over
it, with brentq for the quality at a rate.
"""

import sys

import bjontegaard
import numpy as np
from scipy.interpolate import PchipInterpolator
from scipy.optimize import brentq

PAIRS = [
    ("jpeg", "vtm"),
    ("jpeg", "bpg_444_x265_ycbcr"),
    ("jpeg", "webp"),
    ("bpg_444_x265_ycbcr", "vtm"),
    ("vtm", "jpeg"),
    ("vtm", "av1"),
    ("vtm", "hm"),
]


def curves(path):
    found = {}
    for line in open(path):
        fields = line.rstrip("\n").split("\t")
        if line.startswith(("#", "anchor\t")) or fields[2] == "-":
            continue
        ms_ssim = float("nan") if fields[3] == "-" else -10 * np.log10(1 - float(fields[3]))
        found.setdefault(fields[0], []).append((float(fields[1]), float(fields[2]), ms_ssim))
    return {name: np.array(points).T for name, points in found.items()}


def log_rate(curve):
    return PchipInterpolator(curve[1], np.log10(curve[0]))


def within(anchor, test, low, high):
    low, high = max(low, anchor[1][0], test[1][0]), min(high, anchor[1][-1], test[1][-1])
    mean = (log_rate(test).integrate(low, high) - log_rate(anchor).integrate(low, high)) / (high - low)
    return 100 * (10**mean - 1)


def quality_at(curve, bpp):
    if bpp <= curve[0][0]:
        return curve[1][0]
    if bpp >= curve[0][-1]:
        return curve[1][-1]
    return brentq(lambda q: log_rate(curve)(q) - np.log10(bpp), curve[1][0], curve[1][-1], xtol=1e-13)


table = curves(sys.argv[1])
options = dict(require_matching_points=False, min_overlap=0)
for anchor, test in PAIRS:
    a, t = table[anchor], table[test]
    numbers = []
    for row in (1, 2):
        for method in ("pchip", "akima", "cubic"):
            numbers.append(bjontegaard.bd_rate(a[0], a[row], t[0], t[row], method=method, **options))
            numbers.append(bjontegaard.bd_psnr(a[0], a[row], t[0], t[row], method=method, **options))
    numbers.append(within(a, t, 28, 36))
    numbers.append(within(a, t, quality_at(t, 0.15), quality_at(t, 1.2)))
    print(f'    ("{anchor}", "{test}", [{", ".join(f"{number:.9f}" for number in numbers)}]),')

four = ([0.2, 0.4, 0.8, 1.6], [28.0, 31.0, 34.0, 37.5], [0.15, 0.35, 0.7, 1.5], [28.5, 31.2, 34.9, 38.0])
for method in ("pchip", "akima", "cubic"):
    rate, psnr = (f(*four, method=method, **options) for f in (bjontegaard.bd_rate, bjontegaard.bd_psnr))
    print(f"    {method}: {rate:.12f}, {psnr:.12f}")
