"""Pages and their tokens (spec A.10, H.1, H.15), for the three operations that have them."""
import base64
import json

import pytest

from harness.lab import Lab, error_of
from harness.manifests import image_entry, many_lines

BAD_TOKEN = ("InvalidPaginationTokenException", "Invalid Pagination Token")


@pytest.fixture
def arn(lab):
    """Seven entries with seven labels."""
    return lab.create([image_entry(lab.bucket.image(n), f"label-{n}") for n in range(7)])


def entries_page(lab, arn, **more):
    answer = lab.api.list_dataset_entries(DatasetArn=arn, **more)
    return [json.loads(line)["source-ref"] for line in answer["DatasetEntries"]], answer.get("NextToken")


def labels_page(lab, arn, **more):
    answer = lab.api.list_dataset_labels(DatasetArn=arn, **more)
    return [row["LabelName"] for row in answer["DatasetLabelDescriptions"]], answer.get("NextToken")


def walk(page, size):
    """All pages of one size; tokens must differ from page to page."""
    pages, token, tokens = [], None, set()
    while True:
        items, token = page(MaxResults=size, **({"NextToken": token} if token else {}))
        pages.append(items)
        if token is None:
            return pages
        assert token not in tokens and 1 <= len(token) <= 1024
        tokens.add(token)


@pytest.mark.parametrize("page", [entries_page, labels_page])
@pytest.mark.parametrize("size", [1, 2, 3, 6, 7, 8, 100])
def test_every_page_size(lab, arn, page, size):
    pages = walk(lambda **more: page(lab, arn, **more), size)
    assert sum(pages, []) == page(lab, arn)[0]
    assert [len(items) for items in pages] == [min(size, 7 - done) for done in range(0, 7, size)]


@pytest.mark.parametrize("page", [entries_page, labels_page])
def test_empty_token_is_the_first_page(lab, arn, page):
    assert page(lab, arn, NextToken="", MaxResults=2) == page(lab, arn, MaxResults=2)


@pytest.mark.parametrize("operation", ["ListDatasetEntries", "ListDatasetLabels"])
def test_last_page_has_no_token_member(lab, arn, operation):
    for size in (7, 100):
        assert "NextToken" not in lab.wire.ask(operation, {"DatasetArn": arn, "MaxResults": size})


def test_default_is_a_hundred(lab):
    arn = lab.create(many_lines(f"s3://{lab.bucket.name}/", 201))
    assert len(entries_page(lab, arn)[0]) == 100
    assert [len(page) for page in walk(lambda **more: entries_page(lab, arn, **more), 100)] == [100, 100, 1]


def test_default_for_labels_is_a_hundred(lab):
    names = [f"label-{n}" for n in range(150)]
    arn = lab.create(many_lines(f"s3://{lab.bucket.name}/", 150, labels=names))
    assert labels_page(lab, arn)[0] == names[:100]
    assert list(lab.labels(arn)) == names


def test_botocore_paginator_with_page_size(lab, arn):
    assert len(lab.lines(arn, PaginationConfig={"PageSize": 2})) == 7
    assert len(lab.labels(arn, PaginationConfig={"PageSize": 2})) == 7


def test_filtered_pages(lab):
    arn = lab.create(many_lines(f"s3://{lab.bucket.name}/", 1_000, labels=["rare"] + ["common"] * 9))
    pages = walk(lambda **more: entries_page(lab, arn, ContainsLabels=["rare"], **more), 7)
    assert sum(pages, []) == [f"s3://{lab.bucket.name}/{n}.jpg" for n in range(0, 1_000, 10)]
    assert all(len(page) <= 7 for page in pages)


@pytest.mark.slow
def test_filtered_page_may_be_short_but_all_is_found(lab):
    """A filter that no index answers scans a bounded number of blocks a page."""
    arn = lab.create(many_lines(f"s3://{lab.bucket.name}/", 60_000))
    pages = walk(lambda **more: entries_page(lab, arn, SourceRefContains="/59999", **more), 100)
    assert sum(pages, []) == [f"s3://{lab.bucket.name}/59999.jpg"]
    assert len(pages) > 1


