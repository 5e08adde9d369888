"""CreateProjectVersion and DescribeProjectVersions: errors and members (spec B.6). States: test_version_states.py."""
import datetime
import json
import time

import pytest

from harness.lab import error_of
from harness.manifests import manifest, many_lines
from harness.models import ModelLab, training_entries

# --- CreateProjectVersion: what is refused -----------------------------------------------------------------------------


@pytest.fixture
def lab(server):
    """Nothing is trained in it."""
    return ModelLab(server)


def refused(lab, project, **more):
    code, message = error_of(lab.begin_training, project, **more)
    assert lab.versions(project) == []
    return code, message


def asset(lab, name="train.manifest"):
    return {"GroundTruthManifest": {"S3Object": {"Bucket": lab.bucket.name, "Name": name}}}


def test_no_training_dataset(lab):
    code, message = refused(lab, lab.project())
    assert code == "InvalidParameterException" and "training dataset" in message


def test_only_a_test_dataset(lab):
    project = lab.project()
    lab.create(training_entries(lab.bucket), project=project, kind="TEST")
    assert refused(lab, project)[0] == "InvalidParameterException"


def test_an_empty_training_dataset_cannot_be_split(lab):
    project = lab.project()
    lab.create(project=project)
    assert refused(lab, project)[0] == "InvalidParameterException"
    assert len(lab.api.describe_projects(ProjectNames=[project.split("/")[1]])["ProjectDescriptions"][0]["Datasets"]) == 1


def test_a_dataset_whose_creation_failed(lab):
    project = lab.project()
    lab.wait_created(lab.begin(b"x\n" * 10, project=project), "CREATE_FAILED")
    code, message = refused(lab, project)
    assert code == "InvalidParameterException" and "failed" in message


def test_a_dataset_in_progress(lab):
    project = lab.project()
    arn = lab.begin(many_lines("s3://images/", 60_000), project=project)
    code, message = refused(lab, project)
    assert code == "ResourceInUseException" and "CREATE_IN_PROGRESS" in message
    lab.wait_created(arn)


def test_no_project(lab):
    assert error_of(lab.begin_training, lab.arn("project/nowhere/1690000000000"))[0] == "ResourceNotFoundException"


@pytest.mark.parametrize("output", [{}, {"S3KeyPrefix": "x"}])
def test_an_output_without_a_bucket(lab, output):
    code, message = refused(lab, lab.trainable(), OutputConfig=output)
    assert code == "InvalidParameterException" and "S3Bucket" in message


@pytest.mark.parametrize("data", [
    {"TrainingData": {"Assets": [{}]}},
    {"TestingData": {"AutoCreate": True}},
    {"TrainingData": {}, "TestingData": {"AutoCreate": True}},
    {"TrainingData": {"Assets": []}, "TestingData": {"AutoCreate": True}},
    {"TrainingData": {"Assets": ["asset", "asset"]}, "TestingData": {"AutoCreate": True}},
    {"TrainingData": {"Assets": [{}]}, "TestingData": {"AutoCreate": True}},
    {"TrainingData": {"Assets": [{"GroundTruthManifest": {}}]}, "TestingData": {"AutoCreate": True}},
    {"TrainingData": {"Assets": ["asset"]}, "TestingData": {}},
    {"TrainingData": {"Assets": ["asset"]}, "TestingData": {"AutoCreate": False}},
    {"TrainingData": {"Assets": ["asset"]}, "TestingData": {"Assets": []}},
    {"TrainingData": {"Assets": ["asset"]}, "TestingData": {"Assets": ["asset", "asset"]}},
    {"TrainingData": {"Assets": ["asset"]}, "TestingData": {"Assets": ["asset"], "AutoCreate": True}},
    {"TrainingData": {"Assets": ["asset"]}, "TestingData": {"Assets": [{"GroundTruthManifest": {"S3Object": {
        "Name": "x"}}}]}},
], ids=lambda data: json.dumps(data)[:60])
def test_contradictory_data(lab, data):
    for side in data.values():
        if "Assets" in side:
            side["Assets"] = [asset(lab) if item == "asset" else item for item in side["Assets"]]
    assert refused(lab, lab.project(), **data)[0] == "InvalidParameterException"


def test_manifests_beside_datasets(lab):
    data = {"TrainingData": {"Assets": [asset(lab)]}, "TestingData": {"AutoCreate": True}}
    code, message = refused(lab, lab.trainable(), **data)
    assert code == "InvalidParameterException" and "datasets" in message


def test_many_assets_are_counted_not_kept(lab):
    wish = {"ProjectArn": lab.project(), "VersionName": "v", "OutputConfig": lab.output(),
            "TrainingData": {"Assets": [{}] * 100_000}, "TestingData": {"AutoCreate": True}}
    answer = lab.wire.post("CreateProjectVersion", wish)
    assert answer.type == "InvalidParameterException" and "100000" in answer.message


