#!/usr/bin/python3
"""How well the classifier learns: trains it on images, runs it on others that share nothing with them, prints a table.

    bench/classify.py BACKBONE [CASE ...]

BACKBONE is a backbone's folder (placard backbone install). Cases, all by default, each with 5 fixed seeds:

    fashion10 fashion50 fashion500    Fashion-MNIST, so many images a label, three times as large; 2,000 test images
    products10 products50             20 products in photographs, 0.3 to 0.7 of the shorter side; unseen grounds
    small10 small50                   the same, 0.18 to 0.5
    kinds                             1 to 3 of 8 kinds in an image; unseen grounds and instances
    many4 many20                      250 things, the most labels that there may be; sizes as products

Beside each stands the pooled baseline (a logistic head on the mean of the trunk's last features, its ridge by
cross-validation) and, with one seed, the same classifier on a trunk with random weights. Needs python3-pil, the packages
that composites.py names, dataset-fashion-mnist, and `ninja -C build bench/classify_trial`. What is composed is kept for
the next run in the folder that measure.py names. PLACARD_BENCH_SEEDS and PLACARD_BENCH_THREADS change 5 and 2.
"""
import gzip
import os
import random
import statistics
import subprocess
import sys
from pathlib import Path

from PIL import Image

import composites
from detect import random_backbone
from measure import FOLDER, ROOT, Report

SEEDS = range(1, 1 + int(os.environ.get("PLACARD_BENCH_SEEDS", 5)))
THREADS = os.environ.get("PLACARD_BENCH_THREADS", "2")
TRIAL = Path(os.environ.get("PLACARD_CLASSIFY_TRIAL", ROOT / "build" / "bench" / "classify_trial"))
FASHION = Path("/usr/share/datasets/fashion-mnist")
FASHION_TESTS, PRODUCT_TESTS, KIND_TESTS, MANY_TESTS = 2000, 25, 400, 2
MOST_LABELS = 250
KINDS = ("bird", "fish", "insect", "mammal", "flower", "fruit", "tool", "vehicle")
LARGE = composites.Layout(scale=(0.3, 0.7))


# --- data ------------------------------------------------------------------------------------------------------------

class Folder:
    """A folder of images with the list that classify_trial reads; `made` when it was there already."""

    def __init__(self, name, labels):
        self.path = FOLDER / "classify" / name
        self.made = (self.path / "list").exists()
        self.path.mkdir(parents=True, exist_ok=True)
        self.lines = [f"labels {labels}"]

    def add(self, part, image, labels, form="jpg"):
        file = f"{part}-{len(self.lines):05}.{form}"
        if form == "jpg":
            (self.path / file).write_bytes(composites.jpeg(image))
        else:
            image.save(self.path / file)
        self.lines.append(f"{part} {file} {len(labels)} " + " ".join(map(str, sorted(labels))))

    def close(self):
        (self.path / "list").write_text("\n".join(self.lines) + "\n")
        return self.path


def idx(name):
    """The bytes of one of Fashion-MNIST's files behind its head."""
    paths = sorted(FASHION.rglob(f"{name}*"))
    if not paths:
        raise SystemExit("This needs Fashion-MNIST: apt-get install dataset-fashion-mnist")
    raw = paths[0].read_bytes()
    raw = gzip.decompress(raw) if paths[0].suffix == ".gz" else raw
    return raw[16 if "images" in name else 8:]


