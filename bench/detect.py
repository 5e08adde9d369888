#!/usr/bin/python3
"""How well the detector learns: trains it on composites, runs it on others that share nothing with them, prints a table.

    bench/detect.py BACKBONE [CASE ...]

BACKBONE is a backbone's folder (placard backbone install). Cases: products200, products50, categories (all by default),
each with 5 fixed seeds; after each the same on a trunk of the same shape with random weights, as a control. `small`
has things a third as large and no bar. Needs python3-pil, the packages that composites.py names, and
`ninja -C build bench/detect_trial`. What is composed is kept for the next run in the folder that measure.py names.
PLACARD_BENCH_SEEDS and PLACARD_BENCH_THREADS change 5 and 2.
"""
import array
import hashlib
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

import composites
from average_precision import average_precision, f1_best
from measure import FOLDER, ROOT, Report

SEEDS = range(1, 1 + int(os.environ.get("PLACARD_BENCH_SEEDS", 5)))
THREADS = os.environ.get("PLACARD_BENCH_THREADS", "2")
TRIAL = Path(os.environ.get("PLACARD_DETECT_TRIAL", ROOT / "build" / "bench" / "detect_trial"))
TEST_IMAGES = 200
CATEGORIES = ("bird", "mammal", "flower")
BOXES_MEAN = (1, 2, 2, 3, 4)  # things in an image, drawn evenly: 2.4 in the mean


# --- data ------------------------------------------------------------------------------------------------------------

def products(noise):
    """{"train"/"test": things of each label}: 8 products, the same in both."""
    names = [[name] for name in composites.PRODUCTS[:8]]
    return {"train": names, "test": names}


def categories(noise):
    """3 kinds; no instance is in both."""
    parts = [composites.split(noise, composites.KINDS[kind], (0.7, 0.3)) for kind in CATEGORIES]
    return {"train": [part[0] for part in parts], "test": [part[1] for part in parts]}


def composed(name, seed, things_of, train_images, layout=composites.Layout()):
    """A folder with `list` and images; made unless it is there."""
    folder = FOLDER / "detect" / f"{name}-{seed}"
    if (folder / "list").exists():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    noise = random.Random(f"{name} {seed}")
    grounds = dict(zip(("train", "test"), composites.Grounds.split(noise, (0.6, 0.4))))
    things = things_of(noise)
    lines = [f"labels {len(things['train'])}"]
    for part, count in (("train", train_images), ("test", TEST_IMAGES)):
        for number in range(count):
            labels = [noise.randrange(len(things[part])) for _ in range(noise.choice(BOXES_MEAN))]
            cutouts = [composites.cutout(noise.choice(things[part][label])) for label in labels]
            image, boxes = composites.compose(noise, grounds[part], cutouts, layout)
            file = f"{part}-{number:04}.jpg"
            (folder / file).write_bytes(composites.jpeg(image))
            lines += listed(part, file, layout.size, [pair for pair in zip(labels, boxes) if pair[1]])
    (folder / "list").write_text("\n".join(lines) + "\n")
    return folder


def listed(part, file, size, things):
    """The lines of an image in `list`."""
    lines = [f"{part} {file} {size[0]} {size[1]} {len(things)}"]
    for label, box in things:
        ratios = (box[0] / size[0], box[1] / size[1], (box[2] - box[0]) / size[0], (box[3] - box[1]) / size[1])
        lines.append(f"{label} " + " ".join(f"{ratio:.6f}" for ratio in ratios))
    return lines


def truths(folder):
    """[{label: boxes (left, top, right, bottom)}] of the test images, and the number of labels."""
    words = (folder / "list").read_text().split()
    labels, at, images = int(words[1]), 2, []
    while at < len(words):
        part, count = words[at], int(words[at + 4])
        boxes = {}
        at += 5
        for _ in range(count):
            left, top, width, height = map(float, words[at + 1:at + 5])
            boxes.setdefault(int(words[at]), []).append((left, top, left + width, top + height))
            at += 5
        if part == "test":
            images.append(boxes)
    return images, labels


# --- trials ----------------------------------------------------------------------------------------------------------

def trial(backbone, folder, seed, **flags):
    """(figures, seen): what detect_trial prints; seen is [(image, label, confidence, box)]."""
    command = [TRIAL, backbone, folder, "threads", THREADS, "seed", str(seed)]
    with tempfile.TemporaryDirectory(dir=FOLDER) as cache:  # features beyond what memory keeps, as in the server
        for name, value in {"cache": cache, **flags}.items():
            command += [name, str(value)]
        run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    figures, seen = {}, []
    for line in run.stdout.splitlines():
        words = line.split()
        if words[0] == "figure":
            figures[words[1]] = words[2]
        elif words[0] == "seen":
            left, top, width, height = map(float, words[4:8])
            seen.append((int(words[1]), int(words[2]), float(words[3]), (left, top, left + width, top + height)))
    return figures, seen


