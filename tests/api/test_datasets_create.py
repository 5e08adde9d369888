"""CreateDataset: every source, state and refusal (spec B.1.2, B.3). Copies have a file of their own."""
import re
import time

import pytest

from harness.lab import Lab, error_of, fresh_name
from harness.manifests import image_entry, many_lines

UNREADABLE = "Unable to get object metadata from S3. Check object key, region and/or access permissions."
ARN = re.compile(r"(arn:aws:rekognition:[a-z\d-]+:\d{12}:project/[a-zA-Z0-9_.\-]{1,255})/dataset/(train|test)/([0-9]+)")


def create(lab, project, kind="TRAIN", **source):
    wish = {"ProjectArn": project, "DatasetType": kind}
    if source:
        wish["DatasetSource"] = source
    return lab.wire.post("CreateDataset", wish)


@pytest.mark.parametrize("kind", ["TRAIN", "TEST"])
def test_arn(lab, kind):
    project = lab.project("birds")
    before = time.time()
    arn = lab.begin(project=project, kind=kind)
    prefix, path, moment = ARN.fullmatch(arn).groups()
    assert prefix == project.rsplit("/", 1)[0]
    assert path == kind.lower()
    assert before - 1 <= int(moment) / 1000 <= time.time() + 1
    lab.wait_created(arn)


def test_the_answer_is_the_arn_alone(lab):
    answer = create(lab, lab.project())
    assert answer.status == 200
    assert set(answer.json) == {"DatasetArn"}


def test_empty_dataset(lab):
    arn = lab.begin()
    description = lab.wait_created(arn)
    assert description["StatusMessage"] == "The dataset was successfully created."
    assert lab.stats(arn) == (0, 0, 0, 0)
    assert lab.lines(arn) == []
    assert lab.labels(arn) == {}


def test_from_a_manifest(lab):
    arn = lab.begin([image_entry(lab.bucket.image(1), "cat"), image_entry(lab.bucket.image(2))])
    description = lab.wait_created(arn)
    assert description["StatusMessage"] == "The dataset was successfully created from the manifest file."
    assert description["StatusMessageCode"] == "SUCCESS"
    assert lab.stats(arn) == (2, 1, 1, 0)


def test_manifest_in_another_bucket_than_the_images(lab):
    arn = lab.create([image_entry("s3://somewhere-else/1.jpg", "cat")])
    assert lab.sources(arn) == ["s3://somewhere-else/1.jpg"]


@pytest.mark.parametrize("key", ["train.manifest", "no-extension", "deep/er/train.json", "späße und mehr.manifest"])
def test_manifest_keys(lab, key):
    source = lab.source([image_entry(lab.bucket.image(1), "cat")], key=key)
    arn = lab.api.create_dataset(ProjectArn=lab.project(), DatasetType="TRAIN", DatasetSource=source)["DatasetArn"]
    lab.wait_created(arn)
    assert lab.stats(arn) == (1, 1, 1, 0)


def test_one_of_each_type(lab):
    project = lab.project()
    train, test = lab.create(project=project), lab.create(project=project, kind="TEST")
    assert train != test
    for kind in ("TRAIN", "TEST"):
        answer = create(lab, project, kind)
        assert (answer.status, answer.type) == (400, "ResourceAlreadyExistsException")
    assert lab.status(train) == lab.status(test) == "CREATE_COMPLETE"


def test_type_is_free_again_after_deletion(lab):
    project = lab.project()
    old = lab.create([image_entry(lab.bucket.image(1), "cat")], project=project)
    lab.api.delete_dataset(DatasetArn=old)
    lab.wait_deleted(old)
    new = lab.create(project=project)
    assert new != old
    assert lab.stats(new) == (0, 0, 0, 0)
    assert error_of(lab.describe, old)[0] == "ResourceNotFoundException"


@pytest.mark.slow
def test_type_still_deleting_is_taken(lab):
    project = lab.project()
    arn = lab.create(many_lines(f"s3://{lab.bucket.name}/", 100_000), project=project)
    lab.api.delete_dataset(DatasetArn=arn)
    assert lab.status(arn) == "DELETE_IN_PROGRESS"
    answer = create(lab, project)
    assert answer.type == "ResourceAlreadyExistsException"
    lab.wait_deleted(arn)
    assert create(lab, project).status == 200


def test_failed_dataset_holds_its_place_until_deleted(lab):
    project = lab.project()
    arn = lab.begin(b"", project=project)
    lab.wait_created(arn, "CREATE_FAILED")
    assert create(lab, project).type == "ResourceAlreadyExistsException"
    lab.api.delete_dataset(DatasetArn=arn)
    lab.wait_deleted(arn)
    assert create(lab, project).status == 200


