"""Our verdict on lines of manifests against the plain statement of spec D (harness/spec_d.py), over lines made and spoilt."""
import json

from harness.differ import cases, spoil
from harness.spec_d import Blank, Dropped, Kept, Object, errors_of, judge, parse, stripped

TOKENS = [b'"', b"{", b"}", b"[", b"]", b":", b",", b"null", b"true", b"1.5", b"251.0", b"-1", b"1e400", b'"yes"', b"s3://", b"-metadata",
          b"cl-", b"\\u002d", b"\\ud800", b"\xff", b"\xef\xbb\xbf", b" ", b"\r", b"\xc2\xa0", b"errors", b'"a":1,']
NAMES = ["a", "b", "BB", "cl", "a-metadata", "é", "source", "warning"]
SERVER = ["cl-metadata", "cl-errors", "cl-warnings", "errors", "warnings"]


def pick(chance, right, *wrong, odds=0.05):
    """Mostly the right value."""
    return chance.choice(wrong) if wrong and chance.random() < odds else right


def leave_out(chance, pairs, odds=0.03):
    kept = [pair for pair in pairs if chance.random() >= odds]
    if kept and chance.random() < odds:
        key, value = chance.choice(kept)
        kept.insert(chance.randrange(len(kept) + 1), (key, pick(chance, value, None, 1, "x", [], odds=0.5)))
    if chance.random() < 0.3:
        chance.shuffle(kept)
    if chance.random() < 0.1:
        kept.insert(chance.randrange(len(kept) + 1), (chance.choice(SERVER), chance.choice(([], {}, 1, [{"code": "X"}]))))
    return Object(kept)


def common(chance, kind):
    return [("human-annotated", pick(chance, chance.choice(("yes", "no")), "Yes", 1, None)),
            ("creation-date", pick(chance, "2020-03-06T17:46:39.176", "", 5, "x")),
            ("type", pick(chance, kind, "groundtruth/wrongtype", "groundtruth/image-classification-multilabel", 7, None)),
            *([("job-name", pick(chance, "job", 1, None))] if chance.random() < 0.5 else [])]


def label(chance):
    return pick(chance, chance.choice(("cat", "dog", "Echo", "漢字", "x" * 256)), "", "y" * 257, "é" * 256, 5, None, odds=0.1)


def image_attribute(chance):
    metadata = common(chance, "groundtruth/image-classification")
    metadata += [("confidence", pick(chance, chance.choice((0, 1, 0.5, 1.0)), -0.1, 1.1, "1", None, 10 ** 30)),
                 ("class-name", label(chance))]
    return pick(chance, chance.choice((0, 1, 5, 1.0, -3)), 0.5, "1", None, Object(), [1], True), leave_out(chance, metadata)


def box(chance, width, height, ids):
    left, top = chance.randrange(-1 if chance.random() < 0.1 else 0, width), chance.randrange(height)
    across, down = chance.randrange(1, width - max(left, 0) + 1), chance.randrange(1, height - top + 1)
    if chance.random() < 0.1:
        across, down = chance.choice(((width + 1, down), (1, 1), (2, 1), (3, 3), (4, 2), (-1, down), (0, 0)))
    fields = [("class_id", pick(chance, chance.choice(ids), 99, -1, 1.5, "0")), ("top", pick(chance, top, float(top), 1.5, "1")),
              ("left", left), ("width", pick(chance, across, float(across), 10 ** 25)), ("height", pick(chance, down, None, True))]
    return pick(chance, leave_out(chance, fields, 0.01), 5, [], odds=0.01)


def box_attribute(chance):
    width, height = (chance.choice((640, 480, 64, 4096, 1281, 1280, pick(chance, 100, 63, 4097, 10, odds=0.3))) for _ in range(2))
    ids = chance.choice(((0,), (0, 1), (0, 1, 12)))
    boxes = [box(chance, width, height, ids) for _ in range(pick(chance, chance.randrange(4), 26, 50, 51, odds=0.05))]
    size = leave_out(chance, [("width", pick(chance, width, float(width), "1")), ("height", height), ("depth", pick(chance, 3, 2.5))], 0.01)
    value = leave_out(chance, [("image_size", pick(chance, [size], [], [size, size], size)), ("annotations", pick(chance, boxes, None, 5))])
    objects = [leave_out(chance, [("confidence", pick(chance, 1, "1", None, odds=0.02))], 0.01) for _ in boxes]
    if chance.random() < 0.03:
        objects = objects[:-1] if chance.random() < 0.5 else [*objects, 1]
    classes = [(str(number), label(chance)) for number in ids]
    if chance.random() < 0.05:
        classes.append((chance.choice(("01", "x", "-1", "", "0", "1.0")), "extra"))
    metadata = common(chance, "groundtruth/object-detection")
    metadata += [("objects", pick(chance, objects, None, Object())), ("class-map", pick(chance, Object(classes), [], None))]
    return pick(chance, value, 1, [], odds=0.02), leave_out(chance, metadata)