def test_feature_config_is_for_adapters(lab):
    project = lab.trainable()
    wish = {"ProjectArn": project, "VersionName": "v", "OutputConfig": lab.output()}
    for config in ({"ContentModeration": {}}, {"ContentModeration": {"ConfidenceThreshold": 50.5}}):
        assert lab.wire.post("CreateProjectVersion", {**wish, "FeatureConfig": config}).type \
            == "InvalidParameterException"
    for value, code in ((100.01, "ValidationException"), (-1, "ValidationException"), ("5", "SerializationException")):
        config = {"ContentModeration": {"ConfidenceThreshold": value}}
        assert lab.wire.post("CreateProjectVersion", {**wish, "FeatureConfig": config}).type == code
    assert lab.versions(project) == []


@pytest.mark.parametrize("member, value, constraint", [
    ("VersionName", "a b", "pattern"), ("VersionName", "x" * 256, "length less"), ("VersionName", None, "null"),
    ("OutputConfig", None, "null"), ("KmsKeyId", "-x", "pattern"), ("KmsKeyId", "x" * 2049, "length less"),
    ("VersionDescription", "<b>", "pattern"), ("VersionDescription", "x" * 256, "length less"),
    ("OutputConfig", {"S3Bucket": "ab"}, "length greater"), ("OutputConfig", {"S3Bucket": "a/b"}, "pattern"),
    ("OutputConfig", {"S3Bucket": "abc", "S3KeyPrefix": "x" * 1025}, "length less"),
    ("ProjectArn", "arn:aws:rekognition:us-east-1:123456789012:project/a/version/b/1", "pattern"),
])
def test_constraints(lab, member, value, constraint):
    wish = {"ProjectArn": lab.project(), "VersionName": "v", "OutputConfig": lab.output(), member: value}
    answer = lab.wire.post("CreateProjectVersion", wish)
    assert answer.type == "ValidationException" and constraint in answer.message


# --- a training ----------------------------------------------------------------------------------------------------


@pytest.mark.slow
def test_the_way_of_a_training(models):
    lab = models
    project = lab.trainable()
    began = datetime.datetime.now(datetime.timezone.utc)
    arn = lab.begin_training(project, "first", KmsKeyId="alias/mine", Tags={"team": "north"})
    path = arn.split(":", 5)[5]
    assert path.startswith(f"project/{project.split('/')[1]}/version/first/")
    (seen,) = lab.versions(project)
    assert (seen["Status"], seen["StatusMessage"]) == ("TRAINING_IN_PROGRESS", "The model is being trained.")
    assert seen["ProjectVersionArn"] == arn
    assert seen["OutputConfig"] == lab.output()
    assert seen["TrainingDataResult"] == {"Input": {}}
    assert seen["TestingDataResult"] == {"Input": {"AutoCreate": False}}
    assert seen["KmsKeyId"] == "alias/mine"
    assert abs(seen["CreationTimestamp"] - began) < datetime.timedelta(seconds=30)
    assert int(arn.split("/")[-1]) == round(seen["CreationTimestamp"].timestamp() * 1000)
    for absent in ("TrainingEndTimestamp", "BillableTrainingTimeInSeconds", "EvaluationResult", "ManifestSummary",
                   "MinInferenceUnits", "MaxInferenceUnits", "SourceProjectVersionArn"):
        assert absent not in seen
    assert lab.api.list_tags_for_resource(ResourceArn=arn)["Tags"] == {"team": "north"}
    done = lab.wait_version(arn, "TRAINING_IN_PROGRESS")
    assert (done["Status"], done["StatusMessage"]) == ("TRAINING_COMPLETED", "The model is ready to run.")
    assert done["BillableTrainingTimeInSeconds"] >= 1
    assert done["TrainingEndTimestamp"] > done["CreationTimestamp"]
    name = f"{project.split('/')[1]}-first.json"

    def key_of(holder):
        assert set(holder["S3Object"]) == {"Bucket", "Name"} and holder["S3Object"]["Bucket"] == lab.bucket.name
        return holder["S3Object"]["Name"]

    def manifest_of(data):
        (only,) = data["Assets"]
        return key_of(only["GroundTruthManifest"])

    assert 0 <= done["EvaluationResult"]["F1Score"] <= 1
    assert key_of(done["EvaluationResult"]["Summary"]) == f"output/EvaluationResultSummary-{name}"
    assert key_of(done["ManifestSummary"]) == f"output/ManifestSummary-{name}"
    training, testing = done["TrainingDataResult"], done["TestingDataResult"]
    assert training["Input"] == {} and testing["Input"] == {"AutoCreate": False}
    assert manifest_of(training["Output"]) == f"output/TrainingGroundTruth-{name}"
    assert manifest_of(testing["Output"]) == f"output/TestingGroundTruth-{name}"
    assert testing["Output"]["AutoCreate"] is False
    assert manifest_of(training["Validation"]) == f"output/TrainingManifestWithValidation-{name}"
    assert manifest_of(testing["Validation"]) == f"output/TestingManifestWithValidation-{name}"


