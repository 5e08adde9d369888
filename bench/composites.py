"""Labelled images with exact boxes: photographic cut-outs pasted on photographs. For the accuracy figures of docs/models.md.

Cut-outs are Debian's tuxpaint-stamps-default (PNG with alpha), grounds are mate-backgrounds and
plasma-workspace-wallpapers; nothing of them is kept in the repository. Needs python3-pil. Everything follows from the
random.Random that the caller makes from its seed: the same seed gives the same pixels on the same Pillow.

    noise = random.Random(7)
    grounds = Grounds.split(noise, (0.6, 0.4))         # strictly disjoint photographs, by family
    birds = split(noise, KINDS["bird"], (0.7, 0.3))    # disjoint instances
    image, boxes = compose(noise, grounds[0], [cutout(noise.choice(birds[0]))], Layout())

Composites are optimistic: edges are sharp, the light does not fit, and nothing is hidden behind things of the scene. A
figure taken on them says so.
"""
import io
import json
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import Image, ImageEnhance, ImageFilter

STAMPS = Path("/usr/share/tuxpaint/stamps")
MATE = Path("/usr/share/backgrounds/mate")
PLASMA = Path("/usr/share/wallpapers")
PACKAGES = ("tuxpaint-stamps-default", "mate-backgrounds", "plasma-workspace-wallpapers", "python3-pil")

# One thing each: what a shop would call a product. All are photographs.
PRODUCTS = (
    "hobbies/camera_35mm", "household/kettle", "household/dishes/teapot", "household/dishes/pitcher_small",
    "household/rubberduck", "household/tools/toolbox", "household/tools/hammer", "household/tools/paintbrush_large",
    "hobbies/binoculars", "household/tools/measuring_tape", "household/garbagecan", "household/dishes/mug",
    "hobbies/music/string/violin", "hobbies/music/string/guitar_classical", "sports/basketball", "sports/football",
    "vehicles/cycle/pink_tricycle", "household/arttools/highlighter", "household/tools/saw", "sports/soccer",
)

# Folders whose photographs are instances of one kind; what is left out is drawn, black, or no such thing.
_FOLDERS = {
    "bird": ("animals/birds",),
    "fish": ("animals/fish",),
    "insect": ("animals/insects",),
    "mammal": ("animals/mammals", "animals/marsupials"),
    "flower": ("plants/flowers",),
    "fruit": ("food/fruit",),
    "vegetable": ("food/vegetables", "food/spices"),
    "tool": ("household/tools", "household/arttools"),
    "instrument": ("hobbies/music",),
    "vehicle": ("vehicles",),
    "planet": ("space/planets", "space/moon"),
    "sign": ("town/roadsigns",),
}
_NO_PHOTOGRAPH = {
    "animals/insects/Brown_slug", "animals/insects/bee", "animals/insects/fly", "animals/mammals/hedgehog",
    "animals/mammals/echidna", "animals/mammals/bears/toys/edward_bear", "animals/fish/lobster", "animals/fish/shrimp",
    "animals/fish/seahorse", "vehicles/7spoke256", "vehicles/wheel_tractor", "space/planets/0_sun",
    "household/tools/cementmixer",
}
_DRAWN = ("cartoon", "plastic")
_MIRROR = ("_mirror", "_flip")
_LONGEST_GROUND = 1600


def need_packages():
    """Ends the program with the command that installs what is missing."""
    if not (STAMPS.is_dir() and MATE.is_dir() and PLASMA.is_dir()):
        raise SystemExit("This needs photographs of Debian's: apt-get install --no-install-recommends "
                         + " ".join(PACKAGES))


def _kind(folders):
    names = []
    for folder in folders:
        for path in sorted((STAMPS / folder).rglob("*.png")):
            name = path.relative_to(STAMPS).with_suffix("")
            if name.stem.endswith(_MIRROR) or str(name) in _NO_PHOTOGRAPH or set(name.parts) & set(_DRAWN):
                continue
            names.append(str(name))
    return names


