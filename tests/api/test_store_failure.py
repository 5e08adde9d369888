"""The disk is full (the table of bad input): InternalServerError, nothing half-done, and all is well when space returns."""
import time
import urllib.error
import urllib.request

import pytest

from harness.faults import no_space
from harness.lab import Lab
from harness.manifests import image_entry, many_lines

pytestmark = pytest.mark.sqlite
FAILED = (500, "InternalServerError", "Internal server error")


@pytest.fixture
def lab(start_server):
    return Lab(start_server())


def outcome(lab, operation, body):
    answer = lab.wire.post(operation, body)
    return answer.status, answer.json.get("__type"), answer.message


def test_every_write_fails_and_every_read_goes_on(lab):
    project, other = lab.project("birds"), lab.project("other")
    arn = lab.create([image_entry(lab.bucket.image(number), "cat") for number in range(3)], project=project)
    source = lab.source([image_entry(lab.bucket.image(1), "cat")])
    before = lab.describe(arn), lab.lines(arn), lab.api.describe_projects()["ProjectDescriptions"]
    writes = [
        ("CreateProject", {"ProjectName": "more"}),
        ("DeleteProject", {"ProjectArn": other}),
        ("CreateDataset", {"ProjectArn": other, "DatasetType": "TRAIN"}),
        ("CreateDataset", {"ProjectArn": other, "DatasetType": "TRAIN", "DatasetSource": source}),
        ("CreateDataset", {"ProjectArn": other, "DatasetType": "TRAIN", "DatasetSource": {"DatasetArn": arn}}),
        ("UpdateDatasetEntries", {"DatasetArn": arn, "Changes": {"GroundTruth": "e30="}}),
        ("DeleteDataset", {"DatasetArn": arn}),
        ("TagResource", {"ResourceArn": arn, "Tags": {"team": "north"}}),
    ]
    with no_space(lab.server):
        for operation, body in writes:
            assert outcome(lab, operation, body) == FAILED, operation
        assert lab.describe(arn) == before[0]
        assert lab.lines(arn) == before[1]
    assert (lab.describe(arn), lab.lines(arn), lab.api.describe_projects()["ProjectDescriptions"]) == before
    for operation, body in writes[:1] + writes[2:3] + writes[5:6]:
        assert lab.wire.post(operation, body).status == 200, operation
    lab.wait_while(arn, "UPDATE_IN_PROGRESS")
    lab.server.placard("fsck")


def test_a_job_waits_for_space(lab):
    arn = lab.begin(many_lines("s3://images/", 40_000))
    with no_space(lab.server):
        time.sleep(1)
        assert lab.status(arn) == "CREATE_IN_PROGRESS"
    lab.wait_created(arn)
    assert lab.stats(arn) == (40_000, 40_000, 2, 0)
    lab.server.placard("fsck")


def test_readiness_tells(lab):
    def ready():
        try:
            with urllib.request.urlopen(lab.server.url + "/readyz", timeout=30) as answer:
                return answer.status
        except urllib.error.HTTPError as refused:
            refused.close()
            return refused.code
    assert ready() == 200
    with no_space(lab.server):
        assert ready() == 503
    assert ready() == 200
