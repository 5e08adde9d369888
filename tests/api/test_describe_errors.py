"""The six exceptions of DescribeDataset (spec C.3, A.5.1), each from a real cause."""
import re
import threading

import pytest

from harness.clients import Wire
from harness.lab import Lab, error_of


def test_not_found_never_there(lab):
    assert error_of(lab.describe, lab.arn("project/p/dataset/train/1690476084535"))[0] == "ResourceNotFoundException"


def test_not_found_deleted(lab):
    arn = lab.create()
    lab.api.delete_dataset(DatasetArn=arn)
    lab.wait_deleted(arn)
    assert error_of(lab.describe, arn)[0] == "ResourceNotFoundException"


def test_not_found_by_any_other_number_name_type_or_place(lab):
    arn = lab.create()
    for other in (
            re.sub(r"\d+$", lambda match: str(int(match.group()) + 1), arn),
            re.sub(r"/(\d+)$", r"/0\1", arn),
            arn.replace("/dataset/train/", "/dataset/test/"),
            arn.replace("project/project", "project/Project"),
            arn.replace(lab.region, "eu-west-1"),
            arn.replace(lab.key.account, "999999999999")):
        assert other != arn
        code, _ = error_of(lab.describe, other)
        assert code == "ResourceNotFoundException", other


def test_not_found_from_another_region(lab, server):
    assert error_of(Lab(server).describe, lab.create())[0] == "ResourceNotFoundException"


def test_invalid_parameter_other_partition(lab):
    arn = lab.create()
    for partition in ("aws-cn", "aws-us-gov", "example"):
        code, message = error_of(lab.describe, arn.replace("arn:aws:", f"arn:{partition}:"))
        assert code == "InvalidParameterException"
        assert message


@pytest.mark.parametrize("change", [
    lambda arn: arn.replace("/dataset/train/", "/dataset/TRAIN/"),
    lambda arn: arn + "x",
    lambda arn: arn.replace(":rekognition:", ":sagemaker:"),
    lambda arn: arn.split("/dataset")[0] + "/1690476084535",
    lambda arn: "x" * 30,
    lambda arn: arn + "\n",
    lambda arn: " " + arn,
])
def test_malformed_arn_is_a_validation_error(lab, change):
    code, message = error_of(lab.describe, change(lab.create()))
    assert code == "ValidationException"
    assert "at 'datasetArn' failed to satisfy constraint: Member must satisfy regular expression pattern" in message


def test_access_denied(lab, users):
    arn = lab.create()
    stranger = users.lab(lab.region, {"Effect": "Allow", "Action": "rekognition:DescribeProjects", "Resource": "*"})
    code, message = error_of(stranger.describe, arn)
    assert code == "AccessDeniedException"
    assert re.match(rf"User: arn:aws:iam::{lab.key.account}:user/\S+ is not authorized to perform: "
                    rf"rekognition:DescribeDataset on resource: {re.escape(arn)}", message)


def test_provisioned_throughput_exceeded(start_server):
    own = start_server("--rate", "DescribeDataset=1")
    lab = Lab(own)
    arn = lab.begin()  # to wait for its end would spend the rate
    codes = []
    for _ in range(40):
        try:
            lab.describe(arn)
        except lab.api.exceptions.ProvisionedThroughputExceededException as refused:
            codes.append(refused.response["Error"]["Message"])
    assert codes and set(codes) == {"Provisioned Rate exceeded."}


def test_throttling(start_server):
    """More at once than the server takes on: some are told to slow down, none hangs, and afterwards all is well."""
    own = start_server("--pool-threads", "1", "--pool-queue", "1")
    lab = Lab(own)
    arn = lab.create()
    seen = []

    def ask():
        wire = Wire(own, lab.region)
        for _ in range(10):
            answer = wire.post("ListDatasetEntries", {"DatasetArn": arn})
            seen.append((answer.status, answer.json.get("__type")))

    threads = [threading.Thread(target=ask) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(seen) == {(200, None), (400, "ThrottlingException")}
    assert lab.status(arn) == "CREATE_COMPLETE"
