"""Sizes of images in trainings: lifted quotas, and pictures of which only a large canvas shows what is boxed."""
import pytest

from harness.images import png
from harness.manifests import box_entry, image_entry
from harness.models import ModelLab, model_flags

TONES = {"red": b"\xd0\x20\x20", "blue": b"\x20\x20\xd0"}


def trained(lab, *sides):
    project = lab.project()
    for kind, entries in zip(("TRAIN", "TEST"), sides):
        lab.create(entries, project=project, kind=kind)
    version = lab.wait_version(lab.begin_training(project), "TRAINING_IN_PROGRESS")
    assert version["Status"] == "TRAINING_COMPLETED", version["StatusMessage"]
    return version["ProjectVersionArn"]


def test_a_training_takes_the_lifted_quotas(start_server):
    """What a model answers about, it can be trained on."""
    lab = ModelLab(start_server(*model_flags(), "--limits", "none"))
    data = {}
    for label, tone in TONES.items():
        for number in range(4):
            data[f"{label}-{number}"] = png(40, 36, [(tone * (10 + number) + bytes(3) * 40)[:120]] * 36)

    def entries(part):
        return [image_entry(f"s3://{lab.bucket.name}/{part}-{name}.png", name.split("-")[0]) for name in data]

    for part in ("train", "test"):
        for name, image in data.items():
            lab.bucket.put(f"{part}-{name}.png", image)
    arn = trained(lab, entries("train"), entries("test"))
    lab.start(arn)
    assert lab.detect(arn, image=data["red-1"])[0]["Name"] == "red"


@pytest.mark.fast_build
def test_small_things_in_long_pictures(models):
    """The largest canvas there is, in the shape of full HD: a trunk that cannot be made would end in a service issue."""
    size = width, height = 1920, 1080

    def entries(part):
        found = []
        for number in range(6):
            left, top = 40 + number * 90, 100 + number * 120
            tone = TONES["red" if number % 2 else "blue"]
            plain = b"\x60\x70\x60" * width
            marked = plain[:left * 3] + tone * 24 + plain[(left + 24) * 3:]
            models.bucket.put(f"{part}-{number}.png", png(width, height, [plain] * top + [marked] * 24 +
                                                          [plain] * (height - top - 24)))
            box = {"class_id": number % 2, "left": left, "top": top, "width": 24, "height": 24}
            found.append(box_entry(f"s3://{models.bucket.name}/{part}-{number}.png", ["blue", "red"], [box], size))
        return found

    arn = trained(models, entries("train"), entries("test"))
    models.start(arn)
    models.detect(arn, image=(models.bucket.folder / "test-1.png").read_bytes(), MinConfidence=0)
    models.stop(arn)
