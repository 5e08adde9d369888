#!/usr/bin/python3
"""Writes a manifest as SageMaker Ground Truth does for bounding boxes: about 680 bytes a line, 2 to 6 boxes, 40 labels.

    bench/make_manifest.py --lines 250000 --out train.manifest

The same arguments give the same bytes. Every line is clean and labelled, every source-ref is another.
"""
import argparse
import os
import random

WORDS = ("bolt bracket cable camera chip clamp coil connector crack dent display drill fan filter fuse gasket gear hinge "
         "hose label lamp latch lever lid magnet motor nozzle nut panel pipe plug pump relay rivet rotor screw seal "
         "sensor spring valve").split()
SIZES = ((1920, 1080), (1280, 720), (4032, 3024), (640, 480))
BATCH = 10000


def box(rand, class_id, size):
    width, height = 12 + int(rand() * size[0] * 0.3), 12 + int(rand() * size[1] * 0.3)
    left, top = int(rand() * (size[0] - width)), int(rand() * (size[1] - height))
    return f'{{"class_id":{class_id},"top":{top},"left":{left},"width":{width},"height":{height}}}'


def line(rand, number):
    size = SIZES[int(rand() * 4)]
    first = int(rand() * 40)
    kinds = 1 + int(rand() * 3)
    count = 2 + int(rand() * 5)
    ids = [(first + 7 * place) % 40 for place in range(kinds)]
    boxes = ",".join([box(rand, ids[place % kinds], size) for place in range(count)])
    objects = ",".join([f'{{"confidence":0.{60 + int(rand() * 40)}}}' for _ in range(count)])
    names = ",".join([f'"{number}":"{WORDS[number]}"' for number in ids])
    second = number % 86400
    return (f'{{"source-ref":"s3://factory-images/line-{number % 7 + 1}/2023-06/IMG_{number:08d}.jpg",'
            f'"parts":{{"image_size":[{{"width":{size[0]},"height":{size[1]},"depth":3}}],"annotations":[{boxes}]}},'
            f'"parts-metadata":{{"objects":[{objects}],"class-map":{{{names}}},"type":"groundtruth/object-detection",'
            f'"human-annotated":"yes","creation-date":"2023-06-{number % 28 + 1:02d}T{second // 3600:02d}:'
            f'{second // 60 % 60:02d}:{second % 60:02d}.{number % 1000:03d}000","job-name":"labeling-job/parts-june"}}}}\n')


def write_manifest(path, lines, seed=1):
    """Under another name until it is whole, so that what stands there is always complete."""
    rand = random.Random(seed).random
    partial = f"{path}.{os.getpid()}"
    with open(partial, "w", encoding="ascii") as out:
        for first in range(0, lines, BATCH):
            out.write("".join([line(rand, number) for number in range(first, min(first + BATCH, lines))]))
    os.replace(partial, path)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=250000)
    parser.add_argument("--out", required=True)
    parser.add_argument("--seed", type=int, default=1)
    given = parser.parse_args()
    write_manifest(given.out, given.lines, given.seed)
    print(f"{given.out}: {given.lines} lines, {os.path.getsize(given.out)} bytes")


if __name__ == "__main__":
    main()