@pytest.mark.slow
def test_every_member_on_the_wire(models):
    """What SDKs of today know and Debian's does not."""
    project = models.trainable()
    models.wire.ask("CreateProjectVersion", {"ProjectArn": project, "VersionName": "v", "OutputConfig": models.output(),
                                             "VersionDescription": "of (many)", "FeatureConfig": {}})
    body = models.wire.ask("DescribeProjectVersions", {"ProjectArn": project})
    (version,) = body["ProjectVersionDescriptions"]
    assert version["Feature"] == "CUSTOM_LABELS"
    assert version["VersionDescription"] == "of (many)"
    assert "BaseModelVersion" not in version and "FeatureConfig" not in version
    assert isinstance(version["CreationTimestamp"], float)


@pytest.mark.slow
def test_a_training_without_a_test_dataset_makes_one(models):
    project = models.project()
    train = models.create(training_entries(models.bucket, each=10), project=project)
    arn = models.begin_training(project)
    datasets = models.api.describe_projects(
        ProjectNames=[project.split("/")[1]])["ProjectDescriptions"][0]["Datasets"]
    assert [dataset["DatasetType"] for dataset in datasets] == ["TRAIN", "TEST"]
    assert models.wait_version(arn, "TRAINING_IN_PROGRESS")["Status"] == "TRAINING_COMPLETED"
    assert models.stats(train)[0] == 16
    assert models.stats(datasets[1]["DatasetArn"])[0] == 4
    assert models.status(train) == models.status(datasets[1]["DatasetArn"]) == "UPDATE_COMPLETE"


@pytest.mark.slow
def test_too_few_images_to_split(models):
    project = models.project()
    train = models.create(training_entries(models.bucket, each=1), project=project)
    arn = models.begin_training(project)
    done = models.wait_version(arn, "TRAINING_IN_PROGRESS")
    assert (done["Status"], done["StatusMessage"]) == (
        "TRAINING_FAILED",
        "The manifest file contains insufficient labeled images per label to perform auto-split.")
    assert "TrainingEndTimestamp" in done and "EvaluationResult" not in done
    assert models.stats(train)[0] == 2
    # the test dataset that was made for it goes again
    name = project.split("/")[1]
    deadline = time.monotonic() + 30
    while len(models.api.describe_projects(ProjectNames=[name])["ProjectDescriptions"][0]["Datasets"]) > 1:
        assert time.monotonic() < deadline
    models.update(train, training_entries(models.bucket, each=10))
    models.train(project)


@pytest.mark.slow
def test_external_manifests(models):
    project = models.project()
    objects = [models.bucket.put(f"{side}.manifest", manifest(training_entries(models.bucket, folder=side)))
               for side in ("train", "test")]
    data = {name: {"Assets": [{"GroundTruthManifest": {"S3Object": where}}]}
            for name, where in zip(("TrainingData", "TestingData"), objects)}
    arn = models.begin_training(project, **data)
    (seen,) = models.versions(project)
    assert seen["TrainingDataResult"]["Input"] == data["TrainingData"]
    assert seen["TestingDataResult"]["Input"] == {**data["TestingData"], "AutoCreate": False}
    done = models.wait_version(arn, "TRAINING_IN_PROGRESS")
    assert done["Status"] == "TRAINING_COMPLETED", done
    assert done["TrainingDataResult"]["Input"] == data["TrainingData"]
    # datasets may be made beside it, and then manifests are refused
    models.create(project=project)
    assert error_of(models.begin_training, project, **data)[0] == "InvalidParameterException"


@pytest.mark.slow
def test_an_external_manifest_that_is_split(models):
    project = models.project()
    where = models.bucket.put("all.manifest", manifest(training_entries(models.bucket, each=10)))
    training = {"Assets": [{"GroundTruthManifest": {"S3Object": where}}]}
    arn = models.begin_training(project, TrainingData=training, TestingData={"AutoCreate": True})
    (seen,) = models.versions(project)
    assert seen["TestingDataResult"]["Input"] == {"Assets": [], "AutoCreate": True}
    done = models.wait_version(arn, "TRAINING_IN_PROGRESS")
    assert done["Status"] == "TRAINING_COMPLETED", done
    assert done["TestingDataResult"]["Output"]["AutoCreate"] is True


@pytest.mark.slow
def test_names_are_taken_within_a_project(models):
    project = models.trainable()
    models.train(project, "one")
    code, message = error_of(models.begin_training, project, "one")
    assert code == "ResourceInUseException" and "one" in message
    models.train(models.trainable(), "one")