class _Kinds(dict):
    """{kind: names of its cut-outs}, read from the disk when asked for."""

    def __missing__(self, kind):
        self[kind] = _kind(_FOLDERS[kind])
        return self[kind]


KINDS = _Kinds()
KIND_NAMES = tuple(_FOLDERS)


def split(noise, names, shares):
    """`names` shuffled and cut into disjoint lists by `shares`, which sum to 1; each gets at least one."""
    names = list(names)
    noise.shuffle(names)
    parts, begun, share = [], 0, 0.0
    for place, part in enumerate(shares):
        share += part
        end = len(names) if place == len(shares) - 1 else max(begun + 1, round(share * len(names)))
        parts.append(names[begun:end])
        begun = end
    return parts


# --- cut-outs and grounds --------------------------------------------------------------------------------------------

@lru_cache(maxsize=None)
def cutout(name):
    """An RGBA image, cut to what is seen of it."""
    image = Image.open(STAMPS / f"{name}.png").convert("RGBA")
    return image.crop(_seen(image))


def _seen(image):
    """The box (left, top, right, bottom) of what is at least half opaque, or None."""
    return image.getchannel("A").point(lambda alpha: 255 * (alpha >= 128)).getbbox()


def ground_paths():
    """{family: largest photograph}. A family is one motif, whatever sizes and colours it comes in."""
    families = {}
    for path in sorted(MATE.rglob("*.jpg")) + sorted(MATE.rglob("*.png")):
        stem = path.stem.split("_")[0]
        family = "Stripes" if "Stripes" in stem else "Ubuntu-Mate" if stem.startswith("Ubuntu-Mate") else stem
        families.setdefault(f"mate/{family}", path)
    for folder in sorted(PLASMA.glob("*/contents/images")):
        files = [path for path in folder.iterdir() if not path.is_symlink() and path.suffix in (".jpg", ".png")]
        wide = sorted(files, key=lambda path: (_width(path), path.name))
        if wide:
            families[f"plasma/{folder.parent.parent.name}"] = wide[-1]
    return families


def _width(path):
    with Image.open(path) as image:
        return image.width


@lru_cache(maxsize=None)
def _ground(path):
    image = Image.open(path)
    image.draft("RGB", (_LONGEST_GROUND, _LONGEST_GROUND))
    image = image.convert("RGB")
    image.thumbnail((_LONGEST_GROUND, _LONGEST_GROUND), Image.Resampling.LANCZOS)
    return image


@dataclass
class Grounds:
    """Some of the photographs to paste on."""
    families: list
    paths: dict

    @classmethod
    def split(cls, noise, shares):
        paths = ground_paths()
        return [cls(part, paths) for part in split(noise, sorted(paths), shares)]

    def crop(self, noise, size):
        """A random part, a third to the whole of the photograph's height, maybe mirrored, scaled to size."""
        image = _ground(self.paths[noise.choice(self.families)])
        width, height = size
        most = min(image.height, image.width * height / width)
        tall = most * noise.uniform(0.34, 1.0)
        wide = tall * width / height
        left, top = noise.uniform(0, image.width - wide), noise.uniform(0, image.height - tall)
        part = image.resize(size, Image.Resampling.BILINEAR, (left, top, left + wide, top + tall))
        return part.transpose(Image.Transpose.FLIP_LEFT_RIGHT) if noise.random() < 0.5 else part


# --- composites ------------------------------------------------------------------------------------------------------

@dataclass
class Layout:
    """How things lie in an image. Scales are of the longer side of a thing to the shorter side of the image."""
    size: tuple = (640, 480)
    scale: tuple = (0.18, 0.5)
    turn: float = 20.0         # degrees to either side
    light: tuple = (0.7, 1.3)  # brightness, contrast and colour, each on its own
    cover: float = 0.15        # share of a thing that others may lie over
    outside: float = 0.0       # share of things that the frame may cut
    blur: float = 0.6          # most radius of softening in pixels


