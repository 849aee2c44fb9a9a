"""Makes the expected values of Butteraugli of benches/tests/metrics.rs with libjxl's butteraugli_main (0.7.0, Debian's libjxl-devtools), and prints
SSIMULACRA2 by the Python package of that name (0.3.0) beside them, which is not what the test expects. With a folder the PNG files are kept there.

    pip install ssimulacra2==0.3.0
    python3 benches/tests/reference/perceptual.py datasets/samples butteraugli_main [FOLDER]
"""

import subprocess
import sys
import tempfile

import numpy as np
from PIL import Image
from ssimulacra2 import compute_ssimulacra2

from pictures import pairs

samples, butteraugli_main, *kept = sys.argv[1:]
with tempfile.TemporaryDirectory() as folder:
    for name, *pair in pairs(samples):
        paths = [f"{(kept or [folder])[0]}/{name}-{which}.png" for which in ("original", "decoded")]
        for image, path in zip(pair, paths):
            # Grey as equal red, green and blue.
            Image.fromarray(np.broadcast_to(image, image.shape[:2] + (3,)).astype(np.uint8)).save(path)
        # Two lines: the maximum, and "3-norm: " with the norm.
        lines = subprocess.run([butteraugli_main, *paths], capture_output=True, text=True, check=True).stdout.split("\n")
        print(f"{name}: {compute_ssimulacra2(*paths):.6f}, {lines[1]}")