def make_entry(chance):
    source = pick(chance, f"s3://bucket/{chance.randrange(10 ** 6)}.jpg", "s3://bu/x", "s3://bucket/", "s3://bucket", "http://bucket/x", 5,
                  "s3://bucket/\0", "s3://" + "b" * 256 + "/x", "s3://bucket/" + "k" * 1025, "s3://bucket/\u00e9", "s3://buc ket/x")
    pairs = [("source-ref", source)]
    for name in chance.sample(NAMES, pick(chance, chance.randrange(4), 8)):
        value, metadata = image_attribute(chance) if chance.random() < 0.5 else box_attribute(chance)
        pairs += leave_out(chance, [(name, value), (f"{name}-metadata", pick(chance, metadata, 1, [], None, odds=0.02))], 0.01)
    if chance.random() < 0.01:
        for number in range(chance.choice((49, 50, 51))):
            pairs += [(f"n{number}", 1), (f"n{number}-metadata", Object(common(chance, "groundtruth/image-classification")
                                                                          + [("confidence", 1), ("class-name", f"l{number}")]))]
    return leave_out(chance, pairs, 0.01)


def encode(value, chance, numbers=("{}",)):
    """JSON with equal keys, odd blanks and odd escapes, as Python's own writer never makes it."""
    blank = lambda: chance.choice(("", "", "", "", " ", "\t"))
    if isinstance(value, Object):
        return "{" + ",".join(f"{blank()}{encode(key, chance)}{blank()}:{blank()}{encode(item, chance)}" for key, item in value) + blank() + "}"
    if isinstance(value, list):
        return "[" + ",".join(blank() + encode(item, chance) for item in value) + blank() + "]"
    if isinstance(value, dict):
        return json.dumps(value)
    text = json.dumps(value, ensure_ascii=chance.random() < 0.5)
    if isinstance(value, str) and "-" in value and chance.random() < 0.02:
        text = text.replace("-", "\\u002d", 1)
    return text


def make_line(chance):
    data = encode(make_entry(chance), chance).encode("utf-8")
    if chance.random() < 0.3:
        data = spoil(chance, data, TOKENS)
    if chance.random() < 0.05:
        data = chance.choice((b"\xef\xbb\xbf", b" ", b"\t")) + data + chance.choice((b"\r", b" ", b""))
    # the server's own keys do not count towards the length, so the lines that are measured have none
    if chance.random() < 0.004 and data.endswith(b"}") and not any(key in data for key in (*map(str.encode, SERVER), b"cl\\u002d")):
        data = data[:-1] + b',"long":"' + b"x" * (100_000 - len(data.decode("utf-8", "replace")) - chance.choice((9, 10, 11))) + b'"}'
    return data


def hold(differ, seed, data):
    said = differ.ask(b"M", data).decode("utf-8", "surrogateescape").split("\n")
    want = judge(data)
    where = f"{seed}: {data!r} is {want}, we say {said}"
    if isinstance(want, Blank):
        assert said == ["blank"], where
    elif isinstance(want, Dropped):
        assert said == [f"dropped {want.code}"], where
    else:
        word, labeled, error = said[0].split()
        assert (word, labeled, error) == ("kept", str(int(want.labeled)), str(int(bool(want.errors)))), where
        stored = parse(said[1])
        assert errors_of(stored) == want.errors, where
        assert stored[-1] == ("cl-metadata", Object([("is_labeled", want.labeled)])), where
        assert stripped(stored) == stripped(parse(data.decode("utf-8").lstrip("\ufeff").strip(" \t\r\n"))), where
        ours = {bytes.fromhex(name).decode("utf-8"): letters for letters, name in (row.split(" ") for row in said[2:])}
        assert ours == want.labels, where
    return want


def test_same_verdict(differ):
    kinds = {}
    for seed, data in cases("manifest", make_line):
        if b"\n" in data:
            continue
        want = hold(differ, seed, data)
        codes = [want.code] if isinstance(want, Dropped) else [error[1] for error in getattr(want, "errors", [])]
        for kind in (type(want).__name__, *codes):
            kinds[kind] = kinds.get(kind, 0) + 1
    assert kinds.get(Kept.__name__, 0) > 10 or len(kinds) < 3  # a run of one seed has but one