def varied(noise, image, layout):
    """The cut-out as it is pasted: mirrored, lit, scaled, turned, cut to what is seen."""
    if noise.random() < 0.5:
        image = image.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    alpha = image.getchannel("A")
    colours = image.convert("RGB")
    for enhance in (ImageEnhance.Brightness, ImageEnhance.Contrast, ImageEnhance.Color):
        colours = enhance(colours).enhance(noise.uniform(*layout.light))
    colours.putalpha(alpha)
    longest = noise.uniform(*layout.scale) * min(layout.size)
    ratio = longest / max(colours.size)
    size = tuple(max(2, round(side * ratio)) for side in colours.size)
    turned = colours.resize(size, Image.Resampling.LANCZOS).rotate(
        noise.uniform(-layout.turn, layout.turn), Image.Resampling.BICUBIC, expand=True)
    seen = _seen(turned)
    return turned.crop(seen) if seen else turned


def _share_covered(box, other):
    """The share of `box` that `other` covers."""
    wide = min(box[2], other[2]) - max(box[0], other[0])
    tall = min(box[3], other[3]) - max(box[1], other[1])
    return max(0, wide) * max(0, tall) / ((box[2] - box[0]) * (box[3] - box[1]))


def _place(noise, thing, layout, taken):
    """A free place (left, top) for it, or None after 40 tries."""
    width, height = layout.size
    loose = 0.3 if noise.random() < layout.outside else 0.0
    for _ in range(40):
        left = noise.uniform(-loose * thing.width, width - (1 - loose) * thing.width)
        top = noise.uniform(-loose * thing.height, height - (1 - loose) * thing.height)
        box = (round(left), round(top), round(left) + thing.width, round(top) + thing.height)
        if all(max(_share_covered(box, other), _share_covered(other, box)) <= layout.cover for other in taken):
            return box
    return None


def compose(noise, grounds, things, layout):
    """
    Pastes the RGBA `things` in turn. (image, boxes): a box is (left, top, right, bottom) in whole pixels within the
    frame, or None of a thing that found no room and is not there.
    """
    image = grounds.crop(noise, layout.size)
    taken, boxes = [], []
    for thing in things:
        thing = varied(noise, thing, layout)
        box = _place(noise, thing, layout, taken)
        if box is not None:
            image.paste(thing, box[:2], thing)
            taken.append(box)
            box = (max(0, box[0]), max(0, box[1]), min(layout.size[0], box[2]), min(layout.size[1], box[3]))
        boxes.append(box)
    return image.filter(ImageFilter.GaussianBlur(noise.uniform(0, layout.blur))), boxes


def jpeg(image, quality=90):
    """Its bytes."""
    out = io.BytesIO()
    image.save(out, "JPEG", quality=quality)
    return out.getvalue()


# --- manifests -------------------------------------------------------------------------------------------------------

_CREATED = "2024-05-01T12:00:00.000000"


def boxes_line(source, size, labels, things):
    """A manifest line; `things` are pairs of a label and its box (left, top, right, bottom)."""
    annotations = [{"class_id": labels.index(label), "left": box[0], "top": box[1], "width": box[2] - box[0],
                    "height": box[3] - box[1]} for label, box in things]
    return json.dumps({
        "source-ref": source,
        "boxes": {"image_size": [{"width": size[0], "height": size[1], "depth": 3}], "annotations": annotations},
        "boxes-metadata": {"objects": [{"confidence": 1} for _ in things],
                           "class-map": {str(place): label for place, label in enumerate(labels)},
                           "type": "groundtruth/object-detection", "human-annotated": "yes",
                           "creation-date": _CREATED, "job-name": "composites"}})


def labels_line(source, labels):
    """A manifest line of an image with image-level labels, one attribute each."""
    line = {"source-ref": source}
    for place, label in enumerate(labels):
        line[f"label-{place}"] = 1
        line[f"label-{place}-metadata"] = {"confidence": 1, "class-name": label, "human-annotated": "yes",
                                           "creation-date": _CREATED, "type": "groundtruth/image-classification"}
    return json.dumps(line)