@pytest.mark.parametrize("source", [
    {"DatasetSource": {}},
    {"DatasetSource": {"GroundTruthManifest": {}}},
    {"DatasetSource": {"GroundTruthManifest": {"S3Object": {}}}},
    {"DatasetSource": {"GroundTruthManifest": {"S3Object": {"Bucket": "some-bucket"}}}},
    {"DatasetSource": {"GroundTruthManifest": {"S3Object": {"Name": "train.manifest"}}}},
], ids=["neither", "no object", "empty object", "no name", "no bucket"])
def test_half_a_source(lab, source):
    project = lab.project()
    answer = lab.wire.post("CreateDataset", {"ProjectArn": project, "DatasetType": "TRAIN", **source})
    assert (answer.status, answer.type) == (400, "InvalidParameterException")
    assert lab.api.describe_projects()["ProjectDescriptions"][0]["Datasets"] == []


def test_both_sources(lab):
    source = lab.create()
    answer = create(lab, lab.project(), **lab.source([image_entry(lab.bucket.image(1))]), DatasetArn=source)
    assert (answer.status, answer.type) == (400, "InvalidParameterException")


def test_absent_manifest(lab):
    project = lab.project()
    for bucket, key in ((lab.bucket.name, "absent.manifest"), (fresh_name("no-bucket"), "train.manifest")):
        answer = create(lab, project, GroundTruthManifest={"S3Object": {"Bucket": bucket, "Name": key}})
        assert (answer.status, answer.type, answer.message) == (400, "InvalidS3ObjectException", UNREADABLE)
    assert lab.api.describe_projects()["ProjectDescriptions"][0]["Datasets"] == []
    assert create(lab, project).status == 200


@pytest.mark.parametrize("key", ["../secret", "a/../../secret", "/etc/passwd", "images", "..", "."])
def test_keys_that_are_no_objects(lab, key):
    """`secret` lies beside the buckets and `images` is a folder: neither is an object of the bucket."""
    (lab.server.data / "buckets" / "secret").write_bytes(b"{}\n")
    lab.bucket.put("images/1.jpg", b"x")
    answer = create(lab, lab.project(), GroundTruthManifest={"S3Object": {"Bucket": lab.bucket.name, "Name": key}})
    assert (answer.status, answer.type) == (400, "InvalidS3ObjectException")


def test_links_out_of_the_bucket(lab, tmp_path):
    (tmp_path / "outside").write_bytes(b'{"source-ref":"s3://bucket/k"}\n')
    (lab.bucket.folder / "link").symlink_to(tmp_path / "outside")
    answer = create(lab, lab.project(), GroundTruthManifest={"S3Object": {"Bucket": lab.bucket.name, "Name": "link"}})
    assert answer.type == "InvalidS3ObjectException"


def test_version_of_an_object_that_has_none(lab):
    source = lab.source([image_entry(lab.bucket.image(1))])
    source["GroundTruthManifest"]["S3Object"]["Version"] = "3sL4kqtJlcpXroDTDmJ"
    assert create(lab, lab.project(), **source).type == "InvalidS3ObjectException"


def test_unknown_project(lab):
    answer = create(lab, lab.arn("project/nobody/1690476084535"))
    assert (answer.status, answer.type) == (400, "ResourceNotFoundException")


def test_project_of_another_region(lab, server):
    assert create(lab, Lab(server).project()).type == "ResourceNotFoundException"


def test_unknown_project_comes_before_an_absent_manifest(lab):
    answer = create(lab, lab.arn("project/nobody/1690476084535"),
                    GroundTruthManifest={"S3Object": {"Bucket": "absent-bucket", "Name": "absent"}})
    assert answer.type == "ResourceNotFoundException"


def test_tags_at_creation(lab):
    arn = lab.wire.ask("CreateDataset", {"ProjectArn": lab.project(), "DatasetType": "TRAIN",
                                         "Tags": {"team": "north"}})["DatasetArn"]
    assert lab.api.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"team": "north"}


def test_progress_is_visible_before_the_answer(lab):
    arn = lab.begin([image_entry(lab.bucket.image(number), "cat") for number in range(100)])
    assert lab.status(arn) in ("CREATE_IN_PROGRESS", "CREATE_COMPLETE")


def test_manifest_removed_after_the_answer(lab):
    """The bytes are needed until the dataset is complete; afterwards they are not."""
    arn = lab.create([image_entry(lab.bucket.image(1), "cat")])
    for path in lab.bucket.folder.glob("*.manifest"):
        path.unlink()
    assert lab.stats(arn) == (1, 1, 1, 0)
    assert len(lab.lines(arn)) == 1
