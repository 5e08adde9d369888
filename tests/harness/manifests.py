"""Lines of Ground Truth manifests (spec D.2, D.3) and the buckets they lie in."""
import json

CREATED = "2023-02-03T04:05:06.789000"


def compact(value):
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def class_metadata(name, **changes):
    return {"confidence": 1, "job-name": "labeling-job/test", "class-name": name, "human-annotated": "yes",
            "creation-date": CREATED, "type": "groundtruth/image-classification", **changes}


def image_entry(source, *labels):
    """An entry with an image-level label for each name; with none it is unlabelled."""
    entry = {"source-ref": source}
    for number, name in enumerate(labels):
        entry[f"attribute-{number}"] = 1
        entry[f"attribute-{number}-metadata"] = class_metadata(name)
    return entry


def box(class_id=0, top=10, left=20, width=30, height=40):
    return {"class_id": class_id, "top": top, "left": left, "width": width, "height": height}


def box_entry(source, class_map, boxes, size=(640, 480), attribute="boxes"):
    """An entry with bounding boxes; `class_map` is a list of names, numbered from 0."""
    return {
        "source-ref": source,
        attribute: {"image_size": [{"width": size[0], "height": size[1], "depth": 3}], "annotations": boxes},
        f"{attribute}-metadata": {
            "objects": [{"confidence": 1} for _ in boxes],
            "class-map": {str(number): name for number, name in enumerate(class_map)},
            "type": "groundtruth/object-detection", "human-annotated": "yes", "creation-date": CREATED,
            "job-name": "labeling-job/test"},
    }


def manifest(entries):
    """The bytes of a manifest; an entry is a dict, or a line as text or bytes."""
    lines = []
    for entry in entries:
        if isinstance(entry, dict):
            entry = compact(entry)
        lines.append(entry if isinstance(entry, bytes) else entry.encode())
    return b"".join(line + b"\n" for line in lines)


def many_lines(source_prefix, count, labels=("cat", "dog")):
    """A manifest of `count` labelled images, made fast."""
    metadata = [compact(class_metadata(name)) for name in labels]
    return "".join(
        f'{{"source-ref":"{source_prefix}{number}.jpg","animal":1,"animal-metadata":{metadata[number % len(labels)]}}}\n'
        for number in range(count)).encode()


class Bucket:
    """A folder that the server sees as a bucket."""

    def __init__(self, folder):
        self.folder = folder
        self.name = folder.name
        folder.mkdir(parents=True)

    def put(self, key, data):
        path = self.folder / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return {"Bucket": self.name, "Name": key}

    def image(self, number):
        return f"s3://{self.name}/images/{number}.jpg"
