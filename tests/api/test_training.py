"""Training from end to end: what it leaves in the output bucket, what it keeps, and that it comes out the same again."""
import json
import time

import pytest

from harness.clients import close_clients
from harness.images import disc, picture
from harness.manifests import box_entry, image_entry, manifest
from harness.models import ModelLab, model_flags, training_entries

OUTPUTS = ("EvaluationResultSummary", "ManifestSummary", "TrainingGroundTruth", "TestingGroundTruth",
           "TrainingManifestWithValidation", "TestingManifestWithValidation")
PREFIX = "rekognition-custom-labels-"


def read(lab, s3_object):
    """The text of an output object, by what DescribeProjectVersions says of it."""
    assert s3_object["Bucket"] == lab.bucket.name and "Version" not in s3_object
    return (lab.bucket.folder / s3_object["Name"]).read_text(encoding="utf-8")


def rows(lab, result):
    asset, = result["Assets"]
    return [json.loads(line) for line in read(lab, asset["GroundTruthManifest"]["S3Object"]).splitlines()]


def model_file(lab, number):
    return (lab.server.data / "models" / str(number) / "model").read_bytes()


def number_of(lab, arn):
    """The version's folder: the one that was made last has the highest number."""
    return max(int(folder.name) for folder in (lab.server.data / "models").iterdir())


@pytest.fixture(name="trained", scope="module")
def fixture_trained(model_server, model_region):
    """A trained version with datasets of its own: lab, description."""
    lab = ModelLab(model_server, model_region)
    project = lab.project()
    lab.create(training_entries(lab.bucket, each=8), project=project)
    lab.create(training_entries(lab.bucket, each=4, folder="test"), project=project, kind="TEST")
    version = lab.version(lab.train(project, OutputConfig=lab.output("some/prefix/")))
    close_clients()
    return lab, version


def test_the_names_of_the_six_objects(trained):
    lab, version = trained
    project, name = version["ProjectVersionArn"].split("/")[1], version["ProjectVersionArn"].split("/")[3]
    there = {path.relative_to(lab.bucket.folder).as_posix() for path in (lab.bucket.folder / "some").rglob("*.json")}
    assert there == {f"some/prefix/{stem}-{project}-{name}.json" for stem in OUTPUTS}
    assert version["BillableTrainingTimeInSeconds"] >= 1


def test_the_evaluation(trained):
    lab, version = trained
    summary = json.loads(read(lab, version["EvaluationResult"]["Summary"]["S3Object"]))
    assert summary["Version"] == 1
    details, whole = summary["EvaluationDetails"], summary["AggregatedEvaluationResults"]
    assert details["Labels"] == ["blue", "red"] and details["ProjectVersionArn"] == version["ProjectVersionArn"]
    assert (details["NumberOfTrainingImages"], details["NumberOfTestingImages"]) == (16, 8)
    assert whole["F1Score"] == pytest.approx(version["EvaluationResult"]["F1Score"])
    assert whole["F1Score"] > 0.9, "discs of two colours are easy"
    matrix = {(cell["GroundTruthLabel"], cell["PredictedLabel"]): cell["Value"] for cell in whole["ConfusionMatrix"]}
    assert len(matrix) == 4 and matrix["red", "red"] + matrix["red", "blue"] <= 1.000001
    labels = summary["LabelEvaluationResults"]
    assert sorted(label["Label"] for label in labels) == ["blue", "red"]
    scores = [label["Metrics"]["F1Score"] for label in labels]
    assert scores == sorted(scores, reverse=True) and sum(scores) / 2 == pytest.approx(whole["F1Score"])
    assert all(0 <= label["Metrics"]["Threshold"] <= 1 and label["NumberOfTestingImages"] == 4 for label in labels)


