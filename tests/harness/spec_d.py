"""Spec D.4 to D.6 and docs/manifests.md said again in plain Python: what a line of a manifest is worth.

Written from those two texts and not from the program, to be held against it. `judge(bytes)` gives a Blank, a Dropped or
a Kept. JSON objects are lists of pairs here, for equal keys in one object stay in the line and the last one counts.
"""
import json
import re
from dataclasses import dataclass, field
from fractions import Fraction

SERVER_KEYS = ("cl-metadata", "cl-errors", "cl-warnings", "errors", "warnings")
IMAGE, BOXES = "groundtruth/image-classification", "groundtruth/object-detection"
LINE_CHARS, LABEL_CHARS, LABELS_MAX, BOXES_MAX, SIDE_MIN, SIDE_MAX, SCALED_SIDE = 100_000, 256, 50, 50, 64, 4096, 1280

MESSAGES = {
    "ERROR_NO_LABEL_ATTRIBUTES": "No label attributes found.",
    "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT": "The format of the label attribute metadata is invalid.",
    "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT": "The format of the label attribute {} is invalid.",
    "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE": "One or more bounding boxes has a missing confidence value.",
    "ERROR_MISSING_CLASS_MAP_ID": "One of more class ids is missing from the class map.",
    "ERROR_UNSUPPORTED_USE_CASE_TYPE":
        "The use case type of the {}-metadata label attribute metadata is unsupported. Check the type field.",
    "ERROR_INVALID_LABEL_NAME_LENGTH": "The length of the label name is invalid.",
    "ERROR_INVALID_BOUNDING_BOX": "The bounding box has off frame values.",
    "ERROR_BOUNDING_BOX_TOO_SMALL": "The height and width of the bounding box is too small.",
    "ERROR_TOO_MANY_BOUNDING_BOXES": "There are more bounding boxes than the allowed maximum.",
    "ERROR_NO_VALID_ANNOTATIONS": "No valid annotations found.",
    "ERROR_INVALID_IMAGE_DIMENSION": "The image dimension(s) do not conform to allowed dimensions.",
    "ERROR_TOO_MANY_LABELS": "There are more labels than the allowed maximum.",
    "ERROR_NO_VALID_LABEL_ATTRIBUTES": "No valid label attributes found.",
}


class Object(list):
    """A JSON object: its members in order, equal keys and all."""

    def get(self, key):
        return next((value for name, value in reversed(self) if name == key), None)

    def has(self, key):
        return any(name == key for name, _ in self)

    def names(self):
        """Each key once."""
        return list(dict.fromkeys(name for name, _ in self))


@dataclass
class Blank:
    pass


@dataclass
class Dropped:
    code: str


@dataclass
class Kept:
    labeled: bool
    errors: set = field(default_factory=set)  # (place, code, message); a place is a tuple: (), (key,), (key, number)
    labels: dict = field(default_factory=dict)  # name: the letters of u(sed), b(oxed), d(eclared)


def parse(text):
    def constant(word):
        raise ValueError(word)

    value = json.loads(text, object_pairs_hook=Object, parse_constant=constant)
    if has_surrogate(value):
        raise ValueError("lone surrogate")
    return value


def has_surrogate(value):
    if isinstance(value, str):
        return any("\ud800" <= c <= "\udfff" for c in value)
    if isinstance(value, Object):
        return any(has_surrogate(key) or has_surrogate(item) for key, item in value)
    return isinstance(value, list) and any(has_surrogate(item) for item in value)


def is_number(value):
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def whole(value):
    """The whole number, or None: 251.0 is one and 251.5 is not."""
    if not is_number(value):
        return None
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        return 10 ** 308 if value > 0 else -10 ** 308
    return int(value) if value == int(value) else None


def use_case(metadata):
    kind = metadata.get("type")
    return kind if kind in (IMAGE, BOXES) else None


def metadata_is_sound(metadata):
    """As the tables of docs/manifests.md say for its type."""
    if not isinstance(metadata, Object) or metadata.get("human-annotated") not in ("yes", "no"):
        return False
    if not isinstance(metadata.get("creation-date"), str) or not metadata.get("creation-date"):
        return False
    if not isinstance(metadata.get("type"), str) or (metadata.has("job-name") and not isinstance(metadata.get("job-name"), str)):
        return False
    if use_case(metadata) == IMAGE:
        confidence = metadata.get("confidence")
        return is_number(confidence) and 0 <= confidence <= 1 and isinstance(metadata.get("class-name"), str)
    if use_case(metadata) == BOXES:
        classes = metadata.get("class-map")
        return type(metadata.get("objects")) is list and isinstance(classes, Object) and \
            all(re.fullmatch("[0-9]+", key) and isinstance(classes.get(key), str) for key in classes.names())
    return True