def score(folder, seen):
    """Adds mAP at two overlaps and the best F1 (one threshold for all labels)."""
    images, labels = truths(folder)
    return {"map50": average_precision(images, labels, seen, 0.5),
            "map75": average_precision(images, labels, seen, 0.75), "f1": f1_best(images, seen, 0.5)}


# --- the control -----------------------------------------------------------------------------------------------------

def random_backbone(backbone):
    """The same graph with He's random weights: what the head alone makes of the data."""
    folder = FOLDER / "random-trunk"
    folder.mkdir(parents=True, exist_ok=True)
    noise, weights, text = random.Random(7), array.array("f"), []
    outs = {"input": 3}
    for line in (backbone / "backbone.txt").read_text().splitlines():
        words = line.split()
        facts = dict(word.split("=", 1) for word in words if "=" in word)
        if words[0] in ("conv", "depthwise"):
            before, kernel = outs[facts["from"]], int(facts["kernel"])
            outs[words[1]] = int(facts.get("out", before))
            fan_in = kernel * kernel * (before if words[0] == "conv" else 1)
            weights.extend(noise.gauss(0, (2 / fan_in) ** 0.5) for _ in range(fan_in * outs[words[1]]))
            weights.extend([0.0] * outs[words[1]])
        text.append(line)
    if sys.byteorder == "big":
        weights.byteswap()
    raw = weights.tobytes()
    sha = hashlib.sha256(raw).hexdigest()
    text = [f"weights floats={len(weights)} sha256={sha}" if line.startswith("weights ") else line for line in text]
    (folder / "weights.bin").write_bytes(raw)
    (folder / "backbone.txt").write_text("\n".join(text) + "\n")
    return folder


SMALL = composites.Layout(scale=(0.06, 0.16))
CASES = {
    "products200": ("8 products, 200 images, unseen grounds", products, 200, composites.Layout(), 0.97),
    "products50": ("8 products, 50 images, unseen grounds", products, 50, composites.Layout(), 0.90),
    "categories": ("3 categories, 300 images, unseen things and grounds", categories, 300, composites.Layout(), 0.88),
    "small": ("products200 with things of 29 to 77 pixels", products, 200, SMALL, None),
}
BARS = ("products200", "products50", "categories")


def trials(backbone, name):
    """(scores, figures) of the case, one for each seed."""
    _, things_of, images, layout, _ = CASES[name]
    scores, figures = [], []
    for seed in SEEDS:
        folder = composed(name, seed, things_of, images, layout)
        figure, seen = trial(backbone, folder, seed)
        scores.append(score(folder, seen))
        figures.append(figure)
        print(name, seed, {key: round(value, 4) for key, value in scores[-1].items()}, figure, flush=True)
    return scores, figures


def shown(scores):
    """Means, and the deviation of the first of them."""
    means = {key: statistics.mean(each[key] for each in scores) for key in scores[0]}
    spread = statistics.stdev(each["map50"] for each in scores) if len(scores) > 1 else 0
    return f"mAP50 {means['map50']:.3f} ± {spread:.3f}, mAP75 {means['map75']:.3f}, F1 {means['f1']:.3f}"


def run_case(report, backbone, name):
    """The case and its control beside it."""
    title, _, _, _, bar = CASES[name]
    scores, figures = trials(backbone, name)
    if bar is None:
        report.note(title, shown(scores))
    else:
        report.at_least(title, shown(scores), statistics.mean(each["map50"] for each in scores), bar)
    report.note("  control: random trunk", shown(trials(random_backbone(backbone), name)[0]))
    seconds = max(float(figure["train_seconds"]) for figure in figures)
    memory = max(float(figure["train_peak_mib"]) for figure in figures)
    p50 = statistics.median(float(figure["detect_p50_ms"]) for figure in figures)
    if name == "products200":
        report.bar(f"  training, {THREADS} threads, the slowest", f"{seconds:.0f} s", seconds, 90)
        report.bar("  one 640x480 JPEG to boxes, one thread, p50", f"{p50:.1f} ms", p50, 50)
    else:
        report.note(f"  training, {THREADS} threads, the slowest", f"{seconds:.0f} s")
        report.note("  one 640x480 JPEG to boxes, one thread, p50", f"{p50:.1f} ms")
    report.bar("  memory of the process, MB", f"{memory * 1.048576:.0f}", memory * 1.048576, 600)


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    composites.need_packages()
    backbone = Path(sys.argv[1])
    report = Report(f"Detection on composites, {len(SEEDS)} seeds, mean ± deviation")
    for name in sys.argv[2:] or BARS:
        run_case(report, backbone, name)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
