"""The way AWS's own samples go, whole: project, dataset, describe, list, update, distribute, delete."""
import json
import time

from harness.manifests import box, box_entry, image_entry, manifest


def wait_as_the_sample_does(client, arn):
    """Anything but IN_PROGRESS and COMPLETE is an exception there."""
    while True:
        description = client.describe_dataset(DatasetArn=arn)["DatasetDescription"]
        if description["Status"] != "CREATE_IN_PROGRESS":
            assert description["Status"] == "CREATE_COMPLETE", description["StatusMessage"]
            return description
        time.sleep(0.05)


def test_the_samples_of_the_developer_guide(lab):
    client = lab.api
    bucket = lab.bucket

    project_arn = client.create_project(ProjectName="flowers")["ProjectArn"]

    entries = [image_entry(bucket.image(number), ("camellia", "spurge")[number % 2]) for number in range(20)]
    location = bucket.put("datasets/train.manifest", manifest(entries))
    train_arn = client.create_dataset(
        ProjectArn=project_arn, DatasetType="TRAIN",
        DatasetSource={"GroundTruthManifest": {"S3Object": location}})["DatasetArn"]
    description = wait_as_the_sample_does(client, train_arn)

    # describe_dataset prints every member without asking whether it is there.
    assert str(description["CreationTimestamp"]) and str(description["LastUpdatedTimestamp"])
    assert description["StatusMessage"] == "The dataset was successfully created from the manifest file."
    assert description["StatusMessageCode"] == "SUCCESS"
    assert description["DatasetStats"] == {
        "LabeledEntries": 20, "TotalEntries": 20, "TotalLabels": 2, "ErrorEntries": 0}

    # list_dataset_entries, page by page, with the filters of the sample.
    response, listed = {"NextToken": ""}, []
    while "NextToken" in response:
        response = client.list_dataset_entries(
            DatasetArn=train_arn, ContainsLabels=["camellia"], Labeled=True, HasErrors=False,
            SourceRefContains="images", MaxResults=3, NextToken=response["NextToken"])
        listed += response["DatasetEntries"]
    assert len(listed) == 10

    labels = client.list_dataset_labels(DatasetArn=train_arn)["DatasetLabelDescriptions"]
    assert [(label["LabelName"], label["LabelStats"]["EntryCount"]) for label in labels] \
        == [("camellia", 10), ("spurge", 10)]

    # update_dataset_entries: a listed line goes back changed, and a new image comes with boxes.
    changed = json.loads(listed[0])
    changed["attribute-0-metadata"]["class-name"] = "rose"
    client.update_dataset_entries(DatasetArn=train_arn, Changes={
        "GroundTruth": manifest([changed, box_entry(bucket.image(20), ["rose"], [box()])])})
    assert client.describe_dataset(DatasetArn=train_arn)["DatasetDescription"]["Status"] \
        in ("UPDATE_IN_PROGRESS", "UPDATE_COMPLETE")
    lab.wait_updated(train_arn)
    assert lab.stats(train_arn) == (21, 21, 3, 0)

    # distribute_dataset_entries needs an empty test dataset of the same project.
    test_arn = client.create_dataset(ProjectArn=project_arn, DatasetType="TEST")["DatasetArn"]
    lab.wait_created(test_arn)
    client.distribute_dataset_entries(Datasets=[{"Arn": train_arn}, {"Arn": test_arn}])
    for arn in (train_arn, test_arn):
        lab.wait_updated(arn)
    assert lab.stats(train_arn)[0] + lab.stats(test_arn)[0] == 21

    # describe_projects shows both, each with its message.
    [project] = client.describe_projects(ProjectNames=["flowers"])["ProjectDescriptions"]
    assert project["Status"] == "CREATED" and len(project["Datasets"]) == 2
    assert {row["StatusMessageCode"] for row in project["Datasets"]} == {"SUCCESS"}

    # delete: a dataset until ResourceNotFoundException, a project until the list is empty.
    for arn in (train_arn, test_arn):
        client.delete_dataset(DatasetArn=arn)
        while True:
            try:
                client.describe_dataset(DatasetArn=arn)
                time.sleep(0.05)
            except client.exceptions.ResourceNotFoundException:
                break
    assert client.delete_project(ProjectArn=project_arn)["Status"] == "DELETING"
    while client.describe_projects(ProjectNames=["flowers"])["ProjectDescriptions"]:
        time.sleep(0.05)