def value_is_sound(value, kind):
    if kind == IMAGE:
        return whole(value) is not None
    if not isinstance(value, Object):
        return False
    sizes, annotations = value.get("image_size"), value.get("annotations")
    return type(sizes) is list and len(sizes) == 1 and all_whole(sizes[0], ("width", "height", "depth")) and \
        type(annotations) is list and all(all_whole(box, ("class_id", "top", "left", "width", "height")) for box in annotations)


def all_whole(value, keys):
    return isinstance(value, Object) and all(whole(value.get(key)) is not None for key in keys)


def stopping_error(metadata, value):
    """(code, whether it stands at the metadata) of the first that applies; None."""
    if not metadata_is_sound(metadata):
        return "ERROR_INVALID_LABEL_ATTRIBUTE_METADATA_FORMAT", True
    kind = use_case(metadata)
    if kind is None:
        return None
    if not value_is_sound(value, kind):
        return "ERROR_INVALID_LABEL_ATTRIBUTE_FORMAT", False
    if kind == BOXES:
        objects, boxes = metadata.get("objects"), value.get("annotations")
        if len(objects) != len(boxes) or not all(isinstance(one, Object) and is_number(one.get("confidence")) for one in objects):
            return "ERROR_MISSING_BOUNDING_BOX_CONFIDENCE", True
        if any(not metadata.get("class-map").has(str(whole(box.get("class_id")))) for box in boxes):
            return "ERROR_MISSING_CLASS_MAP_ID", True
    return None


def box_error(box, size):
    left, top, width, height = (whole(box.get(key)) for key in ("left", "top", "width", "height"))
    across, down = whole(size.get("width")), whole(size.get("height"))
    if min(left, top, width, height) < 0 or left + width > across or top + height > down:
        return "ERROR_INVALID_BOUNDING_BOX"
    longest = max(across, down)
    scale = Fraction(SCALED_SIDE, longest) if longest > SCALED_SIDE else 1
    return None if width * scale > 1 and height * scale > 1 else "ERROR_BOUNDING_BOX_TOO_SMALL"


class Line:
    def __init__(self, entry):
        self.entry = entry
        self.errors = set()
        self.labels = {}
        self.boxes_before = 0
        self.image_labels = 0
        self.usable = 0
        names = entry.names()
        metadata_of = {f"{name}-metadata" for name in names if f"{name}-metadata" in names and self.may_be_attribute(name)}
        self.attributes = [name for name in names if f"{name}-metadata" in metadata_of and name not in metadata_of]
        self.others = [name for name in names if name != "source-ref" and name not in SERVER_KEYS]

    @staticmethod
    def may_be_attribute(name):
        return name not in ("source-ref", *SERVER_KEYS) and f"{name}-metadata" not in SERVER_KEYS

    def parts(self, name):
        return self.entry.get(name), self.entry.get(f"{name}-metadata")

    def blame(self, name, at_metadata, code, box=None):
        """Puts an error where it stands; in the entry if that place is no object."""
        value, metadata = self.parts(name)
        place = () if name is None else (f"{name}-metadata",) if at_metadata else (name,)
        if place and not isinstance(metadata if at_metadata else value, Object):
            place = ()
        if box is not None:
            place = (name, box)
        self.errors.add((place, code, MESSAGES[code].replace("{}", name or "")))

    def add_label(self, name, letters):
        self.labels[name] = self.labels.get(name, set()) | set(letters)

    def judge_image(self, name):
        value, metadata = self.parts(name)
        label = metadata.get("class-name")
        if not 1 <= len(label) <= LABEL_CHARS:
            return self.blame(name, True, "ERROR_INVALID_LABEL_NAME_LENGTH")
        self.usable += 1
        self.image_labels += 1
        if self.image_labels <= LABELS_MAX:
            self.add_label(label, "ud")
        return None

    def judge_boxes(self, name, stopped):
        value, metadata = self.parts(name)
        boxes, size, classes = value.get("annotations"), value.get("image_size")[0], metadata.get("class-map")
        faults = [box_error(box, size) for box in boxes]
        wrong = set()
        if not all(1 <= len(classes.get(key)) <= LABEL_CHARS for key in classes.names()):
            wrong.add(("ERROR_INVALID_LABEL_NAME_LENGTH", True))
        if self.boxes_before + len(boxes) > BOXES_MAX:
            wrong.add(("ERROR_TOO_MANY_BOUNDING_BOXES", False))
        else:
            self.boxes_before += len(boxes)
        if boxes and all(faults):
            wrong.add(("ERROR_NO_VALID_ANNOTATIONS", False))
        if not all(SIDE_MIN <= whole(size.get(side)) <= SIDE_MAX for side in ("width", "height")):
            wrong.add(("ERROR_INVALID_IMAGE_DIMENSION", False))
        if not stopped:
            for code, at_metadata in wrong:
                self.blame(name, at_metadata, code)
            for number, fault in enumerate(faults):
                if fault:
                    self.blame(name, False, fault, number)
        if wrong:
            return
        self.usable += 1
        for key in classes.names():
            self.add_label(classes.get(key), "d")
        for box, fault in zip(boxes, faults):
            if not fault:
                self.add_label(classes.get(str(whole(box.get("class_id")))), "ubd")

    def claims(self, name):
        """Whether it says anything about the image, rightly or not."""
        value, metadata = self.parts(name)
        label = isinstance(metadata, Object) and metadata.get("class-name")
        boxes = isinstance(value, Object) and value.get("annotations")
        return (isinstance(label, str) and label != "") or (type(boxes) is list and len(boxes) > 0)

    def judge(self):
        stops = {name: stopping_error(*reversed(self.parts(name))) for name in self.attributes}
        stopped = any(stops.values())
        if not self.attributes and self.others:
            self.blame(None, False, "ERROR_NO_LABEL_ATTRIBUTES")
        for name in self.attributes:
            metadata = self.parts(name)[1]
            if stops[name]:
                self.blame(name, stops[name][1], stops[name][0])
            elif use_case(metadata) is None:
                if not stopped:
                    self.blame(name, True, "ERROR_UNSUPPORTED_USE_CASE_TYPE")
            elif use_case(metadata) == IMAGE:
                kept = set(self.errors)
                self.judge_image(name)
                self.errors = kept if stopped else self.errors
            else:
                self.judge_boxes(name, stopped)
        if not stopped and self.image_labels > LABELS_MAX:
            self.blame(None, False, "ERROR_TOO_MANY_LABELS")
        if not stopped and self.attributes and not self.usable:
            self.blame(None, False, "ERROR_NO_VALID_LABEL_ATTRIBUTES")
        labels = {name: "".join(letter for letter in "ubd" if letter in letters) for name, letters in self.labels.items()}
        return Kept(any(self.claims(name) for name in self.attributes), self.errors, labels)


