"""`placard dump-model` against the service model inside the installed botocore: theirs must be a part of ours.

Debian's botocore is older than the specification, so ours has members that it lacks: NEWER lists them, each with the
table of spec M it comes from. A member, bound, pattern, enum value or error that botocore has and we lack fails by
name; so does one of ours that neither botocore nor the list knows.
"""
import json

import boto3
import pytest

from harness.server import run_placard

# (operation, path of the member) that botocore 1.29 does not have.
NEWER = {
    ("CreateProject", "input.Feature"),              # M.CreateProject
    ("CreateProject", "input.AutoUpdate"),           # M.CreateProject
    ("CreateProject", "input.Tags"),                 # M.CreateProject
    ("CreateProject", "input.Tags.key"),             # Tag scalars
    ("CreateProject", "input.Tags.value"),           # Tag scalars
    ("DescribeProjects", "input.Features"),          # M.DescribeProjects
    ("DescribeProjects", "input.Features.member"),   # M.DescribeProjects
    ("CreateDataset", "input.Tags"),                 # M.CreateDataset
    ("CreateDataset", "input.Tags.key"),             # Tag scalars
    ("CreateDataset", "input.Tags.value"),           # Tag scalars
    ("CreateProjectVersion", "input.VersionDescription"),  # M.CreateProjectVersion
    ("CreateProjectVersion", "input.FeatureConfig"),       # M.CreateProjectVersion
    ("CreateProjectVersion", "input.FeatureConfig.ContentModeration"),  # CustomizationFeatureConfig
    ("CreateProjectVersion", "input.FeatureConfig.ContentModeration.ConfidenceThreshold"),
}
VERSION = "output.ProjectVersionDescriptions.member"
NEWER_OUTPUT = {
    ("DescribeProjects", "output.ProjectDescriptions.member.Feature"),     # ProjectDescription
    ("DescribeProjects", "output.ProjectDescriptions.member.AutoUpdate"),  # ProjectDescription
    ("DescribeProjectVersions", f"{VERSION}.VersionDescription"),          # ProjectVersionDescription
    ("DescribeProjectVersions", f"{VERSION}.Feature"),                     # ProjectVersionDescription
    ("DescribeProjectVersions", f"{VERSION}.BaseModelVersion"),            # ProjectVersionDescription
    ("DescribeProjectVersions", f"{VERSION}.FeatureConfig"),               # ProjectVersionDescription
    ("DescribeProjectVersions", f"{VERSION}.FeatureConfig.ContentModeration"),
    ("DescribeProjectVersions", f"{VERSION}.FeatureConfig.ContentModeration.ConfidenceThreshold"),
}


@pytest.fixture(scope="module")
def ours():
    model = json.loads(run_placard("dump-model").stdout)
    return {operation["name"]: operation for operation in model["operations"]}


@pytest.fixture(scope="module")
def theirs():
    session = boto3.session.Session()
    client = session.client("rekognition", "us-east-1", aws_access_key_id="x", aws_secret_access_key="x")
    return client.meta.service_model


def facts_of_botocore(shape, path, required=False):
    """{path: facts} of a botocore shape and all below it."""
    facts = {"type": shape.type_name, "required": required}
    for fact in ("min", "max", "pattern"):
        if fact in shape.metadata:
            facts[fact] = shape.metadata[fact]
    if getattr(shape, "enum", None):
        facts["enum"] = sorted(shape.enum)
    found = {path: facts}
    if shape.type_name == "structure":
        for name, member in shape.members.items():
            found.update(facts_of_botocore(member, f"{path}.{name}", name in shape.required_members))
    elif shape.type_name == "list":
        found.update(facts_of_botocore(shape.member, f"{path}.member"))
    elif shape.type_name == "map":
        found.update(facts_of_botocore(shape.key, f"{path}.key"))
        found.update(facts_of_botocore(shape.value, f"{path}.value"))
    return found


def facts_of_ours(shape, path, required=False):
    facts = {"type": shape["type"], "required": required}
    for fact in ("min", "max", "pattern"):
        if fact in shape:
            facts[fact] = shape[fact]
    if "enum" in shape:
        facts["enum"] = sorted(shape["enum"])
    found = {path: facts}
    for name, member in shape.get("members", {}).items():
        found.update(facts_of_ours(member, f"{path}.{name}", name in shape.get("required", ())))
    for part in ("member", "key", "value"):
        if part in shape:
            found.update(facts_of_ours(shape[part], f"{path}.{part}"))
    return found


def test_every_operation_of_ours_is_one_of_theirs(ours, theirs):
    assert len(ours) == 23
    assert set(ours) <= set(theirs.operation_names)


def test_inputs(ours, theirs):
    newer = set()
    for name, operation in ours.items():
        mine = facts_of_ours(operation["input"], "input")
        yours = facts_of_botocore(theirs.operation_model(name).input_shape, "input")
        for path, facts in yours.items():
            assert mine.get(path) == facts, f"{name} {path}"
        newer |= {(name, path) for path in set(mine) - set(yours)}
    assert newer <= NEWER, "members that neither botocore nor spec M knows"


def test_outputs(ours, theirs):
    newer = set()
    for name, operation in ours.items():
        mine = facts_of_ours(operation["output"], "output")
        yours = facts_of_botocore(theirs.operation_model(name).output_shape, "output")
        for path, facts in yours.items():
            assert mine.get(path, {}).get("type") == facts["type"], f"{name} {path}"
        newer |= {(name, path) for path in set(mine) - set(yours)}
    assert newer <= NEWER_OUTPUT


def test_errors(ours, theirs):
    for name, operation in ours.items():
        listed = {shape.name for shape in theirs.operation_model(name).error_shapes}
        assert set(operation["errors"]) == listed, name


def test_the_list_of_newer_members_is_ours(ours):
    """A member taken out of the server must leave the list too."""
    for name, path in NEWER:
        assert path in facts_of_ours(ours[name]["input"], "input"), (name, path)
