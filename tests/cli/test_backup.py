"""`placard backup` and `placard restore`: a state of one commit, beside a server that writes; nothing overwritten."""
import shutil
import sqlite3
import threading
import time

import pytest

from harness.clients import boto_client
from harness.lab import Lab, fresh_region
from harness.manifests import image_entry, many_lines
from harness.models import ModelLab, model_flags
from harness.server import Key, Server, run_placard

LINES = 60_000


def start_on(data, **options):
    return Server(data, **options).start()


def mode_of(path):
    return path.stat().st_mode & 0o777


@pytest.fixture
def stock(start_server, tmp_path):
    """A server with something of everything, and a backup of it."""
    server = start_server(root_key=None)
    server.root_key = credentials(server.data)
    lab = Lab(server)
    lab.arn_of_birds = lab.project("birds")
    lab.dataset = lab.create([image_entry(f"s3://images/{number}.jpg", "owl") for number in range(300)],
                             project=lab.arn_of_birds)
    lab.api.tag_resource(ResourceArn=lab.dataset, Tags={"team": "north"})
    lab.file = tmp_path / "backup"
    return lab


def credentials(data):
    text = dict(line.split(" = ") for line in (data / "credentials").read_text().splitlines() if " = " in line)
    return Key(text["aws_access_key_id"], text["aws_secret_access_key"])


def test_what_was_there_is_there_again(stock, tmp_path):
    run = stock.server.placard("backup", stock.file)
    assert run.stdout == "1 projects, 1 datasets, 0 versions, 3 blocks, 300 entries, 1 labels, 300 refs, 0 jobs: all agrees\n"
    assert mode_of(stock.file) == 0o600
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith("backup")] == ["backup"]
    before = stock.describe(stock.dataset), stock.lines(stock.dataset)
    stock.update(stock.dataset, [image_entry("s3://images/1.jpg", "emu")])  # behind the backup
    assert run_placard("restore", stock.file, "--data", tmp_path / "new").stdout == run.stdout
    assert mode_of(tmp_path / "new" / "placard.db") == mode_of(tmp_path / "new" / "credentials") == 0o600
    assert sorted(path.name for path in (tmp_path / "new").iterdir()) == ["credentials", "lock", "placard.db"]
    server = start_on(tmp_path / "new", root_key=None)
    try:
        server.root_key = credentials(server.data)
        assert server.root_key == stock.server.root_key
        lab = Lab(server, stock.region)
        assert (lab.describe(stock.dataset), lab.lines(stock.dataset)) == before
        assert lab.api.list_tags_for_resource(ResourceArn=stock.dataset)["Tags"] == {"team": "north"}
        lab.update(stock.dataset, [image_entry("s3://images/900.jpg", "emu")])
        assert lab.stats(stock.dataset) == (301, 301, 2, 0)
    finally:
        server.stop()


def test_the_root_key_is_not_left_in_the_database(stock, tmp_path):
    stock.server.placard("backup", stock.file)
    run_placard("restore", stock.file, "--data", tmp_path / "new")
    with sqlite3.connect(tmp_path / "new" / "placard.db") as database:
        assert database.execute("SELECT count(*) FROM meta WHERE key = 'credentials'").fetchone() == (0,)
    database.close()


def test_nothing_is_overwritten_unasked(stock, tmp_path):
    stock.server.placard("backup", stock.file)
    content = stock.file.read_bytes()
    run = stock.server.placard("backup", stock.file, check=False)
    assert (run.returncode, run.stderr) == (2, f"placard backup: {stock.file} is there already; name another file, or "
                                               "say --overwrite\n")
    assert stock.file.read_bytes() == content
    new = tmp_path / "new"
    run_placard("restore", stock.file, "--data", new)
    key = credentials(new)
    (new / "credentials").write_text("[default]\naws_access_key_id = AKIDOTHER\naws_secret_access_key = other\n")
    run = run_placard("restore", stock.file, "--data", new, check=False)
    assert (run.returncode, run.stderr) == (2, f"placard restore: {new}/placard.db is there already; name another data "
                                               "directory, or say --overwrite\n")
    assert credentials(new).access == "AKIDOTHER"
    run_placard("restore", stock.file, "--data", new, "--overwrite")
    assert credentials(new) == key
    stock.server.placard("backup", stock.file, "--overwrite")


