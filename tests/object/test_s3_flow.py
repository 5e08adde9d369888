"""The whole way over a real S3 server: dataset, training, detection, copy, and another node that runs the model."""
import json

import pytest

from harness.images import picture
from harness.lab import fresh_name, fresh_region
from harness.models import ModelLab, model_flags
from harness.s3 import S3Bucket

pytestmark = pytest.mark.slow


@pytest.fixture(name="node")
def fixture_node(real_s3, start_server, tmp_path):
    """Starts one node after the other on the same rows and objects; the lab at it."""
    region = fresh_region()
    client = real_s3.client()
    bucket = S3Bucket(client, fresh_name("photos"))
    models = fresh_name("models")
    running = []

    def start():
        for server in running:
            server.ensure_stopped()
        running.append(start_server("--store", f"sqlite:{tmp_path / 'rows.db'}", "--objects", real_s3.place(),
                                    "--models", f"bucket:{models}", *model_flags(), env=real_s3.keys))
        lab = ModelLab(running[-1], region)
        lab._bucket = bucket
        lab.models_kept = lambda: [row["Key"] for row in client.list_objects_v2(Bucket=models).get("Contents", [])]
        return lab

    yield start
    client.close()


def test_the_whole_way(node):
    lab = node()
    project = lab.trainable()
    datasets = lab.api.describe_projects()["ProjectDescriptions"][0]["Datasets"]
    assert [lab.stats(dataset["DatasetArn"])[:2] for dataset in datasets] == [(12, 12)] * 2
    arn = lab.train(project)
    described = lab.version(arn)
    summary = described["EvaluationResult"]["Summary"]["S3Object"]
    evaluation = json.loads(lab.bucket.get(summary["Name"]))
    assert abs(evaluation["AggregatedEvaluationResults"]["F1Score"] - described["EvaluationResult"]["F1Score"]) < 1e-6
    assert len(lab.bucket.keys("output/")) == 6 and len(lab.models_kept()) == 8
    lab.start(arn)
    image = lab.bucket.put("asked.png", picture("blue", "asked"))
    said = lab.api.detect_custom_labels(ProjectVersionArn=arn, Image={"S3Object": image})["CustomLabels"]
    assert said[0]["Name"] == "blue"

    lab = node()
    assert lab.wait_version(arn, "STARTING")["Status"] == "RUNNING"
    assert lab.api.detect_custom_labels(ProjectVersionArn=arn, Image={"S3Object": image})["CustomLabels"] == said
    copy = lab.copy_version(arn)
    lab.start(copy)
    assert lab.detect(copy, picture("blue", "asked"))[0]["Name"] == "blue"
    for one in (arn, copy):
        lab.stop(one)
        lab.delete_version(one)
    assert lab.models_kept() == []
    lab.server.placard("fsck", "--store", lab.server.flags[1])