def judge(data):
    """`data` is without its line feed. What is around the object counts as characters, but for a mark and a line end."""
    data = data[3:] if data.startswith(b"\xef\xbb\xbf") else data
    data = data[:-1] if data.endswith(b"\r") else data
    chars = sum(byte & 0xc0 != 0x80 for byte in data)  # bytes that begin one
    data = data.strip(b" \t\r\n")
    if not data:
        return Blank()
    if chars > LINE_CHARS:
        return Dropped("ERROR_LINE_TOO_LONG")
    try:
        entry = parse(data.decode("utf-8"))
    except ValueError:
        return Dropped("ERROR_INVALID_JSON_LINE")
    if not isinstance(entry, Object):
        return Dropped("ERROR_INVALID_JSON_LINE")
    if not entry.has("source-ref"):
        return Dropped("ERROR_MISSING_SOURCE_REF")
    source = entry.get("source-ref")
    match = isinstance(source, str) and re.fullmatch(r"s3://[0-9A-Za-z._-]{3,255}/(.+)", source, re.S)
    if not match or len(match.group(1).encode("utf-8")) > 1024 or "\0" in source:
        return Dropped("ERROR_INVALID_SOURCE_REF_FORMAT")
    return Line(entry).judge()


# --- the stored line ---


def without(value, keys):
    return Object(pair for pair in value if pair[0] not in keys)


def places(entry, attributes):
    """The objects in which the server's keys are its own, as (place, object)."""
    yield (), entry
    for name in attributes:
        for key in (name, f"{name}-metadata"):
            if isinstance(entry.get(key), Object):
                yield (key,), entry.get(key)
        value = entry.get(name)
        boxes = value.get("annotations") if isinstance(value, Object) else None
        for number, box in enumerate(boxes if type(boxes) is list else []):
            if isinstance(box, Object):
                yield (name, number), box


def errors_of(entry):
    """What the stored line says is wrong, in the form of Kept.errors."""
    return {(place, error.get("code"), error.get("message")) for place, value in places(entry, Line(entry).attributes)
            for error in value.get("cl-errors") or []}


def stripped(entry):
    """The line without the server's keys, in the places that are the server's."""
    attributes = Line(entry).attributes
    last = {key: number for number, (key, _) in enumerate(entry)}
    out = Object()
    for number, (key, value) in enumerate(entry):
        if key in SERVER_KEYS:
            continue
        winning = last[key] == number
        if winning and key in attributes and isinstance(value, Object):
            value = strip_value(value)
        elif winning and key.endswith("-metadata") and key[:-len("-metadata")] in attributes and isinstance(value, Object):
            value = without(value, SERVER_KEYS)
        out.append((key, value))
    return out


def strip_value(value):
    last = {key: number for number, (key, _) in enumerate(value)}
    out = Object()
    for number, (key, item) in enumerate(value):
        if key in SERVER_KEYS:
            continue
        if key == "annotations" and last[key] == number and type(item) is list:
            item = [without(box, SERVER_KEYS) if isinstance(box, Object) else box for box in item]
        out.append((key, item))
    return out