def fashion(seed, shots):
    folder = Folder(f"fashion{shots}-{seed}", 10)
    if folder.made:
        return folder.path
    noise = random.Random(f"fashion {seed}")
    for part, stem, count in (("train", "train", shots), ("test", "t10k", FASHION_TESTS // 10)):
        pixels, labels = idx(f"{stem}-images"), idx(f"{stem}-labels")
        places = list(range(len(labels)))
        if part == "train":
            noise.shuffle(places)
        else:
            count = FASHION_TESTS
        taken = [0] * 10
        for place in places:
            label = labels[place]
            if part == "train" and taken[label] == count or sum(taken) == FASHION_TESTS and part == "test":
                continue
            taken[label] += 1
            image = Image.frombytes("L", (28, 28), pixels[place * 784:(place + 1) * 784])
            folder.add(part, image.resize((84, 84), Image.Resampling.BICUBIC), [label], "png")
    return folder.close()


def products(name, seed, shots, layout, things=composites.PRODUCTS, tests=PRODUCT_TESTS):
    folder = Folder(f"{name}-{seed}", len(things))
    if folder.made:
        return folder.path
    noise = random.Random(f"products {seed}")
    grounds = dict(zip(("train", "test"), composites.Grounds.split(noise, (0.6, 0.4))))
    for part, count in (("train", shots), ("test", tests)):
        for _ in range(count):
            for label, thing in enumerate(things):
                image, _ = composites.compose(noise, grounds[part], [composites.cutout(thing)], layout)
                folder.add(part, image, [label])
    return folder.close()


def many(name, seed, shots):
    """As many labels as a dataset may have: every photographed thing there is, of all kinds."""
    things = [thing for kind in composites.KIND_NAMES for thing in composites.KINDS[kind]][:MOST_LABELS]
    return products(name, seed, shots, LARGE, things, MANY_TESTS)


def kinds(seed):
    folder = Folder(f"kinds-{seed}", len(KINDS))
    if folder.made:
        return folder.path
    noise = random.Random(f"kinds {seed}")
    grounds = dict(zip(("train", "test"), composites.Grounds.split(noise, (0.6, 0.4))))
    things = [dict(zip(("train", "test"), composites.split(noise, composites.KINDS[kind], (0.7, 0.3))))
              for kind in KINDS]
    for part in ("train", "test"):
        for _ in range(KIND_TESTS):
            labels = noise.sample(range(len(KINDS)), noise.choice((1, 2, 3)))
            cutouts = [composites.cutout(noise.choice(things[label][part])) for label in labels]
            image, boxes = composites.compose(noise, grounds[part], cutouts, composites.Layout())
            folder.add(part, image, [label for label, box in zip(labels, boxes) if box])
    return folder.close()


CASES = {  # name: title, folder of a seed, bar, whether an image has several labels
    "fashion10": ("Fashion-MNIST, 10 images a label", lambda seed: fashion(seed, 10), 0.72, False),
    "fashion50": ("Fashion-MNIST, 50 images a label", lambda seed: fashion(seed, 50), 0.85, False),
    "fashion500": ("Fashion-MNIST, 500 images a label", lambda seed: fashion(seed, 500), 0.90, False),
    "products10": ("20 products, 10 images a label", lambda seed: products("products10", seed, 10, LARGE), 0.45, False),
    "products50": ("20 products, 50 images a label", lambda seed: products("products50", seed, 50, LARGE), 0.65, False),
    "small10": ("20 small products, 10 images a label",
                lambda seed: products("small10", seed, 10, composites.Layout()), None, False),
    "small50": ("20 small products, 50 images a label",
                lambda seed: products("small50", seed, 50, composites.Layout()), None, False),
    "kinds": ("1 to 3 of 8 kinds, 400 images", kinds, None, True),
    "many4": ("250 things, 4 images a label", lambda seed: many("many4", seed, 4), None, False),
    "many20": ("250 things, 20 images a label", lambda seed: many("many20", seed, 20), None, False),
}


# --- trials ----------------------------------------------------------------------------------------------------------

def trial(backbone, folder, seed, **flags):
    """(figures, said): what classify_trial prints; said is the confidences of each test image."""
    command = [TRIAL, backbone, folder, "threads", THREADS, "seed", str(seed)]
    for name, value in flags.items():
        command += [name, str(value)]
    run = subprocess.run(command, capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    figures, said = {}, []
    for line in run.stdout.splitlines():
        words = line.split()
        if words[0] == "figure":
            figures[words[1]] = words[2]
        elif words[0] == "said":
            said.append([float(word) for word in words[2:]])
    return figures, said


def truths(folder):
    """The labels of each test image."""
    lines = [line.split() for line in (folder / "list").read_text().splitlines()]
    return [set(map(int, words[3:])) for words in lines if words[0] == "test"]


def top1(said, truth):
    return statistics.mean(max(range(len(row)), key=row.__getitem__) in labels for row, labels in zip(said, truth))


def calibration(said, truth):
    """Expected calibration error of the most confident label, in 10 bins."""
    bins = [[] for _ in range(10)]
    for row, labels in zip(said, truth):
        best = max(range(len(row)), key=row.__getitem__)
        bins[min(9, int(row[best] * 10))].append((row[best], best in labels))
    return sum(abs(sum(sure - right for sure, right in each)) for each in bins) / len(said)


def f1_at(scored, positives, threshold):
    found = [right for score, right in scored if score >= threshold]
    hits = sum(found)
    return 2 * hits / (len(found) + positives) if hits else 0.0


def macro_f1(said, truth, threshold=None):
    """Mean over labels; with no threshold each label's best on the test set, as the evaluation of a model takes it."""
    scores = []
    for label in range(len(said[0])):
        scored = [(row[label], label in labels) for row, labels in zip(said, truth)]
        positives = sum(right for _, right in scored)
        if positives:
            thresholds = [threshold] if threshold is not None else sorted({score for score, _ in scored})
            scores.append(max(f1_at(scored, positives, each) for each in thresholds))
    return statistics.mean(scores)


def shown(values):
    spread = statistics.stdev(values) if len(values) > 1 else 0
    return f"{100 * statistics.mean(values):.1f} ± {100 * spread:.1f}"


def run_case(report, backbone, control, name):
    title, folder_of, bar, several = CASES[name]
    flags = {"multi": int(several)}
    measure = macro_f1 if several else top1
    what = "macro F1 at each label's best threshold" if several else "top-1"
    scores, pooled, errors, halves, figures = [], [], [], [], []
    for seed in SEEDS:
        folder = folder_of(seed)
        truth = truths(folder)
        cache = folder.parent / "cache"
        figure, said = trial(backbone, folder, seed, **flags)
        scores.append(measure(said, truth))
        errors.append(calibration(said, truth))
        halves.append(macro_f1(said, truth, 0.5))
        figures.append(figure)
        pooled.append(measure(trial(backbone, folder, seed, pooled=1, cache=cache, **flags)[1], truth))
        print(name, seed, f"{scores[-1]:.4f}", f"pooled {pooled[-1]:.4f}", f"error {errors[-1]:.3f}", figure, flush=True)
    value = f"{shown(scores)} (pooled {shown(pooled)})"
    if bar is None:
        report.note(f"{title}: {what}", value)
    else:
        report.at_least(f"{title}: {what}", value, statistics.mean(scores), bar)
    report.note("  the same on a random trunk", shown([measure(trial(control, folder_of(1), 1, **flags)[1],
                                                               truths(folder_of(1)))]))
    report.note("  macro F1 at 0.5" if several else "  calibration error", shown(halves if several else errors))
    timing(report, name, figures)


def timing(report, name, figures):
    seconds = max(float(figure["train_seconds"]) for figure in figures)
    memory = max(float(figure["train_peak_mib"]) for figure in figures)
    p50 = statistics.median(float(figure["classify_p50_ms"]) for figure in figures)
    if name == "fashion50":
        report.bar(f"  training, {THREADS} threads", f"{seconds:.1f} s", seconds, 30)
    else:
        report.note(f"  training, {THREADS} threads", f"{seconds:.1f} s")
    report.bar("  memory of the process", f"{memory:.0f} MiB", memory, 600 / 1.048576)
    report.note("  one image, bytes to confidences, one thread, p50", f"{p50:.1f} ms")


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    composites.need_packages()
    backbone = Path(sys.argv[1])
    control = random_backbone(backbone)
    report = Report(f"Classification, {len(SEEDS)} seeds, mean ± deviation in points")
    for name in sys.argv[2:] or CASES:
        run_case(report, backbone, control, name)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
