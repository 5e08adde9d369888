"""What holds the server in: its own filter of system calls, and the unit file that systemd gets.

That the filter lets through all that the server needs is shown by every other suite: their servers run with --seccomp
kill. What it stops is tested in tests/unit/cli/test_confine.c.
"""
import re
import shutil
import signal
import subprocess
from pathlib import Path

import pytest

from harness.lab import Lab
from harness.manifests import image_entry
from harness.server import ROOT

UNIT = ROOT / "packaging" / "placard.service"
EXPOSURE_MOST = 1.5  # of 10, as systemd-analyze counts
needs_systemd = pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="there is no systemd-analyze")


def confinement(server):
    """{(Seccomp, NoNewPrivs)} of all threads; Seccomp 2 is a filter."""
    found = set()
    for status in Path(f"/proc/{server.process.pid}/task").glob("*/status"):
        text = status.read_text()
        found.add(
            tuple(int(re.search(rf"^{name}:\s*(\d+)$", text, re.M).group(1)) for name in ("Seccomp", "NoNewPrivs"))
        )
    return found


@pytest.mark.parametrize(
    "flags, expected",
    [(("--seccomp", "refuse"), (2, 1)), (("--seccomp", "kill"), (2, 1)), (("--seccomp", "off"), (0, 0))],
)
def test_every_thread_is_confined(start_server, flags, expected):
    own = start_server(*flags)
    lab = Lab(own)
    lab.create([image_entry(lab.bucket.image(1), "cat")])
    assert confinement(own) == {expected}


def test_it_is_confined_by_default(start_server):
    own = start_server()
    own.env.pop("PLACARD_SECCOMP")
    own.restart()
    assert confinement(own) == {(2, 1)}
    own.stop()
    assert "seccomp=refuse" in own.log()


def test_reload_and_end_work_in_confinement(start_server, tmp_path):
    """SIGHUP reads files; the end writes and joins: all of it within the list, and killed if it were not."""
    config = tmp_path / "placard.conf"
    config.write_text("limits = aws\n")
    own = start_server("--config", config, "--seccomp", "kill")
    config.write_text("limits = none\n")
    own.signal(signal.SIGHUP)
    lab = Lab(own)
    lab.create([image_entry(lab.bucket.image(1), "cat")])
    own.restart()
    assert confinement(own) == {(2, 1)}


@needs_systemd
def test_the_unit_is_one(tmp_path):
    """As systemd reads it, with a program and a manual page that are there."""
    text = UNIT.read_text(encoding="utf-8")
    copy = tmp_path / "placard.service"
    copy.write_text(text.replace("/usr/local/bin/placard", "/bin/true").replace("Documentation=man:placard(1)\n", ""))
    run = subprocess.run(["systemd-analyze", "verify", copy], capture_output=True, text=True, check=False)
    said = [line for line in run.stderr.splitlines() if "placard.service" in line]
    assert (run.returncode, said) == (0, []), run.stderr


@needs_systemd
def test_the_unit_exposes_little():
    run = subprocess.run(
        ["systemd-analyze", "security", "--offline=true", "--no-pager", UNIT],
        capture_output=True,
        text=True,
        check=False,
    )
    exposure = float(re.search(r"Overall exposure level for placard\.service: ([\d.]+)", run.stdout).group(1))
    assert exposure <= EXPOSURE_MOST, run.stdout


@pytest.mark.parametrize(
    "setting",
    [
        "DynamicUser=yes",
        "ProtectSystem=strict",
        "ProtectHome=yes",
        "NoNewPrivileges=yes",
        "CapabilityBoundingSet=",
        "NoExecPaths=/",
        "PrivateDevices=yes",
        "RestrictNamespaces=yes",
        "SystemCallFilter=@system-service",
        "SystemCallArchitectures=native",
    ],
)
def test_the_unit_has(setting):
    assert setting in UNIT.read_text(encoding="utf-8").splitlines()
