"""The AWS CLI on model versions and policies: its own waiters, and images by --image-bytes."""
import json
import subprocess
import time

import pytest

from harness.images import picture
from harness.lab import fresh_region
from harness.models import ModelLab
from harness.server import environment

AWS = "/usr/bin/aws"


def aws(lab, *arguments, check=True):
    env = environment(AWS_ACCESS_KEY_ID=lab.key.access, AWS_SECRET_ACCESS_KEY=lab.key.secret, AWS_CONFIG_FILE="/dev/null",
                      AWS_PAGER="", AWS_EC2_METADATA_DISABLED="true", AWS_MAX_ATTEMPTS="1", PATH="/usr/bin:/bin",
                      AWS_DEFAULT_REGION=lab.region)
    run = subprocess.run([AWS, "--endpoint-url", lab.server.url, "rekognition", *map(str, arguments)], env=env,
                         capture_output=True, text=True, timeout=150, check=False)
    if check:
        assert run.returncode == 0, run.stderr
    return json.loads(run.stdout) if run.returncode == 0 and run.stdout.strip() else run


@pytest.mark.slow
def test_train_wait_start_wait_detect(models, tmp_path):
    project = models.trainable()
    version = aws(models, "create-project-version", "--project-arn", project, "--version-name", "v1", "--output-config",
                  f"S3Bucket={models.bucket.name},S3KeyPrefix=out")["ProjectVersionArn"]
    aws(models, "wait", "project-version-training-completed", "--project-arn", project, "--version-names", "v1")
    assert models.version(version)["Status"] == "TRAINING_COMPLETED"

    assert aws(models, "start-project-version", "--project-version-arn", version, "--min-inference-units",
               1)["Status"] == "STARTING"
    began = time.monotonic()
    aws(models, "wait", "project-version-running", "--project-arn", project, "--version-names", "v1")
    assert time.monotonic() - began < 25, "it should return when the model runs, not at the waiter's next look"
    image = tmp_path / "red.png"
    image.write_bytes(picture("red", "unseen"))
    labels = aws(models, "detect-custom-labels", "--project-version-arn", version, "--image-bytes", f"fileb://{image}",
                 "--min-confidence", 0)["CustomLabels"]
    assert [label["Name"] for label in labels] == ["red", "blue"]
    where = models.bucket.put("red.png", image.read_bytes())
    again = aws(models, "detect-custom-labels", "--project-version-arn", version, "--min-confidence", 0, "--image",
                json.dumps({"S3Object": where}))["CustomLabels"]
    assert again == labels
    listed = aws(models, "describe-project-versions", "--project-arn", project)["ProjectVersionDescriptions"]
    assert [one["Status"] for one in listed] == ["RUNNING"]
    assert aws(models, "stop-project-version", "--project-version-arn", version)["Status"] == "STOPPING"
    models.wait_version(version, "STOPPING")
    assert aws(models, "delete-project-version", "--project-version-arn", version)["Status"] == "DELETING"
    models.wait_version(version, "DELETING")


@pytest.mark.slow
def test_policies(model_server, tmp_path):
    lab = ModelLab(model_server, fresh_region())
    project = lab.project()
    document = tmp_path / "policy.json"
    document.write_text(json.dumps({"Version": "2012-10-17", "Statement": {
        "Effect": "Allow", "Principal": {"AWS": "210987654321"}, "Action": "rekognition:CopyProjectVersion",
        "Resource": "*"}}))
    for number in range(3):
        revision = aws(lab, "put-project-policy", "--project-arn", project, "--policy-name", f"p{number}",
                       "--policy-document", f"file://{document}")["PolicyRevisionId"]
    listed = aws(lab, "list-project-policies", "--project-arn", project, "--page-size", 1)["ProjectPolicies"]
    assert [policy["PolicyName"] for policy in listed] == ["p0", "p1", "p2"]
    aws(lab, "delete-project-policy", "--project-arn", project, "--policy-name", "p2", "--policy-revision-id", revision)
    run = aws(lab, "delete-project-policy", "--project-arn", project, "--policy-name", "p2", check=False)
    assert run.returncode == 254 and "ResourceNotFoundException" in run.stderr
