"""A user's own backbone in ONNX Runtime: the default network, written as ONNX, must give what the built-in engine gives."""
import json
import platform
import re
import subprocess
import tarfile

import pytest

from harness.backbone import BACKBONE, backbones, fetched, package_file
from harness.onnx_model import SIDECAR, write_model
from harness.server import BINARY, run_placard

RUNTIME, RUNTIME_VERSION = "onnxruntime-node", "1.17.3"
MACHINES = {"x86_64": "x64", "aarch64": "arm64"}
TOOL = BINARY.parent / "bench" / "trunk"
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("onnxruntime")]


@pytest.fixture(scope="module")
def library():
    """libonnxruntime.so of npm's package, unpacked beside the program."""
    file = BINARY.parent / "packages" / f"libonnxruntime.so.{RUNTIME_VERSION}"
    if not file.exists():
        member = f"package/bin/napi-v3/linux/{MACHINES[platform.machine()]}/{file.name}"
        with tarfile.open(fetched(RUNTIME, RUNTIME_VERSION)) as files:
            file.write_bytes(files.extractfile(member).read())
    return file


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    path = tmp_path_factory.mktemp("onnx") / "trunk.onnx"
    write_model(package_file(), path)
    return path


@pytest.fixture
def sidecar(tmp_path, library):
    path = tmp_path / "sidecar.txt"
    path.write_text(SIDECAR.format(library=library), encoding="utf-8")
    return path


def add(folder, *arguments, **options):
    return run_placard("backbone", "add", *arguments, "--backbones", folder, **options)


def refused(folder, *arguments):
    run = add(folder, *arguments, check=False)
    assert run.returncode in (1, 2), run
    assert not folder.exists() or list(folder.iterdir()) == []
    return run.stderr


@pytest.mark.parametrize("side", [224, 320, 233])
def test_both_engines_agree(tmp_path, model, sidecar, side):
    folder = tmp_path / "backbones"
    assert add(folder, "mine", model, sidecar).stdout == f"Added mine in {folder}\n"
    row = json.loads(run_placard("backbone", "list", "--json", "--backbones", folder).stdout)
    assert row["Backbone"] == "mine" and row["Engine"] == "onnxruntime" and row["Channels"] == [192, 576, 1280]
    run = subprocess.run([TOOL, backbones() / BACKBONE, folder / "mine", "--side", str(side), "--runs", "2"],
                         capture_output=True, text=True, check=False)
    assert run.returncode == 0, run
    assert float(re.search(r"largest difference (\S+)", run.stdout).group(1)) < 1e-4


def test_without_the_library(tmp_path, model, sidecar):
    sidecar.write_text(SIDECAR.format(library="/nowhere/libonnxruntime.so"), encoding="utf-8")
    assert "ONNX Runtime is not there" in refused(tmp_path / "backbones", "mine", model, sidecar)


def test_what_is_no_model_is_refused(tmp_path, model, sidecar):
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(model.read_bytes()[:100000])
    assert "refuses the model" in refused(tmp_path / "backbones", "mine", broken, sidecar)
    assert "no name for a backbone" in refused(tmp_path / "backbones", "../mine", model, sidecar)
    assert "cannot be read" in refused(tmp_path / "backbones", "mine", tmp_path / "none", sidecar)


@pytest.mark.parametrize("old, new, hint", [
    ("input=images", "input=pictures", "cannot run the model"),
    ("tap c4 c4", "tap c4 c5", "it should be at 1/16"),
    ("tap c5 c5", "tap c5 nothing", "cannot run the model"),
    ("layout=nchw", "layout=chwn", "line 3: `layout=`"),
    ("layout=nchw", "layout=nhwc", "ONNX Runtime"),
    ("offset=-1", "offset=none", "line 2"),
    ("tap c5 c5\n", "", "three taps"),
    ("input scale", "inputs scale", "the sidecar begins with"),
])
def test_a_wrong_sidecar_is_named(tmp_path, model, sidecar, old, new, hint):
    sidecar.write_text(sidecar.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    assert hint in refused(tmp_path / "backbones", "mine", model, sidecar)


def test_a_changed_model_is_seen(tmp_path, model, sidecar):
    folder = tmp_path / "backbones"
    add(folder, "mine", model, sidecar)
    file = folder / "mine" / "model.onnx"
    file.write_bytes(file.read_bytes() + b"\0")
    assert "damaged" in run_placard("backbone", "list", "--backbones", folder).stdout