def test_the_evaluation_manifests(trained, models):
    lab, version = trained
    training, testing = rows(lab, version["TrainingDataResult"]["Output"]), rows(lab, version["TestingDataResult"]["Output"])
    assert len(training) == 16 and len(testing) == 8
    thresholds = {label["Label"]: label["Metrics"]["Threshold"] for label in json.loads(
        read(lab, version["EvaluationResult"]["Summary"]["S3Object"]))["LabelEvaluationResults"]}
    assert [line[PREFIX + "object-id"] for line in testing] == list(range(1, 9))
    for line in testing:
        truth = line[PREFIX + "training-0-metadata"]
        assert truth["human-annotated"] == "yes" and truth["job-name"] == PREFIX + "training-job"
        for key, said in line.items():
            if not (key.startswith(PREFIX + "evaluation-") and key.endswith("-metadata")):
                continue
            flags = said[PREFIX + "evaluation-details"]
            positive = said["confidence"] >= thresholds[said["class-name"]] - 1e-5
            present = said["class-name"] == truth["class-name"]
            assert said["human-annotated"] == "no" and said["job-name"] == PREFIX + "evaluation-job"
            assert flags["is-present-in-ground-truth"] == present
            assert flags["is-true-positive"] == (positive and present)
            assert flags["is-false-positive"] == (positive and not present)
            assert flags["is-false-negative"] == (present and not positive)
    # what it writes is a manifest again
    models.create(manifest(training))


def test_the_validation_manifests_are_the_input(trained):
    lab, version = trained
    lines = rows(lab, version["TrainingDataResult"]["Validation"])
    assert len(lines) == 16 and not any("errors" in line or "cl-metadata" in line for line in lines)
    statistics = json.loads(read(lab, version["ManifestSummary"]["S3Object"]))["statistics"]
    assert statistics["training"] == {
        "use_case": "IMAGE_LEVEL_LABELS", "total_json_lines": 16, "valid_json_lines": 16, "invalid_json_lines": 0,
        "ignored_json_lines": 0, "errors": [], "error_json_line_indices": []}
    assert statistics["testing"]["total_json_lines"] == 8


def test_the_same_data_gives_the_same_model(models):
    """Whatever the names of project, bucket and version are; and what is kept of images makes no difference."""
    files, kept = [], []
    for _ in range(2):
        project = models.project()
        models.create(training_entries(models.bucket, each=6), project=project)
        models.create(training_entries(models.bucket, each=3, folder="test"), project=project, kind="TEST")
        models._bucket = None
        arn = models.train(project)
        files.append(model_file(models, number_of(models, arn)))
        kept.append(sum(1 for _ in (models.server.data / "features").rglob("*")))
    assert files[0] == files[1]


def test_features_are_kept_for_the_next_training(start_server):
    """What is written anew is renamed into its place, and another file then."""
    models = ModelLab(start_server(*model_flags()))
    project = models.project()
    train = models.create(training_entries(models.bucket, each=4), project=project)
    models.create(training_entries(models.bucket, each=2, folder="test"), project=project, kind="TEST")

    def kept():
        models.train(project)
        files = (models.server.data / "features").rglob("*")
        return {path: path.stat().st_ino for path in files if path.is_file()}

    before = kept()
    assert kept() == before, "a second training on the same images computes nothing anew"
    image = models.bucket.put("images/new.png", picture("red", "new"))
    models.update(train, [image_entry(f"s3://{image['Bucket']}/{image['Name']}", "red")])
    after = kept()
    assert {path: after.get(path) for path in before} == before, "nor does one with another image, but for that"
    found, looks = 12, (len(before) - 12) // 8  # files of 12 objects, and of the features of the 8 images in them
    assert len(before) == found + 8 * looks and len(after) - len(before) == 1 + looks and looks >= 1


def test_manifests_of_the_caller(models):
    """External manifests, a fifth split off; the images of one label look all alike and still come on both sides."""
    entries = training_entries(models.bucket, each=10)
    source = models.bucket.put("train.manifest", manifest(entries))
    arn = models.train(models.project(), TrainingData={"Assets": [{"GroundTruthManifest": {"S3Object": source}}]},
                       TestingData={"AutoCreate": True})
    version = models.version(arn)
    assert len(rows(models, version["TrainingDataResult"]["Output"])) == 16
    testing = rows(models, version["TestingDataResult"]["Output"])
    assert len(testing) == 4
    assert {line[PREFIX + "training-0-metadata"]["class-name"] for line in testing} == {"red", "blue"}
    assert models.start(arn)["Status"] == "RUNNING"
    assert [label["Name"] for label in models.detect(arn, picture("red", "new"))][:1] == ["red"]
    models.stop(arn)


