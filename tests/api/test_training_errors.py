"""What cannot be trained or served, and what is said of it (spec D.5.3, D.5.4, D.6, E.1, E.4)."""
import json
import shutil
import struct
import zlib

import pytest

from harness.backbone import BACKBONE, backbones
from harness.clients import close_clients
from harness.images import picture, png
from harness.lab import fresh_name
from harness.manifests import box_entry, image_entry, manifest
from harness.models import ModelLab, training_entries


def side_by_side(models, train, test, **more):
    """A project with both datasets of these entries; the description of the version trained on it."""
    project = models.project()
    models.create(train, project=project)
    models.create(test, project=project, kind="TEST")
    return models.wait_version(models.begin_training(project, **more), "TRAINING_IN_PROGRESS")


def failed(version, message):
    assert (version["Status"], version["StatusMessage"]) == ("TRAINING_FAILED", message)
    assert "EvaluationResult" not in version and "BillableTrainingTimeInSeconds" not in version


def read(models, s3_object):
    return (models.bucket.folder / s3_object["Name"]).read_text(encoding="utf-8")


def summary_of(models, version):
    return json.loads(read(models, version["ManifestSummary"]["S3Object"]))


def validated(models, version, side="Training"):
    asset, = version[f"{side}DataResult"]["Validation"]["Assets"]
    text = read(models, asset["GroundTruthManifest"]["S3Object"])
    return [json.loads(line) for line in text.splitlines()]


def entry(models, key, data, label="red"):
    models.bucket.put(key, data)
    return image_entry(f"s3://{models.bucket.name}/{key}", label)


# --- images ------------------------------------------------------------------------------------------------------------

def bomb():
    """A small file that claims to be 30,000 pixels square."""
    header = struct.pack(">IIBBBBB", 30000, 30000, 8, 2, 0, 0, 0)
    chunk = struct.pack(">I", 13) + b"IHDR" + header + struct.pack(">I", zlib.crc32(b"IHDR" + header))
    return b"\x89PNG\r\n\x1a\n" + chunk + picture("red", 1)[33:]


BAD_IMAGES = {
    "empty": lambda: b"",
    "text": lambda: b"this is no image at all, whatever its name says",
    "truncated": lambda: picture("red", 1)[:-400],
    "damaged": lambda: picture("red", 1)[:300] + b"\0" * 50 + picture("red", 1)[350:],
    "bomb": bomb,
    "too-small": lambda: picture("red", 1, side=48),
    "too-long": lambda: png(64 * 21, 64, [bytes(3 * 64 * 21)] * 64),
    "too-many-bytes": lambda: picture("red", 1) + b"\0" * (15 * 1024 * 1024),
    "gif": lambda: b"GIF89a" + bytes(200),
}


@pytest.fixture(name="bad_images", scope="module")
def fixture_bad_images(model_server, model_region):
    """A training with each of them and one that is not there, among enough good ones: lab, description."""
    models = ModelLab(model_server, model_region)
    train = training_entries(models.bucket, each=24)
    train += [entry(models, f"bad/{name}.png", make()) for name, make in BAD_IMAGES.items()]
    train.append(image_entry(f"s3://{models.bucket.name}/bad/absent.png", "blue"))
    version = side_by_side(models, train, training_entries(models.bucket, each=4, folder="test"))
    close_clients()
    return models, version


def test_a_few_bad_images_are_left_out(bad_images):
    models, version = bad_images
    assert version["Status"] == "TRAINING_COMPLETED", version["StatusMessage"]
    training = summary_of(models, version)["statistics"]["training"]
    assert training["invalid_json_lines"] == len(BAD_IMAGES) + 1
    assert training["error_json_line_indices"] == list(range(49, 59))


@pytest.mark.parametrize("name", [*BAD_IMAGES, "absent"])
def test_a_bad_image_is_named(bad_images, name):
    models, version = bad_images
    line, = [line for line in validated(models, version) if line["source-ref"].endswith(f"/{name}.png")]
    assert line["errors"] == [{"code": "ERROR_INVALID_IMAGE",
                               "message": "The image is invalid. Check S3 path and/or image properties."}]


