"""The program's own subcommands: help, configuration, fsck, and the signed client `placard call`."""
import json
import re
import sqlite3

import pytest

from harness.lab import Lab
from harness.manifests import box, box_entry, image_entry
from harness.server import ROOT, environment, run_placard

COMMANDS = ["serve", "keys", "buckets", "jobs", "rejected", "fsck", "check-config", "print-config", "dump-model",
            "backbone", "call", "version", "migrate-store"]


def refused(*arguments, status=2, **options):
    run = run_placard(*arguments, check=False, **options)
    assert run.returncode == status, run
    assert run.stdout == "" and run.stderr.startswith("placard")
    return run.stderr


@pytest.mark.parametrize("command", COMMANDS)
def test_help(command):
    text = run_placard(command, "--help").stdout
    assert text.startswith(f"Usage: placard {command}")
    assert all(len(line) <= 120 for line in text.splitlines())


def test_general_help_names_every_command():
    text = run_placard("--help").stdout
    for command in COMMANDS:
        assert re.search(rf"^  {command} ", text, re.M)


def test_version():
    assert re.search(r"\d+\.\d+\.\d+", run_placard("version").stdout)
    assert run_placard("--version").stdout == run_placard("version").stdout


def test_asked_wrongly():
    assert "missing" in refused()
    assert "`serve`" in refused("serv")
    assert "--listen" in refused("serve", "--lisen", "127.0.0.1:0")
    assert "a value" in refused("serve", "--listen")


def test_flag_over_variable_over_file(tmp_path):
    file = tmp_path / "placard.conf"
    file.write_text("# a comment\npool-queue = 5\nlog-level = warn\nidle-ms = 7000\n", encoding="utf-8")
    env = environment(PLACARD_POOL_QUEUE="6", PLACARD_LOG_LEVEL="error")
    text = run_placard("print-config", "--config", file, "--pool-queue", "7", env=env).stdout
    values = dict(re.findall(r"^([a-z-]+) *= *(\S*)", text, re.M))
    assert (values["pool-queue"], values["log-level"], values["idle-ms"]) == ("7", "error", "7000")


def test_printed_configuration_reads_back_the_same(tmp_path):
    flags = ["--rate", "DescribeDataset=5", "--limit", "dataset-labels=none", "--cors-origin", "https://a.example",
             "--cors-origin", "https://b.example"]
    first = run_placard("print-config", *flags).stdout
    file = tmp_path / "placard.conf"
    file.write_text(first, encoding="utf-8")
    second = run_placard("print-config", "--config", file).stdout

    def values(text):
        return sorted(line.split("#")[0].strip() for line in text.splitlines() if "=" in line.split("#")[0])
    assert values(first) == values(second)


@pytest.mark.parametrize("line, hint", [
    ("pool-qeue = 5", "pool-queue"), ("pool-queue = x", "pool-queue"), ("pool-queue", "2"), ("limit.unknown = 3", "unknown"),
    ("auth = maybe", "auth"), ("rate.Nonsense = 3", "Nonsense"), ("account = 12", "account"), ("tls-key = /x", "tls"),
])
def test_faults_of_a_file_are_named(tmp_path, line, hint):
    file = tmp_path / "placard.conf"
    file.write_text(f"# first\n{line}\n", encoding="utf-8")
    assert hint in refused("check-config", "--config", file)


def test_check_config():
    assert "good" in run_placard("check-config", "--listen", "127.0.0.1:0").stdout
    assert "loopback" in refused("check-config", "--listen", "0.0.0.0:8790", "--auth", "none")


@pytest.fixture
def lab_with_data(start_server):
    lab = Lab(start_server())
    project = lab.project("birds")
    train = lab.create([image_entry(f"s3://images/{number}.jpg", "cat", "dog") for number in range(300)]
                       + [box_entry(f"s3://images/{name}.jpg", ["emu"], [box(), box(left=-1)]) for name in "xy"],
                       project=project)
    lab.copy(train)
    lab.update(train, [image_entry(f"s3://images/{number}.jpg", "fox") for number in (7, 8)])
    lab.distribute(train, lab.create(project=project, kind="TEST"))
    return lab


def test_fsck_beside_a_server_and_alone(lab_with_data):
    lab_with_data.server.placard("fsck")
    lab_with_data.server.stop()
    lab_with_data.server.placard("fsck")


def test_fsck_sees_a_wrong_counter(lab_with_data):
    """Each integer column of a dataset's row that is a counter, off by one."""
    server = lab_with_data.server
    server.stop()
    path = server.data / "placard.db"
    with sqlite3.connect(path) as database:
        columns = [row[1] for row in database.execute("PRAGMA table_info(dataset)")]
    database.close()
    counters = [name for name in columns if name in ("total", "labeled", "labels", "errors") or name.endswith("_count")]
    assert len(counters) == 4, columns
    for column in counters:
        for sign, status in (("+", 1), ("-", 0)):
            with sqlite3.connect(path) as database:
                database.execute(f"UPDATE dataset SET {column} = {column} {sign} 1")
            database.close()
            run = server.placard("fsck", check=False)
            assert run.returncode == status, (column, run)
    server.start()


def call(lab, operation, body, key=None, check=True):
    key = key or lab.key
    env = environment(AWS_ACCESS_KEY_ID=key.access, AWS_SECRET_ACCESS_KEY=key.secret)
    return run_placard("call", operation, json.dumps(body), "--endpoint", lab.server.url, "--region", lab.region,
                       check=check, env=env)


def test_call(lab):
    arn = json.loads(call(lab, "CreateProject", {"ProjectName": "birds"}).stdout)
    assert arn["ProjectArn"].startswith("arn:aws:rekognition:")
    assert len(json.loads(call(lab, "DescribeProjects", {}).stdout)["ProjectDescriptions"]) == 1


def test_call_that_is_refused(lab):
    run = call(lab, "DescribeDataset", {"DatasetArn": lab.arn("project/p/dataset/train/1")}, check=False)
    assert run.returncode == 1
    assert "ResourceNotFoundException" in run.stdout + run.stderr
    run = call(lab, "DescribeProjects", {}, key=lab.key._replace(secret="wrong"), check=False)
    assert run.returncode == 1
    assert "InvalidSignatureException" in run.stdout + run.stderr


def test_call_to_nobody(lab):
    env = environment(AWS_ACCESS_KEY_ID="x", AWS_SECRET_ACCESS_KEY="y")
    run = run_placard("call", "DescribeProjects", "{}", "--endpoint", "http://127.0.0.1:1", "--region", "us-east-1",
                      check=False, env=env)
    assert run.returncode == 255
    assert "127.0.0.1:1" in run.stderr


@pytest.mark.parametrize("paper", ["operating.md", "placard.1"])
def test_every_setting_and_limit_is_documented(paper):
    text = (ROOT / "docs" / paper).read_text(encoding="utf-8").replace("\\-", "-")
    settings = re.findall(r"^  --([a-z-]+) ", run_placard("serve", "--help").stdout, re.M)
    limits = re.findall(r"^  ([a-z-]+) +\d+  ", run_placard("serve", "--help").stdout, re.M)
    assert len(settings) > 30 and len(limits) > 10
    assert [name for name in settings + limits if not re.search(rf"(?<!\w)(?<!\w-){name}(?![\w-])", text)] == []
