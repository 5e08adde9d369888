"""Quotas (spec F.1): each key of `--limit`, `--limits none`, and their reload."""
import json
import signal
import time

import pytest

from harness.lab import Lab
from harness.manifests import box, box_entry, image_entry
from harness.server import run_placard

SOURCE = "s3://images/{}.jpg".format


def images(count, first=0):
    return [image_entry(SOURCE(number), "cat") for number in range(first, first + count)]


def labelled_apart(count):
    return [image_entry(SOURCE(number), f"label {number}") for number in range(count)]


# key and value; a manifest that just passes; one that just fails, and its message.
FILE_LIMITS = {
    "manifest-lines=5": (images(5), images(6), "The manifest file has too many rows."),
    "manifest-bytes=2000": (images(2), images(20), "The manifest file size exceeds the maximum supported size."),
    "dataset-labels=3": (labelled_apart(3), labelled_apart(4), "The manifest file has too many labels."),
    "dropped-percent=50": (images(5) + ["x"] * 5, images(5) + ["x"] * 6,
                           "The manifest file has too many terminal errors."),
    "line-chars=500": (images(1), [{**images(1)[0], "note": "x" * 500}],
                       "The manifest file has too many terminal errors."),
}


@pytest.mark.parametrize("limit", FILE_LIMITS)
def test_file_limits(start_server, limit):
    passing, failing, message = FILE_LIMITS[limit]
    lab = Lab(start_server("--limit", limit))
    lab.create(passing)
    arn = lab.begin(failing)
    description = lab.wait_created(arn, "CREATE_FAILED")
    assert (description["StatusMessage"], description["StatusMessageCode"]) == (message, "CLIENT_ERROR")


# key and value; an entry without and one with an error by it.
ENTRY_LIMITS = {
    "boxes-per-image=2": (box_entry(SOURCE(1), ["cat"], [box()] * 2), box_entry(SOURCE(1), ["cat"], [box()] * 3),
                          "ERROR_TOO_MANY_BOUNDING_BOXES"),
    "label-chars=5": (image_entry(SOURCE(1), "abcde"), image_entry(SOURCE(1), "abcdef"),
                      "ERROR_INVALID_LABEL_NAME_LENGTH"),
    "image-side-min-px=200": (box_entry(SOURCE(1), ["cat"], [box()], size=(200, 200)),
                              box_entry(SOURCE(1), ["cat"], [box()], size=(199, 200)),
                              "ERROR_INVALID_IMAGE_DIMENSION"),
    "image-side-max-px=700": (box_entry(SOURCE(1), ["cat"], [box()], size=(700, 200)),
                              box_entry(SOURCE(1), ["cat"], [box()], size=(701, 200)),
                              "ERROR_INVALID_IMAGE_DIMENSION"),
}


@pytest.mark.parametrize("limit", ENTRY_LIMITS)
def test_entry_limits(start_server, limit):
    passing, failing, code = ENTRY_LIMITS[limit]
    lab = Lab(start_server("--limit", limit))
    arn = lab.create([passing])
    assert lab.stats(arn)[3] == 0
    lab.update(arn, [failing])
    assert lab.stats(arn)[3] == 1
    assert code in json.dumps(lab.entries(arn))


def test_labels_of_one_image(start_server):
    lab = Lab(start_server("--limit", "labels-per-image=2"))
    arn = lab.create([image_entry(SOURCE(1), "a", "b"), image_entry(SOURCE(2), "a", "b", "c")])
    assert lab.stats(arn)[3] == 1
    assert lab.sources(arn, HasErrors=True) == [SOURCE(2)]


def test_entries_of_one_dataset(start_server):
    lab = Lab(start_server("--limit", "dataset-entries=5"))
    arn = lab.create(images(5))
    lab.update(arn, images(5))
    lab.update(arn, images(1, first=5), "UPDATE_FAILED")
    assert lab.stats(arn)[0] == 5


def test_limits_none_lifts_all(start_server):
    lab = Lab(start_server("--limits", "none"))
    arn = lab.create(labelled_apart(300) + [
        {**image_entry(SOURCE("long"), "x" * 300), "note": "y" * 150_000},
        image_entry(SOURCE("many"), *[f"label {number}" for number in range(60)]),
        box_entry(SOURCE("boxes"), ["cat"], [box()] * 60, size=(5000, 5000)),
    ] + ["x"] * 100)
    total, labelled, _, errors = lab.stats(arn)
    assert (total, labelled, errors) == (303, 303, 0)


def test_a_single_key_stays_under_limits_none(start_server):
    lab = Lab(start_server("--limits", "none", "--limit", "dataset-labels=2"))
    lab.wait_created(lab.begin(labelled_apart(3)), "CREATE_FAILED")


def test_a_single_key_lifted(start_server):
    lab = Lab(start_server("--limit", "dataset-labels=none"))
    assert lab.stats(lab.create(labelled_apart(300)))[2] == 300


@pytest.mark.parametrize("limit", ["dataset-labels", "dataset-labels=", "dataset-labels=-1", "dataset-labels=x",
                                   "unknown=1", "=1"])
def test_limits_that_are_none(tmp_path, limit):
    run = run_placard("serve", "--data", tmp_path / "data", "--listen", "127.0.0.1:0", "--limit", limit, check=False)
    assert run.returncode != 0
    assert run.stderr.strip()


def test_reload(start_server, tmp_path):
    """SIGHUP reads the file anew."""
    file = tmp_path / "placard.conf"
    file.write_text("limit.dataset-labels = 2\n", encoding="utf-8")
    own = start_server("--config", file)
    lab = Lab(own)
    lab.wait_created(lab.begin(labelled_apart(3)), "CREATE_FAILED")
    file.write_text("limit.dataset-labels = 3\n", encoding="utf-8")
    own.signal(signal.SIGHUP)
    deadline = time.monotonic() + 20
    while True:
        description = lab.wait_while(lab.begin(labelled_apart(3)), "CREATE_IN_PROGRESS")
        if description["Status"] == "CREATE_COMPLETE":
            break
        assert time.monotonic() < deadline, "the new limit never came"
