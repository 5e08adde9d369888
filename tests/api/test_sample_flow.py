"""The whole way of AWS's published samples, with boto3 as it is: create a project and its datasets, distribute, train
with the waiter, describe, start with the waiter, detect, stop, delete model, datasets and project.

The habits that break naive servers are the samples' (spec C.4, H): members indexed without asking whether they are
there, any state but the expected one taken for a failure, lists polled until they are empty.
"""
import io
import time
import types

import pytest

from harness.images import picture
from harness.lab import fresh_name, fresh_region
from harness.models import ModelLab, training_entries
from harness.manifests import manifest

pytestmark = pytest.mark.slow  # it takes a trained model
POLL_SECONDS = 0.05


@pytest.fixture
def fast_clock(monkeypatch):
    """The waiters sleep 30 or 120 seconds; here they do so in a moment."""
    monkeypatch.setattr("botocore.waiter.time", types.SimpleNamespace(sleep=lambda seconds: time.sleep(POLL_SECONDS)))


def wait_for_dataset(client, arn, busy, done):
    while True:
        dataset = client.describe_dataset(DatasetArn=arn)["DatasetDescription"]
        print(dataset["StatusMessage"] + dataset["StatusMessageCode"])
        if dataset["Status"] == busy:
            time.sleep(POLL_SECONDS)
            continue
        assert dataset["Status"] == done, dataset["StatusMessage"]
        return dataset


def delete_dataset(client, arn):
    client.delete_dataset(DatasetArn=arn)
    while True:
        try:
            client.describe_dataset(DatasetArn=arn)
            time.sleep(POLL_SECONDS)
        except client.exceptions.ResourceNotFoundException:
            return


def describe_model(client, project_arn, version_name):
    """What the describing sample prints; the text, as it would stand on the screen."""
    out = io.StringIO()
    answer = client.describe_project_versions(ProjectArn=project_arn, VersionNames=[version_name])
    for model in answer["ProjectVersionDescriptions"]:
        print("Created: " + str(model["CreationTimestamp"]), file=out)
        print("ARN: " + model["ProjectVersionArn"], file=out)
        if "BillableTrainingTimeInSeconds" in model:
            print("Minutes: " + str(model["BillableTrainingTimeInSeconds"] / 60), file=out)
        print("Status: " + model["Status"] + "\nMessage: " + model["StatusMessage"], file=out)
        for side in ("TrainingDataResult", "TestingDataResult"):
            for part in ("Output", "Validation"):
                print(side, model[side][part]["Assets"][0]["GroundTruthManifest"]["S3Object"]["Name"], file=out)
        if "EvaluationResult" in model:
            summary = model["EvaluationResult"]["Summary"]["S3Object"]
            print("F1: " + str(model["EvaluationResult"]["F1Score"]), summary["Bucket"], summary["Name"], file=out)
        print("Manifest summary: " + model["ManifestSummary"]["S3Object"]["Name"], file=out)
        if "OutputConfig" in model:
            print("Output: " + model["OutputConfig"]["S3Bucket"] + model["OutputConfig"]["S3KeyPrefix"], file=out)
        if "MinInferenceUnits" in model:
            print("Units: " + str(model["MinInferenceUnits"]), file=out)
    return out.getvalue()


def test_from_an_empty_account_to_one(model_server, fast_clock):
    lab = ModelLab(model_server, fresh_region())
    client, name, version_name = lab.api, fresh_name("sample"), "version-1"

    project_arn = client.create_project(ProjectName=name)["ProjectArn"]

    source = lab.bucket.put("train.manifest", manifest(training_entries(lab.bucket, each=10)))
    train_arn = client.create_dataset(ProjectArn=project_arn, DatasetType="TRAIN", DatasetSource={
        "GroundTruthManifest": {"S3Object": source}})["DatasetArn"]
    dataset = wait_for_dataset(client, train_arn, "CREATE_IN_PROGRESS", "CREATE_COMPLETE")
    assert dataset["DatasetStats"]["TotalEntries"] == 20
    test_arn = client.create_dataset(ProjectArn=project_arn, DatasetType="TEST")["DatasetArn"]
    wait_for_dataset(client, test_arn, "CREATE_IN_PROGRESS", "CREATE_COMPLETE")

    client.distribute_dataset_entries(Datasets=[{"Arn": train_arn}, {"Arn": test_arn}])
    for arn in (train_arn, test_arn):
        wait_for_dataset(client, arn, "UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")

    answer = client.create_project_version(
        ProjectArn=project_arn, VersionName=version_name, Tags={"key1": "value1"},
        OutputConfig={"S3Bucket": lab.bucket.name, "S3KeyPrefix": "output-folder"})
    version_arn = answer["ProjectVersionArn"]
    client.get_waiter("project_version_training_completed").wait(ProjectArn=project_arn, VersionNames=[version_name])
    for model in client.describe_project_versions(ProjectArn=project_arn,
                                                  VersionNames=[version_name])["ProjectVersionDescriptions"]:
        assert model["Status"] == "TRAINING_COMPLETED"
        assert "Message: " + model["StatusMessage"] == "Message: The model is ready to run."

    text = describe_model(client, project_arn, version_name)
    assert "Minutes: " in text and "F1: " in text and f"Output: {lab.bucket.name}output-folder" in text

    # The samples take names out of ARNs by their slashes.
    assert version_arn.split("/")[1] == name and version_arn.split("version/", 1)[1].rpartition("/")[0] == version_name

    assert client.start_project_version(ProjectVersionArn=version_arn, MinInferenceUnits=1)["Status"] == "STARTING"
    client.get_waiter("project_version_running").wait(ProjectArn=project_arn, VersionNames=[version_name])
    assert "Units: 1" in describe_model(client, project_arn, version_name)

    found = client.detect_custom_labels(Image={"Bytes": picture("red", "unseen")}, MinConfidence=0,
                                        ProjectVersionArn=version_arn)["CustomLabels"]
    assert {label["Name"] for label in found} == {"red", "blue"}
    for label in found:
        assert label["Name"] + str(label["Confidence"]) and "Geometry" not in label
    image = lab.bucket.put("red.png", picture("red", "unseen"))
    assert client.detect_custom_labels(Image={"S3Object": image}, MinConfidence=0,
                                       ProjectVersionArn=version_arn)["CustomLabels"] == found

    status = client.stop_project_version(ProjectVersionArn=version_arn)["Status"]
    while status != "STOPPED":
        assert status == "STOPPING", status
        time.sleep(POLL_SECONDS)
        (model,) = client.describe_project_versions(ProjectArn=project_arn,
                                                    VersionNames=[version_name])["ProjectVersionDescriptions"]
        status = model["Status"]

    assert client.list_tags_for_resource(ResourceArn=version_arn)["Tags"]["key1"] == "value1"
    client.delete_project_version(ProjectVersionArn=version_arn)
    while client.describe_project_versions(ProjectArn=project_arn,
                                           VersionNames=[version_name])["ProjectVersionDescriptions"]:
        time.sleep(POLL_SECONDS)

    for dataset in client.describe_projects(ProjectNames=[name])["ProjectDescriptions"][0]["Datasets"]:
        assert len(dataset["StatusMessage"] + dataset["StatusMessageCode"]) > 0
        delete_dataset(client, dataset["DatasetArn"])

    client.delete_project(ProjectArn=project_arn)
    while client.describe_projects(ProjectNames=[name])["ProjectDescriptions"]:
        time.sleep(POLL_SECONDS)
    assert client.describe_projects()["ProjectDescriptions"] == []
