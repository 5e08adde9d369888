"""DetectCustomLabels: where the image comes from, what is refused, and how the answer is cut (spec E.5)."""
import json

import pytest

from harness.clients import close_clients
from harness.images import between, picture, png
from harness.lab import error_of, fresh_name
from harness.manifests import image_entry
from harness.models import ModelLab, training_entries

pytestmark = pytest.mark.slow  # it takes a trained model
UNREADABLE = "Unable to get object metadata from S3. Check object key, region and/or access permissions."
MIB = 1024 * 1024


@pytest.fixture(scope="module")
def running(model_server, model_region, model):
    """A running copy that only this file uses."""
    lab = ModelLab(model_server, model_region)
    arn = lab.copy_version(model)
    lab.start(arn)
    yield arn
    ModelLab(model_server, model_region).stop(arn)
    close_clients()


def plain(width, height):
    return png(width, height, [b"\x80" * (3 * width)] * height)


def padded(image, size):
    """The image with bytes behind its end, which decoders leave alone."""
    return image + b"\0" * (size - len(image))


def wire(lab, arn, image, **more):
    return lab.wire.post("DetectCustomLabels", {"ProjectVersionArn": arn, "Image": image, **more})


# --- the answer ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("colour, other", [("red", "blue"), ("blue", "red")])
def test_it_tells_them_apart(models, running, colour, other):
    labels = models.detect(running, picture(colour, "unseen"), MinConfidence=0)
    assert [label["Name"] for label in labels] == [colour, other]
    assert labels[0]["Confidence"] > labels[1]["Confidence"]
    assert all(set(label) == {"Name", "Confidence"} and 0 <= label["Confidence"] <= 100 for label in labels)


def test_min_confidence(models, running):
    image = picture("red", "unseen")
    every = models.detect(running, image, MinConfidence=0)
    assert len(every) == 2
    bound = every[0]["Confidence"]
    assert models.detect(running, image, MinConfidence=bound) == every[:1], "the bound itself is included"
    assert models.detect(running, image, MinConfidence=100) in ([], every[:1])


def test_without_min_confidence(models):
    """Each label counts from its own assumed threshold on, which the evaluation tells. They are made to differ: one
    test image that is rather red is called blue, so that red is best believed late and blue early."""
    project, odd = models.project(), between("red", "blue", 0.4)
    models.create(training_entries(models.bucket), project=project)
    where = models.bucket.put("test/odd.png", picture(odd, "odd"))
    models.create([*training_entries(models.bucket, each=4, folder="test"),
                   image_entry(f"s3://{models.bucket.name}/{where['Name']}", "blue")], project=project, kind="TEST")
    arn = models.train(project)
    where = models.version(arn)["EvaluationResult"]["Summary"]["S3Object"]
    summary = json.loads((models.bucket.folder / where["Name"]).read_text(encoding="utf-8"))
    thresholds = {label["Label"]: 100 * label["Metrics"]["Threshold"] for label in summary["LabelEvaluationResults"]}
    models.start(arn)
    told_apart = 0
    for step in range(21):
        image = picture(between("red", "blue", step / 20), "odd")
        every = models.detect(arn, image, MinConfidence=0)
        expected = [label for label in every if label["Confidence"] >= thresholds[label["Name"]]]
        assert models.detect(arn, image) == expected, (every, thresholds)
        told_apart += any(expected != [label for label in every if label["Confidence"] >= threshold]
                          for threshold in thresholds.values())
    assert told_apart > 0, f"no image lies between {thresholds}"
    models.stop(arn)


def test_max_results(models, running):
    image = picture("red", "unseen")
    every = models.detect(running, image, MinConfidence=0)
    assert models.detect(running, image, MinConfidence=0, MaxResults=1) == every[:1]
    assert models.detect(running, image, MinConfidence=0, MaxResults=5) == every
    assert models.detect(running, image, MinConfidence=0, MaxResults=0) == every, "as if it were absent"


def test_the_same_image_the_same_answer(models, running):
    image = picture("blue", "unseen")
    assert models.detect(running, image, MinConfidence=0) == models.detect(running, image, MinConfidence=0)


def test_on_the_wire(models, running):
    """A list in any case, numbers as every parser reads them, members as in AWS's recorded answers."""
    nothing = wire(models, running, {"S3Object": models.bucket.put("r.png", picture("red", 1))}, MinConfidence=100)
    assert nothing.status == 200 and isinstance(nothing.json["CustomLabels"], list)
    body = wire(models, running, {"S3Object": models.bucket.put("r.png", picture("red", 1))}, MinConfidence=0).body
    (first, _) = json.loads(body, object_pairs_hook=list)[0][1]
    assert [name for name, _ in first] == ["Name", "Confidence"]
    assert b"nan" not in body.lower() and b"inf" not in body.lower()


# --- the image -----------------------------------------------------------------------------------------------------


def test_from_a_bucket(models, running):
    image = picture("red", "unseen")
    where = models.bucket.put("a folder/ü.png", image)
    labels = models.api.detect_custom_labels(ProjectVersionArn=running, Image={"S3Object": where},
                                             MinConfidence=0)["CustomLabels"]
    assert labels == models.detect(running, image, MinConfidence=0)


@pytest.mark.parametrize("image", [{}, {"S3Object": {}}, {"S3Object": {"Bucket": "abc"}}, {"S3Object": {"Name": "x"}},
                                   {"Bytes": "iVBORw==", "S3Object": {"Bucket": "abc", "Name": "x"}}], ids=str)