def test_an_older_state_comes_back_over_a_newer_one(stock):
    """--overwrite on a directory whose server was killed, with its log beside it."""
    stock.server.placard("backup", stock.file)
    stock.update(stock.dataset, [image_entry("s3://images/900.jpg", "emu")])
    while (stock.server.data / "placard.db-wal").stat().st_size == 0:  # an idle server gives the log's space back
        stock.project()
    stock.server.kill()
    stock.server.placard("restore", stock.file, "--overwrite")
    assert not (stock.server.data / "placard.db-wal").exists()
    stock.server.start()
    assert Lab(stock.server, stock.region).stats(stock.dataset) == (300, 300, 1, 0)
    stock.server.placard("fsck")


def test_not_under_a_running_server(stock):
    stock.server.placard("backup", stock.file)
    run = stock.server.placard("restore", stock.file, "--overwrite", check=False)
    assert run.returncode == 1 and f"in use by process {stock.server.process.pid};" in run.stderr
    assert stock.stats(stock.dataset) == (300, 300, 1, 0)


def test_what_is_no_backup_is_refused(stock, tmp_path):
    new = tmp_path / "new"
    garbage, other = tmp_path / "garbage", tmp_path / "other.db"
    garbage.write_bytes(b"no database, only text " * 1000)
    with sqlite3.connect(other) as database:
        database.execute("CREATE TABLE thing (name TEXT)")
    database.close()
    stock.server.placard("backup", stock.file)
    cut = tmp_path / "cut"
    cut.write_bytes(stock.file.read_bytes()[:stock.file.stat().st_size // 2])
    damaged = tmp_path / "damaged"
    shutil.copy(stock.file, damaged)
    with sqlite3.connect(damaged) as database:
        database.execute("UPDATE dataset SET total = total + 1")
    database.close()
    for file, says in [(garbage, "is no backup"), (other, "not one of placard"), (cut, ""), (damaged, "does not agree"),
                       (tmp_path / "absent", "there is no file"), (stock.server.data / "placard.db", "database in use")]:
        run = run_placard("restore", file, "--data", new, check=False)
        assert run.returncode in (1, 2) and says in run.stderr, (file, run)
        assert not (new / "placard.db").exists()
        assert not list(new.glob("*.part*")) and not (new / "credentials").exists()


def test_a_backup_that_cannot_be_written_leaves_nothing(stock):
    run = stock.server.placard("backup", "/dev/full/backup", check=False)
    assert run.returncode == 1 and run.stderr.startswith("placard backup: ")
    run = stock.server.placard("backup", "/proc/backup", check=False)
    assert run.returncode == 1


@pytest.fixture(name="trained")
def fixture_trained(start_server, tmp_path):
    """A lab with a model that runs, and a second version whose training failed; what it says of an image."""
    server = start_server(*model_flags())
    lab = ModelLab(server)
    lab.arn = lab.train()
    lab.start(lab.arn)
    failing = lab.project()
    lab.create([image_entry("s3://images/1.jpg", "owl")], project=failing)
    lab.create([image_entry("s3://images/2.jpg", "owl")], project=failing, kind="TEST")
    lab.train(failing, expected="TRAINING_FAILED")
    lab.said = lab.detect(lab.arn, MinConfidence=0)
    lab.file = tmp_path / "backup"
    return lab


def folders(data):
    return {path.relative_to(data / "models"): path.read_bytes() for path in (data / "models").glob("*/*")}


@pytest.mark.slow
def test_models_come_along(trained, tmp_path):
    run = trained.server.placard("backup", trained.file)
    kept = folders(trained.server.data)
    size = sum(map(len, kept.values()))
    assert run.stdout.splitlines()[1:] == [f"1 models, {size} bytes with what belongs to them"] and not run.stderr
    new = tmp_path / "new"
    assert run_placard("restore", trained.file, "--data", new).stdout == run.stdout
    assert folders(new) == kept
    assert not list(new.glob("models.*")), "nothing is left of the way there"
    with sqlite3.connect(new / "placard.db") as database:
        assert database.execute("SELECT count(*) FROM sqlite_master WHERE name = 'model_file'").fetchone() == (0,)
    database.close()
    server = start_on(new, flags=model_flags())
    try:
        lab = ModelLab(server, trained.region)
        assert lab.wait_version(trained.arn, "STARTING")["Status"] == "RUNNING"
        assert lab.detect(trained.arn, MinConfidence=0) == trained.said
        server.placard("fsck")
    finally:
        server.stop()


@pytest.mark.slow
def test_models_of_later_go_with_the_rows(trained):
    """Numbers of versions come again behind a restored backup: a model of before must not be taken for a new one."""
    trained.server.placard("backup", trained.file)
    later = trained.train(trained.trainable(labels=("green", "yellow")))
    before = folders(trained.server.data)
    trained.server.stop()
    trained.server.placard("restore", trained.file, "--overwrite")
    assert len(folders(trained.server.data)) < len(before)
    trained.server.start()
    lab = ModelLab(trained.server, trained.region)
    lab.wait_version(trained.arn, "STARTING")
    assert lab.detect(trained.arn, MinConfidence=0) == trained.said
    again = lab.train()
    lab.start(again)
    assert {label["Name"] for label in lab.detect(again, MinConfidence=0)} == {"red", "blue"}, later


@pytest.mark.slow
def test_rows_restored_by_other_means(trained):
    """Likewise where somebody put an older database back by hand, beside newer models."""
    server = trained.server
    server.stop()
    shutil.copy(server.data / "placard.db", trained.file)
    server.start()
    lab = ModelLab(server, trained.region)
    lab.train(lab.trainable(labels=("green", "yellow")))
    server.stop()
    shutil.copy(trained.file, server.data / "placard.db")
    server.start()
    lab = ModelLab(server, trained.region)
    again = lab.train()
    lab.start(again)
    assert {label["Name"] for label in lab.detect(again, MinConfidence=0)} == {"red", "blue"}


@pytest.mark.slow
def test_models_that_are_not_in_a_backup_are_said_to_be_missing(trained, start_server, tmp_path):
    model, = (trained.server.data / "models").glob("*/model")
    model.unlink()
    run = trained.server.placard("backup", trained.file)
    assert "of 1 versions no model is in DATA/models" in run.stderr and "models" not in run.stdout
    server = start_server(*model_flags(), "--models", "bucket:models")
    ModelLab(server).train()
    run = server.placard("backup", tmp_path / "other", "--models", "bucket:models")
    assert run.stdout.splitlines()[1:] == ["1 models are kept in bucket:models and are not in this file"]


@pytest.mark.slow
def test_beside_an_ingest_and_writing_clients(start_server, tmp_path):
    """Backup after backup while a manifest is read and projects are made: each is a state of one commit."""
    server = start_server()
    lab = Lab(server, fresh_region())
    ended = threading.Event()
    made = []

    def make_projects():
        api = boto_client(server, lab.region)
        while not ended.is_set():
            made.append(api.create_project(ProjectName=f"project-{len(made)}")["ProjectArn"])
            time.sleep(0.005)
    writer = threading.Thread(target=make_projects)
    arn = lab.begin(many_lines("s3://images/", LINES))
    writer.start()
    known, states = [], []
    try:
        while len(states) < 3 or lab.status(arn) == "CREATE_IN_PROGRESS":
            acknowledged = len(made)
            file = tmp_path / f"backup-{len(states)}"
            states.append(server.placard("backup", file).stdout)
            known.append((file, acknowledged))
    finally:
        ended.set()
        writer.join()
    lab.wait_created(arn)
    assert any(" 1 jobs: " in state for state in states), states
    for file, acknowledged in known[:3] + known[-1:]:
        data = tmp_path / f"restored-{file.name}"
        run_placard("restore", file, "--data", data)
        shutil.copytree(server.data / "buckets", data / "buckets", copy_function=shutil.copy2)
        restored = Lab(start_on(data), lab.region)
        try:
            names = {row["ProjectArn"] for page in restored.api.get_paginator("describe_projects").paginate()
                     for row in page["ProjectDescriptions"]}
            assert names >= set(made[:acknowledged]), "a project acknowledged before the backup is not in it"
            settled = restored.wait_while(arn, "CREATE_IN_PROGRESS")
            # The manifest is another file here, so an ingest under way fails honestly; one that was done is whole.
            assert (settled["Status"], restored.stats(arn)) in [("CREATE_COMPLETE", (LINES, LINES, 2, 0)),
                                                                ("CREATE_FAILED", (0, 0, 0, 0))]
            restored.server.placard("fsck")
        finally:
            restored.server.stop()
