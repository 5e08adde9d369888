"""Average precision of detections, as COCO computes it (101 recalls), in plain Python; a check on the server's own.

`images` is a list, one for each image, of {label: [box]}; `seen` is a list of (image, label, confidence, box); a box is
(left, top, right, bottom) in any unit. A detection is right if it overlaps a box of its label that no surer one has
taken, by an IoU of at least `overlap`.
"""


def iou(a, b):
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    if wide <= 0 or high <= 0:
        return 0.0
    common = wide * high
    return common / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - common)


def verdicts(images, seen, overlap):
    """[right or not], the surest first."""
    taken, right = set(), []
    for image, label, _, box in sorted(seen, key=lambda one: -one[2]):
        best, best_place = overlap, None
        for place, truth in enumerate(images[image].get(label, [])):
            if (image, label, place) not in taken and iou(box, truth) >= best:
                best, best_place = iou(box, truth), place
        if best_place is not None:
            taken.add((image, label, best_place))
        right.append(best_place is not None)
    return right


def _precision_at_recalls(right, total):
    precisions, recalls, hits = [], [], 0
    for count, verdict in enumerate(right, 1):
        hits += verdict
        precisions.append(hits / count)
        recalls.append(hits / total)
    for place in range(len(precisions) - 2, -1, -1):
        precisions[place] = max(precisions[place], precisions[place + 1])
    sums, place = 0.0, 0
    for step in range(101):
        while place < len(recalls) and recalls[place] < step / 100:
            place += 1
        sums += precisions[place] if place < len(recalls) else 0
    return sums / 101


def average_precision(images, labels, seen, overlap):
    """The mean over the labels that any image has."""
    values = []
    for label in range(labels):
        total = sum(len(image.get(label, [])) for image in images)
        if total:
            right = verdicts(images, [one for one in seen if one[1] == label], overlap)
            values.append(_precision_at_recalls(right, total))
    return sum(values) / len(values)


def f1_best(images, seen, overlap):
    """The best F1 that one threshold for all labels gives."""
    total = sum(len(boxes) for image in images for boxes in image.values())
    best, hits = 0.0, 0
    for count, verdict in enumerate(verdicts(images, seen, overlap), 1):
        hits += verdict
        best = max(best, 2 * hits / (count + total))
    return best
