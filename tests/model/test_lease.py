"""The protocol of jobs, leases and generations, looked through by spin: whole, and each rule of it broken.

lease.pml has the jobs of one dataset, distribute.pml those of two that flip at once, and a deletion.

A model that could not fail would prove nothing, so each rule that the model names is broken once, and must be missed.
"""
import os
import re
import subprocess
from pathlib import Path

import pytest

from harness.server import ROOT

MODELS = {path.stem: path.read_text(encoding="utf-8") for path in sorted(Path(__file__).parent.glob("*.pml"))}
RULES = {(model, name): int(number) for model, text in MODELS.items() for name, number in
         re.findall(r"^#define ([A-Z_]+) +(\d+) +/\*", text.split("#ifndef MISHAPS")[0], re.M)}
# These are found only after most of the states were looked at.
FAR = {"FINISH_APART", "CURSOR_APART", "SETTLE_BESIDE_COPY"}
DEPTH = 100_000

pytestmark = pytest.mark.xdist_group("model")


@pytest.fixture(scope="module")
def verifiers(tmp_path_factory):
    return {model: verifier_of(tmp_path_factory.mktemp(model), model) for model in MODELS}


def verifier_of(folder, model):
    (folder / f"{model}.pml").write_text(MODELS[model], encoding="utf-8")
    subprocess.run(["spin", "-a", f"{model}.pml"], cwd=folder, check=True, capture_output=True)
    subprocess.run(["gcc", "-O1", "-w", "-DSAFETY", "-DCOLLAPSE", "-DMEMLIM=2048", "-o", "pan", "pan.c"], cwd=folder,
                   check=True)
    return folder / "pan"


def verify(verifier, broken=0):
    """How many errors there are, 0 or 1, and how many states were looked at."""
    env = {**os.environ, "BROKEN": str(broken)}
    said = subprocess.run([verifier, f"-m{DEPTH}", "-n"], cwd=verifier.parent, env=env, capture_output=True, text=True,
                          timeout=600, check=False).stdout
    assert "max search depth too small" not in said
    assert "out of memory" not in said
    return int(re.search(r"errors: (\d+)", said).group(1)), int(re.search(r"(\d+) states, stored", said).group(1)), said


@pytest.mark.parametrize("model", MODELS)
def test_nothing_is_lost_doubled_or_half_visible(verifiers, model):
    errors, states, said = verify(verifiers[model])
    assert errors == 0, said
    assert states > 1_000_000, "the model has shrunk: does it still do what it says?"


@pytest.mark.parametrize("model, rule", [pytest.param(*rule, marks=[pytest.mark.slow] if rule[1] in FAR else [])
                                         for rule in RULES])
def test_each_broken_rule_is_found(verifiers, model, rule):
    errors, _, said = verify(verifiers[model], RULES[model, rule])
    assert errors == 1, said
    assert "assertion violated" in said


def named_functions():
    """(file, function) of every `C:` in the model."""
    for line in re.findall(r"/\* C: (.*?) \*/", "".join(MODELS.values())):
        for part in line.split(";"):
            words = part.split()
            if "/" not in words[0]:
                continue
            for name in words[1:]:
                yield words[0], name.rstrip(",")


def test_the_model_names_what_is_there():
    names = list(named_functions())
    assert len(names) > 40
    assert {"store/job.c", "store/stage_rows.c", "work/stage.c", "work/runner.c"} <= {name[0] for name in names}
    for file, function in names:
        text = (ROOT / "src" / file).read_text(encoding="utf-8")
        assert re.search(rf"^[\w *]*\b{function}\(", text, re.M), f"{file} has no {function}"