def test_token_belongs_to_its_operation(lab, arn):
    _, entries_token = entries_page(lab, arn, MaxResults=2)
    _, labels_token = labels_page(lab, arn, MaxResults=2)
    assert error_of(labels_page, lab, arn, NextToken=entries_token) == BAD_TOKEN
    assert error_of(entries_page, lab, arn, NextToken=labels_token) == BAD_TOKEN
    assert error_of(lab.api.describe_projects, NextToken=entries_token) == BAD_TOKEN


def test_token_belongs_to_its_dataset(lab, arn):
    _, token = entries_page(lab, arn, MaxResults=2)
    assert error_of(entries_page, lab, lab.copy(arn), NextToken=token) == BAD_TOKEN


@pytest.mark.parametrize("filters", [
    {"ContainsLabels": ["label-1", "label-6"]}, {"Labeled": True}, {"HasErrors": True}, {"SourceRefContains": "s3"},
])
def test_token_belongs_to_its_filters(lab, arn, filters):
    _, token = entries_page(lab, arn, MaxResults=2)
    assert error_of(entries_page, lab, arn, NextToken=token, **filters) == BAD_TOKEN


def test_token_of_filters_needs_them(lab, arn):
    _, token = entries_page(lab, arn, MaxResults=2, SourceRefContains="s3")
    assert error_of(entries_page, lab, arn, NextToken=token) == BAD_TOKEN
    assert error_of(entries_page, lab, arn, NextToken=token, SourceRefContains="jpg") == BAD_TOKEN
    assert len(entries_page(lab, arn, NextToken=token, SourceRefContains="s3")[0]) == 5


def test_page_size_may_change_on_the_way(lab, arn):
    first, token = entries_page(lab, arn, MaxResults=2)
    rest, end = entries_page(lab, arn, MaxResults=50, NextToken=token)
    assert first + rest == entries_page(lab, arn)[0]
    assert end is None


def test_tokens_of_projects_belong_to_filters_and_region(lab, server):
    other = Lab(server)
    for number in range(3):
        lab.project(f"p{number}")
        other.project(f"p{number}")
    token = lab.api.describe_projects(MaxResults=1)["NextToken"]
    assert error_of(lab.api.describe_projects, NextToken=token, ProjectNames=["p0", "p1"]) == BAD_TOKEN
    assert error_of(other.api.describe_projects, NextToken=token) == BAD_TOKEN
    assert len(lab.api.describe_projects(NextToken=token)["ProjectDescriptions"]) == 2


def forgeries(token):
    """The token with each of some characters changed, cut, grown, and things that never were tokens."""
    for at in range(0, len(token), max(1, len(token) // 16)):
        yield token[:at] + ("A" if token[at] != "A" else "B") + token[at + 1:]
    yield from (token[:-1], token[1:], token + "A", token + token, "x", "0", "null", "=" * 64, "a" * 1024, "ü", "\x00",
                base64.b64encode(b"\0" * 64).decode(), token.swapcase())


def test_forged_tokens(lab, arn):
    for page in (entries_page, labels_page):
        _, token = page(lab, arn, MaxResults=2)
        for forged in forgeries(token):
            assert error_of(page, lab, arn, NextToken=forged) == BAD_TOKEN, forged
    lab.project()
    token = lab.api.describe_projects(MaxResults=1)["NextToken"]
    for forged in forgeries(token):
        assert error_of(lab.api.describe_projects, NextToken=forged) == BAD_TOKEN, forged


def test_token_outlives_a_restart(start_server):
    own = start_server()
    lab = Lab(own)
    arn = lab.create([image_entry(lab.bucket.image(n), "cat") for n in range(3)])
    _, token = entries_page(lab, arn, MaxResults=1)
    own.restart()
    lab = Lab(own, lab.region)
    assert len(entries_page(lab, arn, NextToken=token)[0]) == 2


def test_token_after_an_update_goes_on_where_it_stood(lab, arn):
    """Updates keep places and append, so a walk begun before one neither repeats nor misses an old entry."""
    first, token = entries_page(lab, arn, MaxResults=3)
    lab.update(arn, [image_entry(lab.bucket.image(5), "new"), image_entry(lab.bucket.image(9), "new")])
    rest, _ = entries_page(lab, arn, NextToken=token)
    assert first + rest == [lab.bucket.image(n) for n in (0, 1, 2, 3, 4, 5, 6, 9)]
