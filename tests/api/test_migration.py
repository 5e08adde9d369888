"""A data directory of an earlier schema: the next start brings it up to date, and nothing in it is lost.

`tests/fixtures/schema-N.sql` is what the last program of schema N left when it was killed with a promise not yet kept.
"""
import pathlib
import sqlite3

import pytest

from harness.lab import Lab
from harness.server import ROOT, run_placard

pytestmark = pytest.mark.sqlite

FIXTURES = pathlib.Path(__file__).parent.parent / "fixtures"
REGION = "us-east-1"


def schema_of(folder):
    with sqlite3.connect(folder / "placard.db") as database:
        version = database.execute("SELECT max(version) FROM schema_version").fetchone()[0]
    database.close()
    return version


@pytest.fixture(params=sorted(FIXTURES.glob("schema-*.sql")), ids=lambda path: path.stem)
def old_data(request, tmp_path):
    folder = tmp_path / "old"
    (folder / "buckets").mkdir(parents=True)
    folder.chmod(0o700)
    with sqlite3.connect(folder / "placard.db") as database:
        database.executescript(request.param.read_text())
    database.close()
    assert schema_of(folder) == int(request.param.stem.removeprefix("schema-"))
    return folder


def test_nothing_is_lost(old_data, start_server):
    own = start_server(data=old_data)
    lab = Lab(own, REGION)
    listed = {arn.split("/")[1]: project for project in lab.api.describe_projects()["ProjectDescriptions"]
              for arn in [project["ProjectArn"]]}
    assert list(listed) == ["half-done", "empty", "many", "birds"]
    birds = listed["birds"]
    train, test = (dataset["DatasetArn"] for dataset in birds["Datasets"])
    assert lab.stats(train) == (9, 8, 5, 0)
    assert lab.stats(test) == (0, 0, 0, 0)
    assert lab.labels(train) == {"owl": (6, None), "emu": (1, None), "beak": (1, 1), "wing": (1, 1), "kiwi": (1, None)}
    assert lab.sources(train) == [f"s3://images/{n}.jpg" for n in range(1, 10)]
    assert lab.api.list_tags_for_resource(ResourceArn=birds["ProjectArn"])["Tags"] == {"team": "north"}
    assert lab.api.list_tags_for_resource(ResourceArn=train)["Tags"] == {"half": "train"}
    assert lab.stats(listed["many"]["Datasets"][0]["DatasetArn"])[0] == 300
    assert "210987654321" in own.placard("buckets", "list").stdout
    # What was promised before is kept after.
    promised = listed["half-done"]["Datasets"][0]["DatasetArn"]
    lab.wait_updated(promised)
    assert lab.stats(promised)[0] == 41
    own.placard("fsck")
    own.stop()
    assert schema_of(old_data) == len(list((ROOT / "src/db/sql").glob("sqlite-*.sql")))


def test_an_upgraded_project_takes_what_is_new(old_data, start_server):
    lab = Lab(start_server(data=old_data), REGION)
    project = lab.project("new")
    lab.api.delete_project(ProjectArn=project)
    empty = lab.api.describe_projects(ProjectNames=["empty"])["ProjectDescriptions"][0]["ProjectArn"]
    lab.create(project=empty)
    assert lab.api.describe_projects(ProjectNames=["empty"])["ProjectDescriptions"][0]["Datasets"]


def test_reading_commands_do_not_upgrade(old_data):
    before = schema_of(old_data)
    run = run_placard("fsck", "--data", old_data, check=False)
    assert run.returncode != 0 and "start `placard serve` once" in run.stderr
    assert schema_of(old_data) == before
