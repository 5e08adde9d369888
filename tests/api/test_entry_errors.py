"""Errors that a kept entry carries (spec D.6): code, exact message and place, as ListDatasetEntries shows them."""
import copy

import pytest

from harness.manifests import box, box_entry, class_metadata, image_entry

SOURCE = "s3://images/1.jpg"


def image(**metadata):
    """One image-level label with its metadata changed; None takes a member away."""
    entry = image_entry(SOURCE, "cat")
    change(entry["attribute-0-metadata"], metadata)
    return entry


def boxes(boxes_=None, attribute=None, metadata=None, size=(640, 480), names=("cat",)):
    entry = box_entry(SOURCE, list(names), [box()] if boxes_ is None else boxes_, size=size)
    change(entry["boxes"], attribute or {})
    change(entry["boxes-metadata"], metadata or {})
    return entry


def change(target, changes):
    for name, value in changes.items():
        if value is None:
            del target[name]
        else:
            target[name] = value


def without(value, member):
    return {name: kept for name, kept in value.items() if name != member}


ATTRIBUTE = "The format of the label attribute {} is invalid."
METADATA = "The format of the label attribute metadata is invalid."
NO_ATTRIBUTES = ("entry", "ERROR_NO_LABEL_ATTRIBUTES", "No label attributes found.")
NO_VALID = ("entry", "ERROR_NO_VALID_LABEL_ATTRIBUTES", "No valid label attributes found.")
BAD_METADATA = ("metadata", "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", METADATA)
BAD_BOXES = ("attribute", "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", ATTRIBUTE.format("boxes"))
NO_CONFIDENCE = ("metadata", "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE",
                 "One or more bounding boxes has a missing confidence value.")
NO_CLASS = ("metadata", "ERROR_MISSING_CLASS_MAP_ID", "One of more class ids is missing from the class map.")
OFF_FRAME = ("box 0", "ERROR_INVALID_BOUNDING_BOX", "The bounding box has off frame values.")
TOO_SMALL = ("box 0", "ERROR_BOUNDING_BOX_TOO_SMALL", "The height and width of the bounding box is too small.")
TOO_MANY = ("attribute", "ERROR_TOO_MANY_BOUNDING_BOXES", "There are more bounding boxes than the allowed maximum.")
DIMENSION = ("attribute", "ERROR_INVALID_IMAGE_DIMENSION",
             "The image dimension(s) do not conform to allowed dimensions.")


def unsupported(name):
    return ("metadata", "ERROR_UNSUPPORTED_USE_CASE_TYPE",
            f"The use case type of the {name} label attribute metadata is unsupported. Check the type field.")


# What must be among the errors of the line.
CASES = {
    "attribute without metadata": ({"source-ref": SOURCE, "a": 1}, [NO_ATTRIBUTES]),
    "metadata without attribute": ({"source-ref": SOURCE, "a-metadata": class_metadata("cat")}, [NO_ATTRIBUTES]),
    "attribute a string": ({**image(), "attribute-0": "1"},
                           [("none", "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", ATTRIBUTE.format("attribute-0"))]),
    "metadata a string": ({**image(), "attribute-0-metadata": "x"},
                          [("none", "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", METADATA)]),
    "no class-name": (image(**{"class-name": None}), [BAD_METADATA]),
    "class-name a number": (image(**{"class-name": 5}), [BAD_METADATA]),
    "no confidence": (image(confidence=None), [BAD_METADATA]),
    "confidence a string": (image(confidence="1"), [BAD_METADATA]),
    "confidence over one": (image(confidence=2), [BAD_METADATA]),
    "no human-annotated": (image(**{"human-annotated": None}), [BAD_METADATA]),
    "human-annotated maybe": (image(**{"human-annotated": "maybe"}), [BAD_METADATA]),
    "no creation-date": (image(**{"creation-date": None}), [BAD_METADATA]),
    "no type": (image(type=None), [BAD_METADATA]),
    "another type": (image(type="groundtruth/wrongtype"), [unsupported("attribute-0-metadata"), NO_VALID]),
    "multilabel type": (image(type="groundtruth/image-classification-multilabel"),
                        [unsupported("attribute-0-metadata"), NO_VALID]),
    "label name too long": (image(**{"class-name": "x" * 257}), [("metadata", "ERROR_INVALID_LABEL_NAME_LENGTH", None)]),
    "no image_size": (boxes(attribute={"image_size": None}), [BAD_BOXES]),
    "two image sizes": (boxes(attribute={"image_size": [{"width": 640, "height": 480, "depth": 3}] * 2}), [BAD_BOXES]),
    "no depth": (boxes(attribute={"image_size": [{"width": 640, "height": 480}]}), [BAD_BOXES]),
    "no annotations": (boxes(attribute={"annotations": None}), [BAD_BOXES]),
    "box without top": (boxes([without(box(), "top")]), [BAD_BOXES]),
    "box with a fraction": (boxes([box(top=1.5)]), [BAD_BOXES]),
    "no objects": (boxes(metadata={"objects": None}), [BAD_METADATA]),
    "fewer objects than boxes": (boxes(metadata={"objects": []}), [NO_CONFIDENCE]),
    "object without confidence": (boxes(metadata={"objects": [{}]}), [NO_CONFIDENCE]),
    "no class-map": (boxes(metadata={"class-map": None}), [BAD_METADATA]),
    "class not in the map": (boxes([box(class_id=7)]), [NO_CLASS]),
    "box left of the frame": (boxes([box(left=-1)]), [OFF_FRAME]),
    "box above the frame": (boxes([box(top=-1)]), [OFF_FRAME]),
    "box over the right edge": (boxes([box(left=611, width=30)]), [OFF_FRAME]),
    "box over the lower edge": (boxes([box(top=441, height=40)]), [OFF_FRAME]),
    "box of negative width": (boxes([box(width=-3)]), [OFF_FRAME]),
    "box of one pixel": (boxes([box(width=1, height=1)]), [TOO_SMALL]),
    "box of one pixel once scaled": (boxes([box(width=2, height=2)], size=(2560, 2560)), [TOO_SMALL]),
    "51 boxes": (boxes([box()] * 51), [TOO_MANY]),
    "image too narrow": (boxes(size=(63, 480), boxes_=[box(left=1, width=9)]), [DIMENSION]),
    "image too high": (boxes(size=(640, 4097)), [DIMENSION]),
    "wrong type of boxes": (boxes(metadata={"type": "groundtruth/wrongtype"}), [unsupported("boxes-metadata"), NO_VALID]),
}


