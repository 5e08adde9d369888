"""The layout of deploy/: two fronts (api, detect) and a back (ingest, train) on one PostgreSQL and one S3, each with a data
directory of its own. Every call goes to another front than the one before; nodes are lost and come again."""
import itertools
import threading

import pytest

from harness import postgres
from harness.images import picture
from harness.lab import fresh_name, fresh_region
from harness.models import ModelLab, model_flags, training_entries
from harness.s3 import S3Bucket, s3_server
from harness.server import Server

pytestmark = pytest.mark.slow


class Alternating:
    """A client that asks another front at each call."""

    def __init__(self, apis):
        self.apis = itertools.cycle(apis)
        self.exceptions = apis[0].exceptions

    def __getattr__(self, name):
        if name in ("get_paginator", "get_waiter"):
            return getattr(next(self.apis), name)
        return lambda **wish: getattr(next(self.apis), name)(**wish)


class Fleet:
    def __init__(self, start, s3):
        self.start = start
        self.region = fresh_region()
        self.fronts = [start("api,detect"), start("api,detect")]
        self.back = start("ingest,train")
        self.bucket = S3Bucket(s3.client(), fresh_name("photos"))

    def lab(self, *servers):
        """A lab at these fronts, all if none is named; each call goes to the next one."""
        labs = [ModelLab(server, self.region) for server in servers or self.fronts]
        labs[0].api = Alternating([lab.api for lab in labs])
        labs[0]._bucket = self.bucket
        return labs[0]


@pytest.fixture(name="fleet")
def fixture_fleet(tmp_path):
    started = []
    (tmp_path / "s3").mkdir()
    store = postgres.shared().database()
    with s3_server(tmp_path / "s3") as s3:
        def start(roles):
            flags = ["--store", store, "--objects", s3.place(), "--models", "bucket:models", "--roles", roles,
                     *model_flags()]
            started.append(Server(tmp_path / fresh_name(roles.replace(",", "-")), flags, env=s3.keys))
            return started[-1].start()

        fleet = Fleet(start, s3)
        yield fleet
        fleet.bucket.client.close()
        for server in started:
            server.ensure_stopped()


def test_the_whole_way_over_different_nodes(fleet):
    lab = fleet.lab()
    project = lab.trainable()
    datasets = lab.api.describe_projects()["ProjectDescriptions"][0]["Datasets"]
    assert [lab.stats(dataset["DatasetArn"])[:2] for dataset in datasets] == [(12, 12)] * 2
    arn = lab.train(project)
    assert "kind=single-label" in fleet.back.log()
    assert not any("kind=single-label" in front.log() for front in fleet.fronts)
    lab.start(arn)
    image = lab.bucket.put("asked.png", picture("blue", "asked"))
    said = [lab.api.detect_custom_labels(ProjectVersionArn=arn, Image={"S3Object": image})["CustomLabels"]
            for _ in range(4)]
    assert said[0][0]["Name"] == "blue" and all(one == said[0] for one in said)
    copy = lab.copy_version(arn)
    lab.start(copy)
    assert lab.detect(copy, picture("blue", "asked")) == said[0]
    for one in (arn, copy):
        lab.stop(one)
        lab.delete_version(one)
    assert fleet.bucket.client.list_objects_v2(Bucket="models").get("Contents", []) == []


def test_a_front_is_lost(fleet):
    lab = fleet.lab()
    arn = lab.train()
    lab.start(arn)
    said = lab.detect(arn, MinConfidence=0)
    fleet.fronts[0].kill()
    left = fleet.lab(fleet.fronts[1])
    assert left.detect(arn, MinConfidence=0) == said
    fleet.fronts[0].start()
    again = fleet.lab(fleet.fronts[0])
    assert again.version(arn)["Status"] == "RUNNING"
    assert again.detect(arn, MinConfidence=0) == said


def test_a_back_is_lost_while_it_trains(fleet):
    lab = fleet.lab()
    project = lab.project()
    lab.create(training_entries(lab.bucket, each=12), project=project)
    lab.create(training_entries(lab.bucket, each=12, folder="test"), project=project, kind="TEST")
    undisturbed = lab.train(project, "undisturbed")
    other = fleet.start("ingest,train")
    arn = lab.begin_training(project, "disturbed")
    at_work = threading.Event()
    while not at_work.wait(0.02):
        for one in (fleet.back, other):
            if one.log().count("kind=single-label") > (one is fleet.back):
                one.kill()
                at_work.set()
                break
    assert lab.wait_version(arn, "TRAINING_IN_PROGRESS")["Status"] == "TRAINING_COMPLETED"
    assert undisturbed
    client = fleet.bucket.client
    models = [client.get_object(Bucket="models", Key=row["Key"])["Body"].read()
              for row in client.list_objects_v2(Bucket="models")["Contents"] if row["Key"].endswith("/model")]
    assert len(models) == 2 and models[0] == models[1]
