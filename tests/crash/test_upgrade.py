"""Databases of every schema there has been, opened by the program of today: all that was in them is there.

The fixtures are tests/schema/NNNN.sql, made with the program of that schema by tests/schema/make_fixture.py.
"""
import itertools
import json
import re
import sqlite3

import pytest

from harness.faults import KILL, Board
from harness.lab import Lab
from harness.manifests import image_entry
from harness.server import ROOT, NotReady, Server, run_placard
from schema.view import view_of

SCHEMAS = sorted((ROOT / "tests" / "schema").glob("*.sql"))
NEWEST = len(list((ROOT / "src" / "db" / "sql").glob("sqlite-*.sql")))


def data_of(fixture, folder):
    data = folder / "data"
    data.mkdir(mode=0o700)
    database = sqlite3.connect(data / "placard.db")
    database.executescript(fixture.read_text(encoding="utf-8"))
    database.close()
    return data


def assert_whole(server, fixture):
    lab = Lab(server, "us-east-1")
    assert view_of(lab) == json.loads(fixture.with_suffix(".json").read_text(encoding="utf-8"))
    server.placard("fsck")
    return lab


def test_no_schema_is_forgotten():
    assert [fixture.stem for fixture in SCHEMAS] == [f"{number:04}" for number in range(1, NEWEST + 1)], \
        "run tests/schema/make_fixture.py for the newest schema"


@pytest.fixture(params=SCHEMAS, ids=lambda fixture: fixture.stem)
def fixture(request):
    return request.param


def test_all_is_there_and_goes_on(fixture, tmp_path, start_server):
    server = start_server(data=data_of(fixture, tmp_path))
    lab = assert_whole(server, fixture)
    (project,) = lab.api.describe_projects(ProjectNames=["birds"])["ProjectDescriptions"]
    (train,) = [row["DatasetArn"] for row in project["Datasets"] if row["DatasetType"] == "TRAIN"]
    before = lab.stats(train)[0]
    lab.update(train, [image_entry("s3://images/2.jpg", "rhea"), image_entry("s3://images/new.jpg", "rhea")])
    assert lab.stats(train)[0] in (before + 1, before + 2)  # the first may have gone to the test dataset
    server.restart()
    server.placard("fsck")


@pytest.mark.slow
def test_killed_while_it_is_brought_up_to_date(fixture, tmp_path):
    """Before and behind each commit of the start: the old schema or the new one, never something between."""
    board = Board(tmp_path / "board")
    server = Server(data_of(fixture, tmp_path), binary=board.binary, env=board.env)
    for point, side in itertools.product(("apply", "prepare_once"), ("commit", "committed")):
        board.plan(KILL, side, what=point)
        try:
            server.start()
        except NotReady as died:
            assert died.status == -9 and board.fired
        else:
            assert point == "apply" and fixture == SCHEMAS[-1]  # nothing to bring up to date
            server.kill()
    board.clear()
    server.start()
    assert_whole(server, fixture)
    server.stop()


def test_an_old_backup_is_restored(fixture, tmp_path, start_server):
    """A backup of that time: its database file, as it was copied then."""
    old = data_of(fixture, tmp_path) / "placard.db"
    run_placard("restore", old, "--data", tmp_path / "new")
    assert_whole(start_server(data=tmp_path / "new"), fixture)


def test_a_newer_schema_is_refused(tmp_path):
    data = data_of(SCHEMAS[-1], tmp_path)
    database = sqlite3.connect(data / "placard.db")
    with database:
        database.execute("INSERT INTO schema_version VALUES (999)")
    database.close()
    before = (data / "placard.db").read_bytes()
    with pytest.raises(NotReady, match="it was written by a newer placard") as refused:
        Server(data).start()
    assert refused.value.status == 2
    assert re.search("newer", run_placard("fsck", "--data", data, check=False).stderr)
    assert re.search("newer", run_placard("restore", data / "placard.db", "--data", tmp_path / "b", check=False).stderr)
    rows = sqlite3.connect(data / "placard.db")
    assert rows.execute("SELECT max(version) FROM schema_version").fetchone() == (999,)
    rows.close()
    assert len((data / "placard.db").read_bytes()) == len(before)
