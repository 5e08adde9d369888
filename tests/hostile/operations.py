"""How each operation is called: for the matrix of who may do what, which asks `placard dump-model` what there is.

A new operation needs an entry in CALLS: from a Stage, the body of a call that its owner may make and that succeeds. One
that acts on objects says so in ALSO: further statements that the caller needs. What a refused call must leave as it was
is gathered by Stage.seen. Whoever forgets is told by test_matrix.py, which fails for every operation that stands in the
model and not here; entries beyond the model do no harm.
"""
import base64
import json

from harness.images import picture
from harness.lab import fresh_name
from harness.manifests import image_entry, manifest

IMAGES = 5
POLICY_DOCUMENT = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": "210987654321"},
                "Action": "rekognition:CopyProjectVersion",
                "Resource": "*",
            }
        ],
    }
)


# Calls on model versions: their stages share the region of one trained model, for a copy stays in its region.
ON_VERSIONS = {"CreateProjectVersion", "StartProjectVersion", "StopProjectVersion", "DeleteProjectVersion",
               "CopyProjectVersion", "DetectCustomLabels"}


class Stage:
    """A project with a training and a test dataset and a tag: something for every call to act on."""

    def __init__(self, lab, model=None):
        self.lab = lab
        self.model = model
        self.before = {project["ProjectArn"] for project in self.projects()}
        self.name = fresh_name("stage")
        self.project = lab.project(self.name)
        self.train = lab.create(
            [image_entry(lab.bucket.image(n), "cat", "dog") for n in range(IMAGES)], project=self.project
        )
        self.test = lab.create(project=self.project, kind="TEST")
        lab.api.tag_resource(ResourceArn=self.project, Tags={"kept": "yes"})

    def projects(self):
        pages = self.lab.api.get_paginator("describe_projects").paginate()
        return [project for page in pages for project in page["ProjectDescriptions"]]

    def seen(self):
        """All of this stage, as the account's root sees it: a call that was refused must leave this as it was."""
        api = self.lab.api
        projects = [project for project in self.projects() if project["ProjectArn"] not in self.before]
        datasets = [dataset["DatasetArn"] for project in projects for dataset in project["Datasets"]]
        arns = [project["ProjectArn"] for project in projects]
        versions = {arn: api.describe_project_versions(ProjectArn=arn)["ProjectVersionDescriptions"] for arn in arns}
        return {
            "projects": sorted((project["ProjectArn"], project["Status"]) for project in projects),
            "datasets": {arn: (self.lab.describe(arn), self.lab.lines(arn)) for arn in datasets},
            "tags": {arn: api.list_tags_for_resource(ResourceArn=arn)["Tags"] for arn in [*arns, *datasets]},
            "versions": {arn: [(one["ProjectVersionArn"], one["Status"]) for one in listed]
                         for arn, listed in versions.items()},
            "policies": {arn: api.list_project_policies(ProjectArn=arn)["ProjectPolicies"] for arn in arns},
        }


def trained(stage):
    """A version of this stage's own, ready to be started."""
    return stage.lab.copy_version(stage.model)


def running(stage):
    version = trained(stage)
    stage.lab.start(version)
    return version


def empty_project(stage):
    return stage.lab.project()


def attached_policy(stage):
    name = fresh_name("attached")
    wish = {"ProjectArn": stage.project, "PolicyName": name, "PolicyDocument": POLICY_DOCUMENT}
    stage.lab.wire.ask("PutProjectPolicy", wish)
    return name


CALLS = {
    "CreateProject": lambda stage: {"ProjectName": fresh_name("made")},
    "DescribeProjects": lambda stage: {},
    "DeleteProject": lambda stage: {"ProjectArn": empty_project(stage)},
    "CreateDataset": lambda stage: {"ProjectArn": empty_project(stage), "DatasetType": "TRAIN"},
    "DescribeDataset": lambda stage: {"DatasetArn": stage.train},
    "ListDatasetEntries": lambda stage: {"DatasetArn": stage.train},
    "ListDatasetLabels": lambda stage: {"DatasetArn": stage.train},
    "UpdateDatasetEntries": lambda stage: {
        "DatasetArn": stage.train,
        "Changes": {
            "GroundTruth": base64.b64encode(manifest([image_entry(stage.lab.bucket.image(1), "bird")])).decode()
        },
    },
    "DistributeDatasetEntries": lambda stage: {"Datasets": [{"Arn": stage.train}, {"Arn": stage.test}]},
    "DeleteDataset": lambda stage: {"DatasetArn": stage.test},
    "CreateProjectVersion": lambda stage: {
        "ProjectArn": stage.project,
        "VersionName": fresh_name("made"),
        "OutputConfig": stage.lab.output(),
    },
    "StartProjectVersion": lambda stage: {"ProjectVersionArn": trained(stage), "MinInferenceUnits": 1},
    "StopProjectVersion": lambda stage: {"ProjectVersionArn": running(stage)},
    "DeleteProjectVersion": lambda stage: {"ProjectVersionArn": trained(stage)},
    "CopyProjectVersion": lambda stage: {
        "SourceProjectArn": stage.lab.project_of(stage.model),
        "SourceProjectVersionArn": stage.model,
        "DestinationProjectArn": stage.project,
        "VersionName": fresh_name("copied"),
        "OutputConfig": stage.lab.output(),
    },
    "DetectCustomLabels": lambda stage: {
        "ProjectVersionArn": running(stage),
        "Image": {"Bytes": base64.b64encode(picture("red", "unseen")).decode()},
    },
    "DescribeProjectVersions": lambda stage: {"ProjectArn": stage.project},
    "PutProjectPolicy": lambda stage: {
        "ProjectArn": stage.project,
        "PolicyName": fresh_name("put"),
        "PolicyDocument": POLICY_DOCUMENT,
    },
    "ListProjectPolicies": lambda stage: {"ProjectArn": stage.project},
    "DeleteProjectPolicy": lambda stage: {"ProjectArn": stage.project, "PolicyName": attached_policy(stage)},
    "TagResource": lambda stage: {"ResourceArn": stage.project, "Tags": {"new": "one"}},
    "UntagResource": lambda stage: {"ResourceArn": stage.project, "TagKeys": ["kept"]},
    "ListTagsForResource": lambda stage: {"ResourceArn": stage.project},
}

# Statements that a call needs beside its own action.
WRITES_OUTPUT = [{"Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}]
ALSO = {"CreateProjectVersion": WRITES_OUTPUT, "CopyProjectVersion": WRITES_OUTPUT}

# Calls that name no resource: another account gets its own view, or makes its own thing, and never sees ours.
OWN_VIEW = {"CreateProject", "DescribeProjects"}