def test_wrong_extension_16_bit_and_grey_are_images(models):
    """What a file is decides, not its name."""
    def grey(depth):
        rows = b"".join(b"\0" + bytes(80 * depth // 8) for _ in range(80))
        def chunk(kind, data):
            return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        header = struct.pack(">IIBBBBB", 80, 80, depth, 0, 0, 0, 0)
        return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    train = training_entries(models.bucket, each=4)
    train += [entry(models, "odd/a.jpg", picture("red", 90)), entry(models, "odd/b.txt", grey(16)),
              entry(models, "odd/c", grey(8))]
    version = side_by_side(models, train, training_entries(models.bucket, each=2, folder="test"))
    assert version["Status"] == "TRAINING_COMPLETED"
    assert summary_of(models, version)["statistics"]["training"]["valid_json_lines"] == 11


def test_half_of_the_images_are_missing(models):
    train = training_entries(models.bucket, each=6)
    train += [image_entry(f"s3://{models.bucket.name}/gone/{n}.png", "red") for n in range(12)]
    version = side_by_side(models, train, training_entries(models.bucket, each=2, folder="test"))
    failed(version, "The manifest file contains too many invalid rows.")
    summary = summary_of(models, version)
    training = summary["statistics"]["training"]
    assert summary["errors"] == [] and training["use_case"] == "NOT_DETERMINED"
    assert training["errors"] == [{"code": "ERROR_TOO_MANY_INVALID_ROWS_IN_MANIFEST",
                                   "message": "The manifest file contains too many invalid rows."}]
    assert (training["total_json_lines"], training["valid_json_lines"], training["invalid_json_lines"]) == (24, 12, 12)
    assert sum("errors" in line for line in validated(models, version)) == 12
    assert "Output" not in version["TrainingDataResult"]


def test_images_without_labels_are_not_counted(models):
    """Four of fourteen are invalid, however many are ignored."""
    train = training_entries(models.bucket, each=5)
    train += [image_entry(f"s3://{models.bucket.name}/gone/{n}.png", "red") for n in range(4)]
    train += [image_entry(f"s3://{models.bucket.name}/images/unlabelled-{n}.png") for n in range(20)]
    version = side_by_side(models, train, training_entries(models.bucket, each=2, folder="test"))
    failed(version, "The manifest file contains too many invalid rows.")
    training = summary_of(models, version)["statistics"]["training"]
    assert (training["total_json_lines"], training["valid_json_lines"], training["invalid_json_lines"],
            training["ignored_json_lines"]) == (34, 10, 4, 20)


def test_all_images_are_missing(models):
    train = [image_entry(f"s3://{models.bucket.name}/gone/{n}.png", ("red", "blue")[n % 2]) for n in range(6)]
    version = side_by_side(models, train, training_entries(models.bucket, each=2))
    failed(version, "Failed to copy images from S3 bucket.")
    assert summary_of(models, version)["statistics"]["training"]["errors"][0]["code"] == "ERROR_FAILED_IMAGES_S3_COPY"


# --- labels ------------------------------------------------------------------------------------------------------------

def test_one_label_only(models):
    version = side_by_side(models, training_entries(models.bucket, ("red",)),
                           training_entries(models.bucket, ("red",), folder="test"))
    failed(version, "The manifest file has too few labels.")


def test_too_little_overlap(models):
    version = side_by_side(models, training_entries(models.bucket, ("red", "blue"), each=2),
                           training_entries(models.bucket, ("green", "yellow"), each=2, folder="test"))
    failed(version, "Less than 50% label overlap between the training and testing manifest files.")
    assert summary_of(models, version)["errors"][0]["code"] == "ERROR_INSUFFICIENT_LABEL_OVERLAP"


def test_a_label_of_the_test_set_that_is_not_learnt(models):
    version = side_by_side(models, training_entries(models.bucket, ("red", "blue"), each=4),
                           training_entries(models.bucket, ("red", "blue", "green"), each=2, folder="test"))
    assert version["Status"] == "TRAINING_COMPLETED"
    assert summary_of(models, version)["statistics"]["testing"]["ignored_json_lines"] == 2


def test_boxes_off_the_frame(models):
    """A line without a good box is invalid."""
    train = training_entries(models.bucket, each=8)
    for number, boxes in enumerate(([{"class_id": 0, "left": 90, "top": 0, "width": 10, "height": 10}],)):
        models.bucket.put(f"box/{number}.png", picture("red", number))
        train.append(box_entry(f"s3://{models.bucket.name}/box/{number}.png", ["red"], boxes, size=(96, 96)))
    version = side_by_side(models, train, training_entries(models.bucket, each=2, folder="test"))
    assert version["Status"] == "TRAINING_COMPLETED"
    line = validated(models, version)[-1]
    assert line["boxes"]["annotations"][0]["errors"][0]["code"] == "ERROR_INVALID_BOUNDING_BOX"
    assert summary_of(models, version)["statistics"]["training"]["error_json_line_indices"] == [17]


def boxed(models, key, *boxes, size=(96, 96)):
    """An entry of (left, top, width, height) boxes of one label; the image itself is a small one."""
    models.bucket.put(key, picture("red", key))
    return box_entry(f"s3://{models.bucket.name}/{key}", ["red"], [
        dict(zip(("class_id", "left", "top", "width", "height"), (0, *box))) for box in boxes], size=size)


def test_a_good_box_beside_one_off_the_frame(models):
    """The line counts, for the good one; which is too small to be learnt from, or this would take minutes."""
    small, off = (600, 600, 2, 2), (1270, 0, 20, 20)
    train = [boxed(models, f"box/{n}.png", small, off, size=(1280, 1280)) for n in range(3)]
    version = side_by_side(models, train, [boxed(models, "box/test.png", small, size=(1280, 1280))])
    failed(version, "No image of the training dataset has a bounding box that can be learnt from.")
    training = summary_of(models, version)["statistics"]["training"]
    assert (training["valid_json_lines"], training["invalid_json_lines"]) == (3, 0)
    assert training["use_case"] == "OBJECT_LOCALIZATION" and training["error_json_line_indices"] == []
    for line in validated(models, version):
        assert [[error["code"] for error in box.get("errors", [])] for box in line["boxes"]["annotations"]] == [
            [], ["ERROR_INVALID_BOUNDING_BOX"]]


def grid(count):
    return [(place % 10 * 9, place // 10 * 9, 8, 8) for place in range(count)]


def test_51_boxes(models):
    train = [boxed(models, f"box/{n}.png", *grid(51)) for n in range(3)]
    version = side_by_side(models, train, [boxed(models, "box/test.png", *grid(50))])
    failed(version, "The manifest file contains too many invalid rows.")
    statistics = summary_of(models, version)["statistics"]
    assert statistics["training"]["error_json_line_indices"] == [1, 2, 3]
    assert statistics["testing"]["valid_json_lines"] == 1
    assert [[error["code"] for error in line["boxes"]["errors"]] for line in validated(models, version)] == [
        ["ERROR_TOO_MANY_BOUNDING_BOXES"]] * 3


@pytest.mark.fast_build
def test_50_boxes(models):
    """Are trained, beside a line that has one too many."""
    train = [boxed(models, f"box/{n}.png", *grid(50)) for n in range(4)] + [boxed(models, "box/51.png", *grid(51))]
    version = side_by_side(models, train, [boxed(models, "box/test.png", *grid(50))])
    assert version["Status"] == "TRAINING_COMPLETED", version["StatusMessage"]
    assert summary_of(models, version)["statistics"]["training"]["error_json_line_indices"] == [5]
    for side, count in (("Training", 4), ("Testing", 1)):
        asset, = version[f"{side}DataResult"]["Output"]["Assets"]
        lines = read(models, asset["GroundTruthManifest"]["S3Object"]).splitlines()
        assert [len(json.loads(line)["rekognition-custom-labels-training-0"]["annotations"]) for line in lines] == (
            [50] * count)


@pytest.mark.fast_build
def test_250_labels(models):
    labels = [f"label-{number:03}" for number in range(250)]
    sides = []
    for folder, each in (("train", 2), ("test", 1)):
        side = []
        for number, label in enumerate(labels):
            for copy in range(each):
                tone = bytes((number % 16 * 16, number // 16 * 16, 128))
                data = png(64, 64, [(tone * (20 + copy) + bytes(3) * 64)[:192]] * 64)
                side.append(entry(models, f"{folder}/{label}-{copy}.png", data, label))
        sides.append(side)
    version = side_by_side(models, *sides)
    assert version["Status"] == "TRAINING_COMPLETED", version["StatusMessage"]
    evaluation = json.loads(read(models, version["EvaluationResult"]["Summary"]["S3Object"]))
    assert len(evaluation["AggregatedEvaluationResults"]["ConfusionMatrix"]) == 250 * 250
    arn = version["ProjectVersionArn"]
    models.start(arn)
    assert len(models.detect(arn, MinConfidence=0)) == 250
    assert len(models.detect(arn, MinConfidence=0, MaxResults=3)) == 3
    models.stop(arn)


# --- places ------------------------------------------------------------------------------------------------------------

def external(models, *lines, **more):
    source = models.bucket.put(fresh_name("m") + ".manifest", manifest(lines))
    assets = {"Assets": [{"GroundTruthManifest": {"S3Object": source}}]}
    arn = models.begin_training(models.project(), TrainingData=assets, TestingData={"AutoCreate": True}, **more)
    return models.wait_version(arn, "TRAINING_IN_PROGRESS")


def test_manifests_that_are_none(models):
    for lines, message in (((), "The manifest file is empty."),
                           (("this is", "no JSON"), "The manifest file extension or contents are invalid.")):
        version = external(models, *lines)
        failed(version, message)
        assert "ManifestSummary" not in version and "Validation" not in version["TrainingDataResult"]


def test_a_manifest_that_is_not_there(models):
    source = {"Bucket": models.bucket.name, "Name": "never.manifest"}
    assets = {"Assets": [{"GroundTruthManifest": {"S3Object": source}}]}
    arn = models.begin_training(models.project(), TrainingData=assets, TestingData=assets)
    version = models.wait_version(arn, "TRAINING_IN_PROGRESS")
    failed(version, "The manifest file extension or contents are invalid.")


def test_too_few_to_split(models):
    version = external(models, *training_entries(models.bucket, ("red", "blue"), each=3),
                       *training_entries(models.bucket, ("green",), each=1))
    failed(version, "The manifest file contains insufficient labeled images per label to perform auto-split.")


def test_lines_of_a_manifest_that_are_wrong(models):
    entries = training_entries(models.bucket, each=10)
    version = external(models, *entries[:8], "", "{ not json", *entries[8:], entries[0], '{"a":1}')
    assert version["Status"] == "TRAINING_COMPLETED"
    lines = validated(models, version)
    wrong = [place for place, line in enumerate(lines, 1) if "errors" in line]
    assert [lines[place - 1]["errors"][0]["code"] for place in wrong] == [
        "ERROR_INVALID_JSON_LINE", "ERROR_DUPLICATE_SOURCE_REF", "ERROR_MISSING_SOURCE_REF"]
    training = summary_of(models, version)["statistics"]["training"]
    assert training["total_json_lines"] == len(lines) == 19, "four of the twenty images are tested with"
    assert training["error_json_line_indices"] == wrong, "places in the validation manifest of this side"
    assert wrong[1:] == [18, 19]
    testing = summary_of(models, version)["statistics"]["testing"]
    assert testing["total_json_lines"] == len(validated(models, version, "Testing")) == 4
    assert testing["error_json_line_indices"] == []


def test_output_that_cannot_be_written(models):
    project = models.trainable(each=3)
    models.bucket.put("in-the-way", b"a file, no folder")
    version = models.wait_version(models.begin_training(project, OutputConfig=models.output("in-the-way")),
                                  "TRAINING_IN_PROGRESS")
    failed(version, "Unable to write to output S3 bucket.")


def test_images_of_another_account(models, model_server):
    models.bucket.put("x", b"")
    foreign = ModelLab(model_server)
    train = training_entries(foreign.bucket, each=3)
    test = training_entries(foreign.bucket, each=2, folder="test")
    model_server.placard("buckets", "assign", foreign.bucket.name, "999999999999")
    failed(side_by_side(models, train, test), "Invalid owner id for images S3 bucket.")


# --- models ------------------------------------------------------------------------------------------------------------

def test_without_a_backbone(start_server):
    models = ModelLab(start_server())
    version = models.wait_version(models.begin_training(models.trainable(each=3)), "TRAINING_IN_PROGRESS")
    assert version["Status"] == "TRAINING_FAILED"
    assert "ssdlite-mobilenet-v2-coco" in version["StatusMessage"]
    assert "placard backbone install" in version["StatusMessage"]


@pytest.mark.parametrize("harm,message", [
    (lambda data: data[:len(data) // 2], "The model file is damaged: its checksum is another."),
    (lambda data: data[:10], "This is not a model file, or one of another version of placard."),
    (lambda data: data[:1000] + bytes([data[1000] ^ 1]) + data[1001:],
     "The model file is damaged: its checksum is another."),
    (lambda data: None, "The model's file is not there."),
], ids=["cut", "cut-short", "one-bit", "gone"])
def test_a_damaged_model_does_not_start(models, own_model, harm, message):
    file = max((models.server.data / "models").iterdir(), key=lambda folder: int(folder.name)) / "model"
    harmed = harm(file.read_bytes())
    if harmed is None:
        file.unlink()
    else:
        file.write_bytes(harmed)
    version = models.start(own_model, expected="FAILED")
    assert version["StatusMessage"] == message


@pytest.mark.trains
def test_a_model_of_another_backbone_does_not_start(start_server, tmp_path):
    shutil.copytree(backbones() / BACKBONE, tmp_path / "backbones" / BACKBONE)
    server = start_server("--backbones", str(tmp_path / "backbones"))
    models = ModelLab(server)
    arn = models.train(models.trainable(each=3))
    server.stop()
    text = tmp_path / "backbones" / BACKBONE / "backbone.txt"
    text.write_text(text.read_text(encoding="utf-8").replace("scale=0.00784313772", "scale=0.00784313773"), encoding="utf-8")
    server.start()
    again = ModelLab(server, models.region)
    version = again.start(arn, expected="FAILED")
    assert version["StatusMessage"] == f"The model was trained on another build of the backbone {BACKBONE}."
    server.stop()
    shutil.rmtree(tmp_path / "backbones")
    server.start()
    version = ModelLab(server, models.region).start(arn, expected="FAILED")
    assert BACKBONE in version["StatusMessage"]