def errors_of(entry):
    """{(place, code, message)} over all levels of a listed entry."""
    found = set()

    def gather(place, holder):
        if isinstance(holder, dict):
            for error in holder.get("cl-errors", ()):
                assert set(error) == {"code", "message"}
                found.add((place, error["code"], error["message"]))

    gather("entry", entry)
    for name, value in entry.items():
        if name.endswith("-metadata") and name != "cl-metadata":
            gather("metadata", value)
        elif isinstance(value, dict):
            gather("attribute", value)
            for number, annotation in enumerate(value.get("annotations") or ()):
                gather(f"box {number}", annotation)
    return found


@pytest.fixture
def listed(lab):
    """Lists the one entry of a dataset, with its counters."""
    def create_and_list(entry):
        arn = lab.create([entry])
        [shown] = lab.entries(arn)
        return shown, lab.stats(arn)
    return create_and_list


@pytest.mark.parametrize("case", CASES)
def test_error(listed, case):
    entry, expected = CASES[case]
    shown, stats = listed(entry)
    found = errors_of(shown)
    assert stats[0] == 1 and stats[3] == 1
    for place, code, message in expected:
        matching = [error for error in found if error[1] == code and (message is None or error[2] == message)]
        assert matching, found
        assert place == "none" or place in {error[0] for error in matching}, found
    assert list(shown)[-1] == "cl-metadata"


def test_the_entry_but_for_the_errors_is_as_it_came(listed):
    for entry, _ in CASES.values():
        shown, _ = listed(entry)
        assert stripped(shown) == entry


def stripped(value):
    if isinstance(value, dict):
        return {name: stripped(kept) for name, kept in value.items() if name not in ("cl-errors", "cl-metadata")}
    if isinstance(value, list):
        return [stripped(kept) for kept in value]
    return value


GOOD = {
    "image": image(),
    "image without job-name": image(**{"job-name": None}),
    "any integer": {**image(), "attribute-0": 12345},
    "confidence zero": image(confidence=0),
    "not human": image(**{"human-annotated": "no"}),
    "another form of date": image(**{"creation-date": "2013-11-18 02:53:27"}),
    "longest name": image(**{"class-name": "x" * 255}),
    "50 labels": image_entry(SOURCE, *[f"label {number}" for number in range(50)]),
    "box": boxes(),
    "50 boxes": boxes([box()] * 50),
    "box filling the frame": boxes([box(left=0, top=0, width=640, height=480)]),
    "box of two pixels": boxes([box(width=2, height=2)]),
    "smallest image": boxes(size=(64, 64)),
    "largest image": boxes([box(width=400, height=400)], size=(4096, 4096)),
    "gaps in the class-map": boxes([box(class_id=3)], metadata={"class-map": {"3": "cat", "17": "dog"}}),
    "other keys": {**boxes(), "note": {"deep": [1, {"x": None}]}},
}


@pytest.mark.parametrize("case", GOOD)
def test_no_error(listed, case):
    shown, stats = listed(copy.deepcopy(GOOD[case]))
    assert errors_of(shown) == set()
    assert stats[:2] == (1, 1) and stats[3] == 0
    assert shown["cl-metadata"] == {"is_labeled": True}


def test_unlabelled_entries_are_no_errors(listed):
    for entry in ({"source-ref": SOURCE}, boxes([]), {"source-ref": SOURCE, "cl-metadata": {"is_labeled": True}}):
        shown, stats = listed(entry)
        assert errors_of(shown) == set()
        assert (stats[0], stats[1], stats[3]) == (1, 0, 0)


def test_a_bad_box_beside_a_good_one(listed):
    shown, stats = listed(boxes([box(), box(left=-1), box(width=1, height=1)]))
    assert errors_of(shown) == {("box 1", *OFF_FRAME[1:]), ("box 2", *TOO_SMALL[1:])}
    assert stats == (1, 1, 1, 1)


def test_all_boxes_bad(listed):
    shown, stats = listed(boxes([box(left=-1), box(top=-1)]))
    assert {error[1] for error in errors_of(shown)} >= {"ERROR_INVALID_BOUNDING_BOX", "ERROR_NO_VALID_ANNOTATIONS"}
    assert (stats[0], stats[1], stats[3]) == (1, 1, 1), "somebody labelled it, if badly"


def test_a_bad_attribute_beside_a_good_one(listed):
    """Labelled and in error at once; the good attribute counts (spec C.1)."""
    shown, stats = listed({**image(), **boxes(metadata={"type": "groundtruth/wrongtype"})})
    assert {error[1] for error in errors_of(shown)} == {"ERROR_UNSUPPORTED_USE_CASE_TYPE"}
    assert stats == (1, 1, 1, 1)
    assert shown["cl-metadata"] == {"is_labeled": True}
