"""A running S3 server, as placard and as boto3 see it."""
import urllib.parse
from typing import NamedTuple

import boto3
from botocore.config import Config


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
