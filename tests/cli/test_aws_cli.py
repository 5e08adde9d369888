"""The AWS CLI, unmodified, with `--endpoint-url` alone; credentials come from the file that the server writes."""
import base64
import json
import subprocess

import pytest

from harness.lab import fresh_name
from harness.manifests import image_entry, manifest
from harness.server import environment

AWS = "/usr/bin/aws"


class Cli:
    """`aws rekognition …` against a server whose root key nobody was told."""

    def __init__(self, server):
        self.server = server
        self.env = environment(
            AWS_SHARED_CREDENTIALS_FILE=str(server.data / "credentials"), AWS_CONFIG_FILE="/dev/null", AWS_PAGER="",
            AWS_EC2_METADATA_DISABLED="true", AWS_MAX_ATTEMPTS="1", PATH="/usr/bin:/bin")

    def run(self, *arguments):
        return subprocess.run([AWS, "--endpoint-url", self.server.url, "rekognition", *map(str, arguments)],
                              env=self.env, capture_output=True, text=True, timeout=120, check=False)

    def ask(self, *arguments):
        run = self.run(*arguments)
        assert run.returncode == 0, run.stderr
        return json.loads(run.stdout) if run.stdout.strip() else None

    def wait(self, arn, member, status):
        while True:
            description = self.ask("describe-dataset", "--dataset-arn", arn)["DatasetDescription"]
            if description["Status"] != status:
                return description[member]


@pytest.fixture
def cli(start_server):
    return Cli(start_server(root_key=None))


@pytest.mark.slow
def test_main_flow(cli, tmp_path):
    folder = cli.server.bucket_folder("my-images")
    folder.mkdir(parents=True)
    entries = [image_entry(f"s3://my-images/{number}.jpg", ("cat", "dog")[number % 2]) for number in range(250)]
    (folder / "train.manifest").write_bytes(manifest(entries))

    project = cli.ask("create-project", "--project-name", "birds")["ProjectArn"]
    train = cli.ask("create-dataset", "--project-arn", project, "--dataset-type", "TRAIN", "--dataset-source",
                    "GroundTruthManifest={S3Object={Bucket=my-images,Name=train.manifest}}")["DatasetArn"]
    assert cli.wait(train, "Status", "CREATE_IN_PROGRESS") == "CREATE_COMPLETE"
    description = cli.ask("describe-dataset", "--dataset-arn", train)["DatasetDescription"]
    assert description["DatasetStats"] == {
        "LabeledEntries": 250, "TotalEntries": 250, "TotalLabels": 2, "ErrorEntries": 0}

    # The CLI follows NextToken by itself, with and without a page size of its own.
    listed = cli.ask("list-dataset-entries", "--dataset-arn", train)
    assert len(listed["DatasetEntries"]) == 250 and "NextToken" not in listed
    paged = cli.ask("list-dataset-entries", "--dataset-arn", train, "--contains-labels", "cat", "--labeled",
                    "--source-ref-contains", "my-images", "--no-has-errors", "--page-size", "7")
    assert len(paged["DatasetEntries"]) == 125
    labels = cli.ask("list-dataset-labels", "--dataset-arn", train, "--page-size", "1")["DatasetLabelDescriptions"]
    assert [(row["LabelName"], row["LabelStats"]) for row in labels] \
        == [("cat", {"EntryCount": 125}), ("dog", {"EntryCount": 125})]

    # `--changes` takes the lines as base64, in the shorthand or in a JSON file.
    lines = base64.b64encode(manifest([image_entry(f"s3://my-images/{number}.jpg", "emu") for number in range(5)]))
    changes = tmp_path / "changes.json"
    changes.write_text(json.dumps({"GroundTruth": lines.decode()}))
    assert cli.ask("update-dataset-entries", "--dataset-arn", train, "--changes", f"file://{changes}") is None
    assert cli.wait(train, "Status", "UPDATE_IN_PROGRESS") == "UPDATE_COMPLETE"
    emus = cli.ask("list-dataset-entries", "--dataset-arn", train, "--contains-labels", "emu")["DatasetEntries"]
    assert [json.loads(line)["source-ref"] for line in emus] == [f"s3://my-images/{number}.jpg" for number in range(5)]

    test = cli.ask("create-dataset", "--project-arn", project, "--dataset-type", "TEST")["DatasetArn"]
    assert cli.wait(test, "Status", "CREATE_IN_PROGRESS") == "CREATE_COMPLETE"
    assert cli.ask("distribute-dataset-entries", "--datasets", f"Arn={train}", f"Arn={test}") is None
    assert [cli.wait(arn, "DatasetStats", "UPDATE_IN_PROGRESS")["TotalEntries"] for arn in (train, test)] == [200, 50]

    for arn in (train, test):
        assert cli.ask("delete-dataset", "--dataset-arn", arn) is None
        while cli.run("describe-dataset", "--dataset-arn", arn).returncode == 0:
            pass
    assert cli.ask("delete-project", "--project-arn", project) == {"Status": "DELETING"}


@pytest.mark.slow
def test_tags_and_errors(cli):
    project = cli.ask("create-project", "--project-name", fresh_name("birds"))["ProjectArn"]
    cli.ask("tag-resource", "--resource-arn", project, "--tags", "team=north,size=5")
    assert cli.ask("list-tags-for-resource", "--resource-arn", project) == {"Tags": {"team": "north", "size": "5"}}
    cli.ask("untag-resource", "--resource-arn", project, "--tag-keys", "team")
    assert cli.ask("list-tags-for-resource", "--resource-arn", project) == {"Tags": {"size": "5"}}
    run = cli.run("delete-dataset", "--dataset-arn", project.rsplit("/", 1)[0] + "/dataset/train/1")
    assert run.returncode == 254
    assert "An error occurred (ResourceNotFoundException) when calling the DeleteDataset operation" in run.stderr
    run = cli.run("detect-labels", "--image", "S3Object={Bucket=my-images,Name=x}")
    assert "An error occurred (UnknownOperationException)" in run.stderr
