#!/usr/bin/python3
"""Makes the fixture of the schema that the program has now: tests/schema/NNNN.sql and NNNN.json.

    tests/schema/make_fixture.py        with the test build, once for each schema, before the next one is begun

The script starts a server, makes something of everything, and writes the database as SQL and what a client sees of it
as JSON. tests/crash/test_upgrade.py opens each with the program of the day.
"""
import json
import os
import sqlite3
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true")

from harness.lab import Lab  # noqa: E402 (the path is set above)
from harness.manifests import box, box_entry, image_entry  # noqa: E402
from harness.server import Server  # noqa: E402
from schema.view import view_of  # noqa: E402

FOLDER = Path(__file__).resolve().parent
REGION = "us-east-1"


def fill(lab):
    """Every kind of row that outlives its job: replaced and appended entries, both halves of a distribution, a failed
    creation, rejected lines, boxes, errors, tags, keys, buckets."""
    lab.server.placard("keys", "create", "--account", "000000000042", "--user", "ann")
    lab.server.placard("buckets", "assign", "photos", "000000000042")
    birds, empty, failed = lab.project("birds"), lab.project("empty"), lab.project("failed")
    lab.api.tag_resource(ResourceArn=empty, Tags={"team": "north", "gr\u00f6\u00dfe": "\u96ea"})
    entries = [image_entry(f"s3://images/{number}.jpg", ["owl", "emu", "kiwi"][number % 3]) for number in range(60)]
    entries += [box_entry(f"s3://images/box-{number}.jpg", ["owl", "nest"], [box(), box(class_id=1)])
                for number in range(20)]
    entries += [box_entry(f"s3://images/out-{number}.jpg", ["owl"], [box(left=10_000)]) for number in range(10)]
    entries += [image_entry(f"s3://images/bare-{number}.jpg") for number in range(10)]
    train = lab.create([*entries, image_entry("s3://images/1.jpg", "late"), "no JSON"], project=birds)
    lab.update(train, [image_entry("s3://images/2.jpg", "rhea"), image_entry("s3://images/200.jpg", "rhea"),
                       image_entry("s3://images/201.jpg", "rhea")])
    lab.distribute(train, lab.create(project=birds, kind="TEST"))
    lab.update(train, [image_entry("s3://images/300.jpg"), "{}", *entries[:10]])
    lab.api.tag_resource(ResourceArn=train, Tags={"kind": "training"})
    lab.copy(train, project=empty)
    lab.wait_created(lab.begin([entries[0], image_entry("s3://elsewhere/1.jpg")], project=failed), "CREATE_FAILED")


def main():
    with tempfile.TemporaryDirectory() as folder:
        server = Server(Path(folder) / "data").start()
        lab = Lab(server, REGION)
        fill(lab)
        view = view_of(lab)
        server.stop()
        database = sqlite3.connect(server.data / "placard.db")
        (version,) = database.execute("SELECT max(version) FROM schema_version").fetchone()
        sql = "\n".join(database.iterdump()) + "\n"
        database.close()
    (FOLDER / f"{version:04}.sql").write_text(sql, encoding="utf-8")
    (FOLDER / f"{version:04}.json").write_text(json.dumps(view, indent=1, sort_keys=True, ensure_ascii=False) + "\n",
                                               encoding="utf-8")
    print(f"schema {version}: {len(sql)} bytes of SQL")


if __name__ == "__main__":
    main()