def test_copies_of_an_image_stay_on_one_side(models):
    entries = []
    for label in ("red", "blue"):
        for number in range(20):
            key = f"images/{label}-{number}.png"
            models.bucket.put(key, picture(label, number // 4))
            entries.append(image_entry(f"s3://{models.bucket.name}/{key}", label))
    source = models.bucket.put("train.manifest", manifest(entries))
    arn = models.train(models.project(), TrainingData={"Assets": [{"GroundTruthManifest": {"S3Object": source}}]},
                       TestingData={"AutoCreate": True})
    version = models.version(arn)
    sides = [{int(line["source-ref"].rsplit("-", 1)[1].split(".")[0]) // 4
              for line in rows(models, version[f"{side}DataResult"]["Output"]) if label in line["source-ref"]}
             for label in ("red", "blue") for side in ("Training", "Testing")]
    assert not sides[0] & sides[1] and not sides[2] & sides[3]


def test_several_labels_an_image(models):
    entries = {}
    for folder in ("train", "test"):
        entries[folder] = []
        for number in range(6):
            for labels in (("red",), ("blue",), ("red", "blue")):
                key = f"{folder}/{'-'.join(labels)}-{number}.png"
                models.bucket.put(key, picture(labels[-1], f"{folder} {number} {labels}"))
                entries[folder].append(image_entry(f"s3://{models.bucket.name}/{key}", *labels))
    project = models.project()
    models.create(entries["train"], project=project)
    models.create(entries["test"], project=project, kind="TEST")
    version = models.version(models.train(project))
    testing = rows(models, version["TestingDataResult"]["Output"])
    both = [line for line in testing if PREFIX + "training-1" in line]
    assert len(both) == 6
    assert {line[PREFIX + f"training-{n}-metadata"]["class-name"] for line in both for n in (0, 1)} == {"red", "blue"}


@pytest.mark.fast_build
def test_boxes(models):
    """A detection model: its evaluation, and boxes where the discs are."""
    entries = {}
    for folder, each in (("train", 12), ("test", 4)):
        entries[folder] = []
        for label in ("red", "blue"):
            for number in range(each):
                key = f"{folder}/{label}-{number}.png"
                image, (left, top, side) = disc(label, f"{folder} {number}")
                models.bucket.put(key, image)
                entries[folder].append(box_entry(
                    f"s3://{models.bucket.name}/{key}", ["red", "blue"],
                    [{"class_id": ["red", "blue"].index(label), "left": left, "top": top, "width": side, "height": side}],
                    size=(96, 96)))
    entries["train"][0]["boxes"]["annotations"].append({"class_id": 0, "left": 90, "top": 0, "width": 9, "height": 9})
    entries["train"][0]["boxes-metadata"]["objects"].append({"confidence": 1})
    project = models.project()
    models.create(entries["train"], project=project)
    models.create(entries["test"], project=project, kind="TEST")
    arn = models.begin_training(project)
    deadline = time.monotonic() + 900
    while models.version(arn)["Status"] == "TRAINING_IN_PROGRESS" and time.monotonic() < deadline:
        time.sleep(0.5)
    version = models.version(arn)
    assert version["Status"] == "TRAINING_COMPLETED", version
    training = rows(models, version["TrainingDataResult"]["Output"])
    assert [len(line[PREFIX + "training-0"]["annotations"]) for line in training] == [1] * 24, "without one off the frame"
    summary = json.loads(read(models, version["EvaluationResult"]["Summary"]["S3Object"]))
    whole = summary["AggregatedEvaluationResults"]
    assert "ConfusionMatrix" not in whole and whole["AveragePrecision"] > 0.5 and 0 < whole["AverageRecall"] <= 1
    testing = rows(models, version["TestingDataResult"]["Output"])
    for line in testing:
        found, about = line[PREFIX + "evaluation"], line[PREFIX + "evaluation-metadata"]
        assert len(found["annotations"]) == len(about["objects"])
        assert found["image_size"] == [{"width": 96, "height": 96, "depth": 3}]
        assert all(str(box["class_id"]) in about["class-map"] for box in found["annotations"])
    models.start(arn)
    image, (left, top, side) = disc("red", "unseen")
    label = models.detect(arn, image, MaxResults=1, MinConfidence=0)[0]
    place = label["Geometry"]["BoundingBox"]
    assert label["Name"] == "red" and "Polygon" not in label["Geometry"]
    assert place["Left"] * 96 == pytest.approx(left, abs=side / 3)
    assert place["Top"] * 96 == pytest.approx(top, abs=side / 3)
    models.stop(arn)
