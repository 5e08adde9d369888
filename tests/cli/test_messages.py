"""Every sentence that a StatusMessage can be stands in the documents, with its cause and what to do about it."""
import re

import pytest

from harness.server import ROOT

PAPERS = ("api.md", "manifests.md")
SOURCES = ("store/messages.h", "train/*.c", "work/*.c", "vision/model_file.c", "vision/detect_*.c",
           "vision/classify_*.c")
METRIC = re.compile(r'"placard_[a-z_]+",\s*$')

# Sentences of theirs that no StatusMessage is, and what they are.
ELSEWHERE = {
    "The model is not running.": "an exception of DetectCustomLabels",
    "Provisioned Rate exceeded.": "likewise",
    "Image size is too large.": "likewise",
    "There is no limit called `%s`.": "of the configuration",
    "The limit %s takes a number above 0 or `none`, not `%s`.": "likewise",
    "The training was cancelled.": "the job's own message stands in its place",
    "There is no image to learn from.": "fewer than two labels fail before",
    "An image has %zu labels where each must have one.": "such a model is chosen only where each has",
}


def pieces_joined(text):
    """The source with adjoining literals as one, what is filled in as %s."""
    return re.sub(r'"\s*\n\s*"', "", re.sub(r'"\s*SPAN_FMT\s*"', "%s", text))


def sentences(text):
    """The literals that begin with a capital and end with a stop, but for help texts of metrics."""
    text = pieces_joined(text)
    for found in re.finditer(r'"([A-Z][^"\n]+\.)"', text):
        if not METRIC.search(text[:found.start()]):
            yield found[1]


def sentences_of_backbones():
    """What makes one of these a StatusMessage gives it a capital and a stop (fail_sentence)."""
    text = pieces_joined((ROOT / "src/vision/backbone.c").read_text(encoding="utf-8"))
    for found in re.finditer(r'E_(?:INVALID|NOT_FOUND), *\n? *"(the backbone|the weights|weight )([^"\n]+)"', text):
        yield f"{found[1].capitalize()}{found[2]}."


def every_sentence():
    files = sorted(file for source in SOURCES for file in (ROOT / "src").glob(source))
    found = {line for file in files for line in sentences(file.read_text(encoding="utf-8"))}
    assert found >= {"The model is ready to run.", "The manifest file is empty.", "The model file is cut off."}
    backbones = set(sentences_of_backbones()) - {"The backbone %s is a foreign model's."}  # only for who builds one
    assert len(backbones) >= 6
    return sorted((found | backbones) - set(ELSEWHERE))


def documents():
    return " ".join(" ".join((ROOT / "docs" / paper).read_text(encoding="utf-8") for paper in PAPERS).split())


@pytest.mark.parametrize("sentence", every_sentence())
def test_it_is_documented(sentence):
    pattern = r"[^`|]+?".join(re.escape(part) for part in re.split(r"%[a-z]+", sentence.replace("`", "")))
    assert re.search(f"`{pattern}`", documents())


def test_the_codes_of_a_training_are_documented():
    codes = re.findall(r'"(ERROR_[A-Z0-9_]+)"', (ROOT / "src/train/side.c").read_text(encoding="utf-8"))
    assert len(codes) >= 10
    assert [code for code in codes if not re.search(rf"\b{code}\b", documents())] == []