def test_no_image_or_two(models, running, image):
    assert wire(models, running, image).type == "InvalidParameterException"


@pytest.mark.parametrize("image, code, constraint", [
    (None, "ValidationException", "'image' failed to satisfy constraint: Member must not be null"),
    ({"Bytes": ""}, "ValidationException", "java.nio.HeapByteBuffer[pos=0 lim=0 cap=0]' at 'image.bytes'"),
    ({"Bytes": "A" * (4 * (5 * MIB // 3 + 1))}, "ValidationException", "length less than or equal to 5242880"),
    ({"Bytes": "*"}, "SerializationException", "base64"), ({"Bytes": 5}, "SerializationException", "Blob"),
    ({"S3Object": {"Bucket": "a", "Name": "x"}}, "ValidationException", "length greater"),
])
def test_constraints(models, running, image, code, constraint):
    answer = wire(models, running, image)
    assert answer.type == code and constraint in answer.message


@pytest.mark.parametrize("member, value", [("MaxResults", -1), ("MinConfidence", 100.5), ("MinConfidence", -0.1)])
def test_constraints_of_numbers(models, running, member, value):
    assert wire(models, running, {"Bytes": "iVBORw=="}, **{member: value}).type == "ValidationException"


def test_an_object_that_is_not_there(models, running):
    for where in ({"Bucket": models.bucket.name, "Name": "nothing.png"}, {"Bucket": fresh_name("nowhere"), "Name": "x"},
                  {"Bucket": models.bucket.name, "Name": "../../credentials"}):
        code = error_of(models.api.detect_custom_labels, ProjectVersionArn=running, Image={"S3Object": where})[0]
        assert code == "InvalidS3ObjectException"


def test_an_object_that_the_caller_may_not_read(models, running, model_users):
    where = models.bucket.put("red.png", picture("red", 1))
    rights = [{"Effect": "Allow", "Action": "rekognition:*", "Resource": "*"},
              {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "arn:aws:s3:::*/mine/*"}]
    user = ModelLab(models.server, models.region, model_users.key(*rights))
    wish = {"ProjectVersionArn": running, "Image": {"S3Object": where}}
    assert error_of(user.api.detect_custom_labels, **wish) == ("InvalidS3ObjectException", UNREADABLE)
    wish["Image"] = {"S3Object": models.bucket.put("mine/red.png", picture("red", 1))}
    user.api.detect_custom_labels(**wish)
    models.server.placard("buckets", "assign", "bucket-of-others", "210987654321")
    wish["Image"] = {"S3Object": {"Bucket": "bucket-of-others", "Name": "x"}}
    assert error_of(models.api.detect_custom_labels, **wish) == ("InvalidS3ObjectException", UNREADABLE)


@pytest.mark.parametrize("image", [
    b"no image at all", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff\xe0", picture("red", 1)[:-20], picture("red", 1)[:100],
    b"GIF89a" + b"\0" * 100, b"BM" + b"\0" * 100, b"RIFF\0\0\0\0WEBPVP8 " + b"\0" * 100, b"\0"], ids=lambda b: repr(b[:12]))
def test_what_is_no_image(models, running, image):
    code, message = error_of(models.detect, running, image)
    assert code == "InvalidImageFormatException" and message.startswith("Request has invalid image format")
    code = error_of(models.api.detect_custom_labels, ProjectVersionArn=running,
                    Image={"S3Object": models.bucket.put("x.png", image)})[0]
    assert code == "InvalidImageFormatException"


@pytest.mark.parametrize("size, code", [
    ((64, 64), None), ((63, 64), "InvalidParameterException"), ((64, 63), "InvalidParameterException"),
    ((4096, 205), None), ((4097, 300), "ImageTooLargeException"), ((300, 4097), "ImageTooLargeException"),
    ((1280, 64), None), ((1281, 64), "InvalidParameterException"), ((64, 1281), "InvalidParameterException"),
    ((1, 1), "InvalidParameterException")], ids=str)
def test_sizes_in_pixels(models, running, size, code):
    if code:
        assert error_of(models.detect, running, plain(*size))[0] == code
    else:
        assert len(models.detect(running, plain(*size), MinConfidence=0)) == 2


def test_sizes_in_bytes(models, running):
    image = picture("red", "unseen")
    assert models.detect(running, padded(image, 4 * MIB), MinConfidence=0)
    assert error_of(models.detect, running, padded(image, 4 * MIB + 1)) == ("ImageTooLargeException",
                                                                            "Image size is too large.")

    def of_object(size):
        where = models.bucket.put("large.png", padded(image, size))
        return models.api.detect_custom_labels(ProjectVersionArn=running, Image={"S3Object": where}, MinConfidence=0)

    assert of_object(15 * MIB)["CustomLabels"]
    assert error_of(of_object, 15 * MIB + 1)[0] == "ImageTooLargeException"


def test_a_version_of_another_account_or_region(models, running, model_users):
    other = ModelLab(models.server, models.region, model_users.key(
        {"Effect": "Allow", "Action": "*", "Resource": "*"}, account="210987654321"))
    assert error_of(other.detect, running)[0] == "ResourceNotFoundException"
    assert error_of(ModelLab(models.server).detect, running)[0] == "ResourceNotFoundException"


def test_retried_calls_and_kept_connections(models, running):
    """A refused image leaves the connection in step."""
    for _ in range(3):
        assert error_of(models.detect, running, b"no image")[0] == "InvalidImageFormatException"
        assert models.detect(running, MinConfidence=0)
