"""Moves around model versions: a lab that trains, waits, copies and runs them."""
import time

from harness.backbone import backbones
from harness.images import picture
from harness.lab import POLL_SECONDS, Lab, fresh_name
from harness.manifests import image_entry

WAIT_SECONDS = 600


def training_entries(bucket, labels=("red", "blue"), each=6, folder="images"):
    """Entries of `each` pictures for each label, whose images lie in the bucket."""
    entries = []
    for label in labels:
        for number in range(each):
            key = f"{folder}/{label}-{number}.png"
            bucket.put(key, picture(label, number))
            entries.append(image_entry(f"s3://{bucket.name}/{key}", label))
    return entries


class ModelLab(Lab):
    def output(self, prefix="output"):
        return {"S3Bucket": self.bucket.name, "S3KeyPrefix": prefix}

    def trainable(self, **pictures):
        """A project whose training and test datasets hold pictures."""
        project = self.project()
        self.create(training_entries(self.bucket, **pictures), project=project)
        self.create(training_entries(self.bucket, folder="test", **pictures), project=project, kind="TEST")
        return project

    def begin_training(self, project, name=None, **more):
        wish = {"ProjectArn": project, "VersionName": name or fresh_name("v"), "OutputConfig": self.output(), **more}
        return self.api.create_project_version(**wish)["ProjectVersionArn"]

    def versions(self, project, *names, **page):
        """Descriptions, through botocore's own paginator."""
        wish = {"ProjectArn": project, **({"VersionNames": list(names)} if names else {}), **page}
        pages = self.api.get_paginator("describe_project_versions").paginate(**wish)
        return [version for answer in pages for version in answer["ProjectVersionDescriptions"]]

    def project_of(self, version):
        """The ARN of the project of a version's ARN, which does not hold its number."""
        name = version.split("/")[1]
        return self.api.describe_projects(ProjectNames=[name])["ProjectDescriptions"][0]["ProjectArn"]

    def version(self, arn):
        """A version's description; None: it is gone."""
        found = self.versions(self.project_of(arn), arn.split("/")[3])
        return found[0] if found else None

    def wait_version(self, arn, *passing):
        """Polls until the state is none of the passing ones; the description."""
        project, name = self.project_of(arn), arn.split("/")[3]
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            found = self.versions(project, name)
            if not found or found[0]["Status"] not in passing:
                return found[0] if found else None
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"{arn} is still {' or '.join(passing)} after {WAIT_SECONDS} s")

    def train(self, project=None, name=None, expected="TRAINING_COMPLETED", **more):
        arn = self.begin_training(project or self.trainable(), name, **more)
        description = self.wait_version(arn, "TRAINING_IN_PROGRESS")
        assert description["Status"] == expected, description
        return arn

    def begin_copy(self, source, project=None, name=None, **more):
        wish = {"SourceProjectArn": self.project_of(source), "SourceProjectVersionArn": source,
                "DestinationProjectArn": project or self.project(), "VersionName": name or fresh_name("copy"),
                "OutputConfig": self.output(), **more}
        return self.api.copy_project_version(**wish)["ProjectVersionArn"]

    def copy_version(self, source, project=None, name=None, expected="COPYING_COMPLETED", **more):
        arn = self.begin_copy(source, project, name, **more)
        description = self.wait_version(arn, "COPYING_IN_PROGRESS")
        assert description["Status"] == expected, description
        return arn

    def begin_start(self, arn, units=1, **more):
        return self.api.start_project_version(ProjectVersionArn=arn, MinInferenceUnits=units, **more)["Status"]

    def start(self, arn, units=1, expected="RUNNING", **more):
        assert self.begin_start(arn, units, **more) == "STARTING"
        description = self.wait_version(arn, "STARTING")
        assert description["Status"] == expected, description
        return description

    def stop(self, arn):
        assert self.api.stop_project_version(ProjectVersionArn=arn)["Status"] == "STOPPING"
        description = self.wait_version(arn, "STOPPING")
        assert description["Status"] == "STOPPED", description

    def delete_version(self, arn):
        assert self.api.delete_project_version(ProjectVersionArn=arn)["Status"] == "DELETING"
        assert self.wait_version(arn, "DELETING") is None

    def detect(self, arn, image=None, **more):
        image = image if image is not None else picture("red", "unseen")
        return self.api.detect_custom_labels(ProjectVersionArn=arn, Image={"Bytes": image}, **more)["CustomLabels"]


def model_flags():
    """What a server needs to train."""
    return ("--backbones", backbones())
