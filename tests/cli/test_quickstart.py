"""./quickstart: on a folder of its own and a free port; the release build it makes is the repository's own."""
import json
import pathlib
import re
import signal
import socket
import subprocess
import time

import pytest

from harness.server import ROOT, environment

BUILD_SECONDS = 900
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("quickstart")]


def variables(data, listen="127.0.0.1:0", **more):
    return environment(PLACARD_DATA=str(data), PLACARD_LISTEN=listen, **more)


def run_once(data, **more):
    return subprocess.run([ROOT / "quickstart", "--once"], env=variables(data, **more), capture_output=True, text=True,
                          timeout=BUILD_SECONDS, check=False, stdin=subprocess.DEVNULL)


def answer_in(text, heading="DescribeDataset answers"):
    """An answer, printed between its heading and the lines to copy."""
    start = text.index("{", text.index(heading))
    return json.JSONDecoder().raw_decode(text[start:])[0]


def test_once_twice(tmp_path):
    """The second run finds project, dataset and model; the model runs again."""
    first = run_once(tmp_path / "data")
    assert first.returncode == 0, first.stdout + first.stderr
    description = answer_in(first.stdout)["DatasetDescription"]
    assert description["Status"] == "CREATE_COMPLETE"
    assert description["DatasetStats"] == {
        "LabeledEntries": 57, "TotalEntries": 60, "TotalLabels": 3, "ErrorEntries": 0}
    assert "TRAINING_COMPLETED: The model is ready to run." in first.stdout
    labels = answer_in(first.stdout, "DetectCustomLabels answers")["CustomLabels"]
    assert labels[0]["Name"] == "banana" and labels[0]["Confidence"] > 50
    assert "aws --endpoint-url" in first.stdout and "boto3.client" in first.stdout
    assert "\x1b" not in first.stdout + first.stderr, "plain where there is no terminal"

    second = run_once(tmp_path / "data")
    assert second.returncode == 0, second.stdout + second.stderr
    # a fifth went to the test dataset
    assert answer_in(second.stdout)["DatasetDescription"]["DatasetStats"]["TotalEntries"] == 48
    assert answer_in(second.stdout, "DetectCustomLabels answers") == answer_in(first.stdout, "DetectCustomLabels answers")
    assert all(f"The {what} is there" in second.stdout for what in ("project", "dataset", "model"))


def test_without_npm(tmp_path):
    """Datasets are served; it says how to have a model."""
    places = tmp_path / "bin"
    places.mkdir()
    for folder in ("/usr/bin", "/bin", "/usr/sbin", "/sbin"):
        for program in pathlib.Path(folder).iterdir():
            if program.name not in ("npm", "npx", "node") and not (places / program.name).exists():
                (places / program.name).symlink_to(program)
    run = run_once(tmp_path / "data", PATH=str(places))
    assert run.returncode == 0, run.stdout + run.stderr
    assert answer_in(run.stdout)["DatasetDescription"]["Status"] == "CREATE_COMPLETE"
    assert "npm is not installed" in run.stdout and "apt-get install npm" in run.stdout
    assert "DetectCustomLabels" not in run.stdout


def test_foreground_until_interrupted(tmp_path):
    with open(tmp_path / "said", "w+", encoding="utf-8") as said, subprocess.Popen(
            [ROOT / "quickstart"], env=variables(tmp_path / "data"), stdout=said, stderr=said, stdin=subprocess.DEVNULL,
            start_new_session=True) as process:
        deadline = time.monotonic() + BUILD_SECONDS
        while "until Ctrl-C" not in (text := (tmp_path / "said").read_text()):
            assert process.poll() is None and time.monotonic() < deadline, text
            time.sleep(0.1)
        # The printed lines work as they stand.
        lines = re.search(r"^(AWS_SHARED_CREDENTIALS_FILE=\S+ aws .*\n.*--dataset-arn \S+)$", text, re.M).group(1)
        again = subprocess.run(["/bin/bash", "-c", lines], cwd=ROOT, capture_output=True, text=True, check=True, timeout=60,
                               env=environment(PATH="/usr/bin:/bin", AWS_CONFIG_FILE="/dev/null", AWS_PAGER=""))
        assert json.loads(again.stdout)["DatasetDescription"]["DatasetStats"]["TotalEntries"] == 48
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 130
    url = re.search(r"http://127\.0\.0\.1:(\d+)", text)
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.1", int(url.group(1))), 5)


def test_port_in_use(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        run = run_once(tmp_path / "data", listen=f"127.0.0.1:{port}")
    assert run.returncode == 1
    assert f"If port {port} is taken" in run.stderr


def test_unknown_argument(tmp_path):
    run = subprocess.run([ROOT / "quickstart", "--twice"], env=variables(tmp_path), capture_output=True, text=True,
                         check=False)
    assert run.returncode == 2
    assert "Usage:" in run.stderr
