"""TagResource, UntagResource, ListTagsForResource (spec B.8)."""
import re

import pytest

from harness.lab import Lab, error_of


@pytest.fixture(params=["project", "dataset"])
def arn(lab, request):
    return lab.project() if request.param == "project" else lab.create()


def tags(lab, arn):
    return lab.api.list_tags_for_resource(ResourceArn=arn)["Tags"]


def test_tags_is_always_there(lab, arn):
    assert lab.wire.ask("ListTagsForResource", {"ResourceArn": arn}) == {"Tags": {}}


def test_the_answers_are_empty(lab, arn):
    assert lab.wire.ask("TagResource", {"ResourceArn": arn, "Tags": {"a": "1"}}) == {}
    assert lab.wire.ask("UntagResource", {"ResourceArn": arn, "TagKeys": ["a"]}) == {}


def test_add_replace_remove(lab, arn):
    lab.api.tag_resource(ResourceArn=arn, Tags={"a": "1", "b": "2", "c": ""})
    lab.api.tag_resource(ResourceArn=arn, Tags={"b": "3", "d": "4"})
    assert tags(lab, arn) == {"a": "1", "b": "3", "c": "", "d": "4"}
    lab.api.untag_resource(ResourceArn=arn, TagKeys=["a", "c", "absent"])
    assert tags(lab, arn) == {"b": "3", "d": "4"}


def test_nothing_to_do(lab, arn):
    lab.api.tag_resource(ResourceArn=arn, Tags={"a": "1"})
    lab.api.tag_resource(ResourceArn=arn, Tags={})
    lab.api.untag_resource(ResourceArn=arn, TagKeys=[])
    assert tags(lab, arn) == {"a": "1"}


def test_keys_differ_in_case(lab, arn):
    lab.api.tag_resource(ResourceArn=arn, Tags={"Team": "1", "team": "2"})
    assert tags(lab, arn) == {"Team": "1", "team": "2"}


@pytest.mark.parametrize("key, value", [
    ("k" * 128, "v" * 256), ("größe", "日本語"), ("a b_.:/=+-@9", "a b_.:/=+-@9"), ("x\u00a0y", "\u2028"), ("AWS:x", "aws:y"),
    ("\U0001d49c", "²"),
])
def test_what_may_stand_in_a_tag(lab, arn, key, value):
    lab.api.tag_resource(ResourceArn=arn, Tags={key: value})
    assert tags(lab, arn) == {key: value}
    lab.api.untag_resource(ResourceArn=arn, TagKeys=[key])
    assert tags(lab, arn) == {}


@pytest.mark.parametrize("key, value", [
    ("k" * 129, ""), ("", "v"), ("aws:x", "v"), ("a#b", "v"), ("a", "v" * 257), ("a", "v!"), ("a", "tab\t"), ("😀", "v"),
])
def test_what_may_not(lab, arn, key, value):
    answer = lab.wire.post("TagResource", {"ResourceArn": arn, "Tags": {key: value}})
    assert (answer.status, answer.type) == (400, "ValidationException")
    assert tags(lab, arn) == {}


def test_fifty_and_no_more(lab, arn):
    lab.api.tag_resource(ResourceArn=arn, Tags={f"key-{number}": "x" for number in range(50)})
    assert error_of(lab.api.tag_resource, ResourceArn=arn, Tags={"one-more": "x"})[0] == "ServiceQuotaExceededException"
    lab.api.tag_resource(ResourceArn=arn, Tags={"key-7": "replaced"})
    lab.api.untag_resource(ResourceArn=arn, TagKeys=["key-0"])
    lab.api.tag_resource(ResourceArn=arn, Tags={"one-more": "x"})
    assert len(tags(lab, arn)) == 50
    assert tags(lab, arn)["key-7"] == "replaced"


def test_more_than_fifty_at_once_changes_nothing(lab, arn):
    lab.api.tag_resource(ResourceArn=arn, Tags={"a": "1"})
    many = {f"key-{number}": "x" for number in range(51)}
    assert error_of(lab.api.tag_resource, ResourceArn=arn, Tags=many)[0] == "ServiceQuotaExceededException"
    assert tags(lab, arn) == {"a": "1"}


def calls(lab, arn):
    yield lambda: lab.api.list_tags_for_resource(ResourceArn=arn)
    yield lambda: lab.api.tag_resource(ResourceArn=arn, Tags={"a": "1"})
    yield lambda: lab.api.untag_resource(ResourceArn=arn, TagKeys=["a"])


def other_number(arn):
    return re.sub(r"\d+$", lambda match: str(int(match.group()) + 1), arn)


@pytest.mark.parametrize("change, expected", [
    (other_number, "ResourceNotFoundException"),
    (lambda arn: arn.replace("arn:aws:", "arn:aws-cn:"), "InvalidParameterException"),
    (lambda arn: "x" * 20, "InvalidParameterException"),
    (lambda arn: arn.replace(":rekognition:", ":sagemaker:"), "InvalidParameterException"),
    (lambda arn: "arn:aws:s3:::a-bucket-of-mine", "InvalidParameterException"),
], ids=["absent", "partition", "no arn", "service", "bucket"])
def test_resources_that_are_not_there(lab, arn, change, expected):
    for call in calls(lab, change(arn)):
        assert error_of(call)[0] == expected


def test_model_version_that_is_not_there(lab):
    for call in calls(lab, lab.arn("project/p/version/v/1690476084535")):
        assert error_of(call)[0] == "ResourceNotFoundException"


def test_resource_of_another_region(lab, server):
    for call in calls(Lab(server), lab.project()):
        assert error_of(call)[0] == "ResourceNotFoundException"


def test_tags_die_with_their_resource(lab):
    arn = lab.project("birds")
    lab.api.tag_resource(ResourceArn=arn, Tags={"a": "1"})
    lab.api.delete_project(ProjectArn=arn)
    lab.wait_project_gone("birds")
    assert tags(lab, lab.project("birds")) == {}
