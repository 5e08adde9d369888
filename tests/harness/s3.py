"""A running S3 server, as placard and as boto3 see it: s3rver, or OpenStack Swift where REAL_S3 is `swift`."""
import contextlib
import os
import subprocess
import urllib.parse
from pathlib import Path
from typing import NamedTuple

import boto3
from botocore.config import Config

from harness.server import environment
from harness.swift import Swift

S3RVER = Path(__file__).resolve().parent.parent / "object" / "s3rver.js"
STOP_SECONDS = 60


class RealS3(NamedTuple):
    port: int
    access: str
    secret: str
    region: str = "us-east-1"

    @property
    def keys(self):
        """For the environment of a program."""
        return {"AWS_ACCESS_KEY_ID": self.access, "AWS_SECRET_ACCESS_KEY": self.secret}

    def place(self, host="127.0.0.1", **parameters):
        query = urllib.parse.urlencode({"region": self.region, **parameters})
        return f"s3:http://{host}:{self.port}?{query}"

    def client(self):
        return boto3.client("s3", endpoint_url=f"http://127.0.0.1:{self.port}", region_name=self.region,
                            aws_access_key_id=self.access, aws_secret_access_key=self.secret,
                            config=Config(s3={"addressing_style": "path"}, proxies={}))


class S3Bucket:
    """What manifests.Bucket is for a folder."""

    def __init__(self, client, name):
        self.client = client
        self.name = name
        client.create_bucket(Bucket=name)

    def put(self, key, data):
        self.client.put_object(Bucket=self.name, Key=key, Body=data)
        return {"Bucket": self.name, "Name": key}

    def image(self, number):
        return f"s3://{self.name}/images/{number}.jpg"

    def get(self, key):
        return self.client.get_object(Bucket=self.name, Key=key)["Body"].read()

    def keys(self, prefix=""):
        pages = self.client.get_paginator("list_objects_v2").paginate(Bucket=self.name, Prefix=prefix)
        return sorted(row["Key"] for page in pages for row in page.get("Contents", []))


@contextlib.contextmanager
def s3_server(folder):
    """One that keeps its objects in the folder."""
    if os.environ.get("REAL_S3") == "swift":
        with Swift(folder) as swift:
            yield RealS3(swift.ports["proxy"], swift.access, swift.secret)
        return
    run = subprocess.Popen(["node", S3RVER, folder], stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment())
    try:
        yield RealS3(int(run.stdout.readline()), "S3RVER", "S3RVER")  # the only keys that it has
    finally:
        run.communicate(timeout=STOP_SECONDS)
