"""Makes the expected MS-SSIMs of benches/tests/metrics.rs with the PyTorch package pytorch-msssim (1.0.0; torch 2.9.0).

    pip install torch==2.9.0 pytorch-msssim==1.0.0 pillow
    python3 benches/tests/reference/ms_ssim.py datasets/samples
"""

import sys

import torch
from pytorch_msssim import ms_ssim

from pictures import pairs

for name, *pair in pairs(sys.argv[1]):
    tensors = [torch.tensor(image, dtype=torch.float32).permute(2, 0, 1)[None] for image in pair]
    print(f"{name} {pair[0].shape}: {ms_ssim(*tensors, data_range=255).item():.8f}")
