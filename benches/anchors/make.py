"""Makes the tables of published curves from collections of results.

    python3 make.py kodak_rd.json kodak.tsv
    python3 make.py tecnick_rd.json tecnick.tsv kodak_rd.json

The JSON files are collections of the curves that the named repositories publish (CompressAI's results/image/*, papers'
repositories), one entry a codec: bpp, psnr, msssim, source, desc. They are not part of this project; the tables are.
"""

import json
import os
import sys

DESCRIPTIONS = {
    "av1": "AV1, as CompressAI ran it",
    "bpg_444_x265_ycbcr": "BPG 0.9.8, x265, 4:4:4, YCbCr",
    "hm": "HEVC reference software HM, as CompressAI ran it",
    "jpeg": "JPEG, 4:2:0, Pillow 7.1.2 (libjpeg 9), qualities 5 to 95",
    "jpeg2000": "JPEG 2000, ffmpeg 3.4.6",
    "vtm": "VVC reference software VTM, intra, 4:4:4",
    "webp": "WebP, 4:2:0, Pillow 7.1.2, qualities 5 to 95",
    "vtm-18.0": "VVC reference software VTM 18.0, intra, 36 QPs",
    "vtm-9.1": "VVC reference software VTM 9.1, intra",
    "dcae": "DCAE (CVPR 2025)",
    "mlic": "MLIC (ACM MM 2023)",
    "mlic+": "MLIC+ (ACM MM 2023)",
    "mlic++": "MLIC++",
    "hpcm-base": "HPCM-Base (ICCV 2025)",
    "hpcm-large": "HPCM-Large (ICCV 2025)",
    "lalic": "LALIC (CVPR 2025)",
    "chwdta": "ChWDTA (2026)",
    "weconvene": "WeConvene (ECCV 2024)",
    "elic": "ELIC, as in its paper (CVPR 2022)",
    "qarv-base": "QARV, base model",
    "qres34m": "QRes-VAE, 34 M parameters",
    "shallow-ntc-jpeg-like": "shallow-NTC, JPEG-like synthesis (ICCV 2023)",
    "shallow-ntc-2-layer": "shallow-NTC, two-layer synthesis (ICCV 2023)",
    "shallow-ntc-2-layer-sga": "shallow-NTC, two-layer synthesis, latents refined by SGA (ICCV 2023)",
}


def name_of(key):
    name = key.lower()
    if name.startswith("compressai-"):
        return name.removeprefix("compressai-").removesuffix("_cuda").replace("_", "-")
    if name.startswith("paper-elic2022_"):
        return name.removeprefix("paper-").replace("2022_mse", "").replace("2022_", "-")
    if name.startswith("shallow-"):
        name = name.replace("_syn", "").replace("+sga", "-sga").replace("shallow-", "shallow-ntc-")
    if name in ("bpg_444_x265_ycbcr",):
        return name
    return name.replace("_", "-")


def description_of(key, name, entry):
    if name in DESCRIPTIONS:
        return DESCRIPTIONS[name]
    if key.startswith("compressai-"):
        return f"CompressAI's {name}, trained by its authors, on CUDA"
    if key.startswith("paper-"):
        return f"{name.removeprefix('paper-')}, as in its paper"
    if key.startswith("cool-chic"):
        return f"Cool-chic {key.rsplit('-', 1)[1]}, one network an image"
    return f"CompressAI's {name}" if name.endswith("-vbr-ans") else entry.get("desc") or name


def main(source, target, first=None):
    with open(source) as file:
        collection = json.load(file)
    # "same" stands for the source of the same codec in the first collection.
    with open(first or source) as file:
        sources = {key: entry["source"] for key, entry in json.load(file).items()}
    lines = [
        "# Published rate-distortion curves: means over the images of the set, as their authors measured them. Made by make.py.",
        "# psnr is RGB, 8 bit, in dB; ms-ssim is the mean itself, - where it was not published. Of models that CompressAI",
        "# measured on CPU and CUDA the latter is here; curves of other metrics only are not.",
        "anchor\tbpp\tpsnr\tms-ssim\tdescription\tsource",
    ]
    for key, entry in collection.items():
        origin = entry["source"]
        if origin == "same":
            origin = sources[key]
        # Remarks in the collections that are not about the numbers.
        origin = origin.replace(" (2026, FEDS first author)", "").replace(" (FEDS first author, ECCV24)", "")
        if key.endswith("_cpu") or not (entry.get("psnr") or entry.get("msssim")):
            continue
        name = name_of(key)
        structure = entry.get("msssim") or [None] * len(entry["bpp"])
        ratio = entry.get("psnr") or [None] * len(entry["bpp"])
        rows = sorted(zip(entry["bpp"], ratio, structure), key=lambda row: row[0])
        for row in rows:
            numbers = ["-" if number is None else f"{number:.6f}" for number in row]
            fields = [name, *numbers, description_of(key, name, entry), origin]
            lines.append("\t".join(fields))
    with open(target + ".new", "w") as file:
        file.write("\n".join(lines) + "\n")
    os.replace(target + ".new", target)


main(*sys.argv[1:])
