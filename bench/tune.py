#!/usr/bin/python3
"""What fine-tuning the backbone's last layers would gain, and what it costs. Prints a table.

    bench/tune.py BACKBONE [CASE ...]

Cases of classify.py: fashion50, products10 and kinds by default. The layers behind a cut are tuned on a case's training
images (bench/tune_trial); then the classifier is trained and tested on the tuned backbone, and beside it on the one that
was published. Needs what classify.py needs and `ninja -C build bench/classify_trial bench/tune_trial`.
PLACARD_BENCH_SEEDS (1 here), PLACARD_TUNE_CUT, PLACARD_TUNE_EPOCHS and PLACARD_TUNE_RATE change what is done.
"""
import hashlib
import os
import statistics
import subprocess
import sys
from pathlib import Path

import classify
import composites
from measure import FOLDER, Report

SEEDS = range(1, 1 + int(os.environ.get("PLACARD_BENCH_SEEDS", 1)))
TRIAL = classify.TRIAL.with_name("tune_trial")
OPTIONS = {"cut": os.environ.get("PLACARD_TUNE_CUT", "3"), "epochs": os.environ.get("PLACARD_TUNE_EPOCHS", "10"),
           "rate": os.environ.get("PLACARD_TUNE_RATE", "3e-4")}
DEFAULTS = ("fashion50", "products10", "kinds")


def tuned_backbone(backbone, folder, seed, multi):
    """(a backbone's folder, figures)"""
    into = FOLDER / "tuned" / f"{folder.name}"
    into.mkdir(parents=True, exist_ok=True)
    command = [TRIAL, backbone, folder, into / "tail", "seed", str(seed), "multi", str(multi)]
    for name, value in OPTIONS.items():
        command += [name, value]
    run = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    figures = dict(line.split()[1:] for line in run.stdout.splitlines() if line.startswith("figure "))
    weights, tail = (backbone / "weights.bin").read_bytes(), (into / "tail").read_bytes()
    raw = weights[:-len(tail)] + tail
    (into / "weights.bin").write_bytes(raw)
    sha = hashlib.sha256(raw).hexdigest()
    lines = [f"weights floats={len(raw) // 4} sha256={sha}" if line.startswith("weights ") else line
             for line in (backbone / "backbone.txt").read_text().splitlines()]
    (into / "backbone.txt").write_text("\n".join(lines) + "\n")
    return into, figures


def run_case(report, backbone, name):
    title, folder_of, _, several = classify.CASES[name]
    measure = classify.macro_f1 if several else classify.top1
    plain, tuned, seconds = [], [], []
    for seed in SEEDS:
        folder = folder_of(seed)
        truth = classify.truths(folder)
        plain.append(measure(classify.trial(backbone, folder, seed, multi=int(several))[1], truth))
        other, figures = tuned_backbone(backbone, folder, seed, int(several))
        tuned.append(measure(classify.trial(other, folder, seed, multi=int(several))[1], truth))
        seconds.append(float(figures["look_cpu_seconds"]) + float(figures["tune_cpu_seconds"]))
        print(name, seed, f"{plain[-1]:.4f} tuned {tuned[-1]:.4f}", figures, flush=True)
    report.note(title, f"{100 * statistics.mean(plain):.1f}; tuned {100 * statistics.mean(tuned):.1f}, for "
                       f"{statistics.mean(seconds):.0f} s of CPU more")


def main():
    if len(sys.argv) < 2:
        raise SystemExit(__doc__)
    composites.need_packages()
    report = Report(f"Fine-tuning, {len(SEEDS)} seeds, top-1 or macro F1, cut {OPTIONS['cut']}")
    for name in sys.argv[2:] or DEFAULTS:
        run_case(report, Path(sys.argv[1]), name)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
