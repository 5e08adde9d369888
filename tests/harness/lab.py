"""A lab: one region of a server with a client, a bucket and the moves that most tests make.

Resources live in (account, region), so tests that each have a lab share a server without seeing each other.
"""
import itertools
import json
import os
import time
import uuid

import botocore.exceptions
import pytest

from harness.clients import Wire, boto_client
from harness.manifests import Bucket, manifest

POLL_SECONDS = 0.02
WAIT_SECONDS = 600

_numbers = itertools.count()


def fresh_name(stem):
    """A name nobody else uses, also in the other processes of the run."""
    return f"{stem}-{uuid.uuid4().hex[:10]}"


def fresh_region():
    """Looks like one of AWS's names and is nobody else's."""
    letters = "".join(chr(ord("a") + byte % 26) for byte in os.urandom(10))
    return f"{letters[:2]}-{letters[2:]}-{next(_numbers) % 9 + 1}"


def error_of(callable_, *args, **kwargs):
    """Runs a call that must fail; the name and the message of its error."""
    with pytest.raises(botocore.exceptions.ClientError) as caught:
        callable_(*args, **kwargs)
    error = caught.value.response["Error"]
    return error["Code"], error["Message"]


class Lab:
    def __init__(self, server, region=None, key=None):
        self.server = server
        self.region = region or fresh_region()
        self.key = key or server.root_key
        self.api = boto_client(server, self.region, self.key)
        self.wire = Wire(server, self.region, self.key)
        self._bucket = None

    @property
    def bucket(self):
        if self._bucket is None:
            self._bucket = Bucket(self.server.bucket_folder(fresh_name("bucket")))
        return self._bucket

    def arn(self, path):
        return f"arn:aws:rekognition:{self.region}:{self.key.account}:{path}"

    def project(self, name=None):
        return self.api.create_project(ProjectName=name or fresh_name("project"))["ProjectArn"]

    def source(self, data, key=None):
        """A DatasetSource for manifest bytes, put into the bucket."""
        if not isinstance(data, bytes):
            data = manifest(data)
        return {"GroundTruthManifest": {"S3Object": self.bucket.put(key or fresh_name("train") + ".manifest", data)}}

    def begin(self, data=None, project=None, kind="TRAIN"):
        """CreateDataset from entries or manifest bytes (None: an empty dataset), without waiting."""
        wish = {"ProjectArn": project or self.project(), "DatasetType": kind}
        if data is not None:
            wish["DatasetSource"] = self.source(data)
        return self.api.create_dataset(**wish)["DatasetArn"]

    def create(self, data=None, project=None, kind="TRAIN"):
        arn = self.begin(data, project, kind)
        self.wait_created(arn)
        return arn

    def copy(self, source, project=None, kind="TRAIN"):
        arn = self.api.create_dataset(ProjectArn=project or self.project(), DatasetType=kind,
                                      DatasetSource={"DatasetArn": source})["DatasetArn"]
        self.wait_created(arn)
        return arn

    def describe(self, arn):
        return self.api.describe_dataset(DatasetArn=arn)["DatasetDescription"]

    def status(self, arn):
        return self.describe(arn)["Status"]

    def stats(self, arn):
        """(total, labelled, labels, errors)"""
        stats = self.describe(arn)["DatasetStats"]
        return stats["TotalEntries"], stats["LabeledEntries"], stats["TotalLabels"], stats["ErrorEntries"]

    def wait_while(self, arn, status):
        """Polls as AWS's samples do; the first description in another status."""
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            description = self.describe(arn)
            if description["Status"] != status:
                return description
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"{arn} is still {status} after {WAIT_SECONDS} s")

    def wait_created(self, arn, expected="CREATE_COMPLETE"):
        description = self.wait_while(arn, "CREATE_IN_PROGRESS")
        assert description["Status"] == expected, description
        return description

    def wait_updated(self, arn, expected="UPDATE_COMPLETE"):
        description = self.wait_while(arn, "UPDATE_IN_PROGRESS")
        assert description["Status"] == expected, description
        return description

    def wait_deleted(self, arn):
        deadline = time.monotonic() + WAIT_SECONDS
        while time.monotonic() < deadline:
            try:
                assert self.describe(arn)["Status"] == "DELETE_IN_PROGRESS"
            except self.api.exceptions.ResourceNotFoundException:
                return
            time.sleep(POLL_SECONDS)
        raise AssertionError(f"{arn} is not deleted after {WAIT_SECONDS} s")

    def wait_project_gone(self, name):
        deadline = time.monotonic() + WAIT_SECONDS
        while self.api.describe_projects(ProjectNames=[name])["ProjectDescriptions"]:
            assert time.monotonic() < deadline, f"the project {name} is still there after {WAIT_SECONDS} s"
            time.sleep(POLL_SECONDS)

    def begin_update(self, arn, data):
        if not isinstance(data, bytes):
            data = manifest(data)
        return self.api.update_dataset_entries(DatasetArn=arn, Changes={"GroundTruth": data})

    def update(self, arn, data, expected="UPDATE_COMPLETE"):
        self.begin_update(arn, data)
        return self.wait_updated(arn, expected)

    def distribute(self, train, test):
        self.api.distribute_dataset_entries(Datasets=[{"Arn": train}, {"Arn": test}])
        return self.wait_updated(train), self.wait_updated(test)

    def lines(self, arn, **filters):
        """All entries as text, through botocore's own paginator."""
        pages = self.api.get_paginator("list_dataset_entries").paginate(DatasetArn=arn, **filters)
        return [line for page in pages for line in page["DatasetEntries"]]

    def entries(self, arn, **filters):
        return [json.loads(line) for line in self.lines(arn, **filters)]

    def sources(self, arn, **filters):
        return [entry["source-ref"] for entry in self.entries(arn, **filters)]

    def labels(self, arn, **page):
        """{name: (entries, boxed entries or None)} in the order listed."""
        pages = self.api.get_paginator("list_dataset_labels").paginate(DatasetArn=arn, **page)
        return {row["LabelName"]: (row["LabelStats"]["EntryCount"], row["LabelStats"].get("BoundingBoxCount"))
                for answer in pages for row in answer["DatasetLabelDescriptions"]}