@pytest.mark.slow
def test_what_a_training_uses_stays_as_it_is(models):
    project = models.trainable(each=12)
    datasets = models.api.describe_projects(
        ProjectNames=[project.split("/")[1]])["ProjectDescriptions"][0]["Datasets"]
    train, test = (dataset["DatasetArn"] for dataset in datasets)
    arn = models.begin_training(project)
    answers = [error_of(call, **arguments)[0] for call, arguments in (
        (models.begin_update, {"arn": train, "data": b"{}"}), (models.begin_update, {"arn": test, "data": b"{}"}),
        (models.api.delete_dataset, {"DatasetArn": train}), (models.api.delete_dataset, {"DatasetArn": test}))]
    assert models.version(arn)["Status"] == "TRAINING_IN_PROGRESS", "the training is too short for this test"
    assert answers == ["ResourceInUseException"] * 4
    assert models.lines(train) and models.status(train) == "CREATE_COMPLETE"
    models.wait_version(arn, "TRAINING_IN_PROGRESS")
    models.update(train, training_entries(models.bucket, each=1))
    models.api.delete_dataset(DatasetArn=test)


@pytest.mark.slow
def test_distribute_waits_for_a_training(models):
    project = models.project()
    where = models.bucket.put("test.manifest", manifest([]))
    train = models.create(training_entries(models.bucket, each=12), project=project)
    test = models.create(project=project, kind="TEST")
    assert where
    arn = models.begin_training(project)
    if models.version(arn)["Status"] == "TRAINING_IN_PROGRESS":
        code = error_of(models.api.distribute_dataset_entries, Datasets=[{"Arn": train}, {"Arn": test}])[0]
        assert code == "ResourceNotReadyException"
    models.wait_version(arn, "TRAINING_IN_PROGRESS")


@pytest.mark.slow
def test_a_project_with_versions_stays(models):
    project = models.trainable()
    arn = models.train(project)
    for dataset in models.api.describe_projects(
            ProjectNames=[project.split("/")[1]])["ProjectDescriptions"][0]["Datasets"]:
        models.api.delete_dataset(DatasetArn=dataset["DatasetArn"])
        models.wait_deleted(dataset["DatasetArn"])
    code, message = error_of(models.api.delete_project, ProjectArn=project)
    assert code == "ResourceInUseException" and "model versions" in message
    models.delete_version(arn)
    models.api.delete_project(ProjectArn=project)


# --- DescribeProjectVersions -------------------------------------------------------------------------------------------


def test_an_empty_project(lab):
    assert lab.api.describe_project_versions(ProjectArn=lab.project())["ProjectVersionDescriptions"] == []


def test_describe_of_no_project(lab):
    code = error_of(lab.api.describe_project_versions, ProjectArn=lab.arn("project/nowhere/1690000000000"))[0]
    assert code == "ResourceNotFoundException"


@pytest.mark.slow
def test_newest_first_by_name_and_in_pages(models, model):
    project = models.project()
    arns = [models.begin_copy(model, project, f"copy-{number}") for number in range(5)]
    for arn in arns:
        models.wait_version(arn, "COPYING_IN_PROGRESS")
    newest_first = [f"copy-{number}" for number in range(4, -1, -1)]

    def names(*wanted, **page):
        return [version["ProjectVersionArn"].split("/")[3] for version in models.versions(project, *wanted, **page)]

    assert names() == newest_first
    for size in (1, 2, 5):
        assert names(PaginationConfig={"PageSize": size}) == newest_first
    assert names("copy-1", "copy-3", "nobody", "copy-1") == ["copy-3", "copy-1"]
    assert names("nobody") == []
    assert names("copy-1", "copy-3", PaginationConfig={"PageSize": 1}) == ["copy-3", "copy-1"]
    page = models.api.describe_project_versions(ProjectArn=project, MaxResults=2)
    token = page["NextToken"]
    assert error_of(models.api.describe_project_versions, ProjectArn=project, VersionNames=["copy-1"],
                    NextToken=token)[0] == "InvalidPaginationTokenException"
    assert error_of(models.api.describe_project_versions, ProjectArn=models.project(),
                    NextToken=token)[0] == "InvalidPaginationTokenException"
    whole = models.api.describe_project_versions(ProjectArn=project, NextToken="")
    assert len(whole["ProjectVersionDescriptions"]) == 5 and "NextToken" not in whole


@pytest.mark.parametrize("member, value", [("VersionNames", []), ("VersionNames", ["x"] * 11), ("MaxResults", 0),
                                           ("MaxResults", 101), ("VersionNames", ["a b"])])
def test_describe_constraints(lab, member, value):
    answer = lab.wire.post("DescribeProjectVersions", {"ProjectArn": lab.project(), member: value})
    assert answer.type == "ValidationException"
