"""What an operator sees: health, metrics, logs, TLS, CORS, draining, a full disk, a newer database."""
import json
import re
import sqlite3
import ssl
import subprocess
import threading
import time
import urllib.error
import urllib.request

import boto3
import pytest
from botocore.config import Config

from harness.clients import Wire, boto_client
from harness.lab import Lab, error_of
from harness.manifests import many_lines
from harness.server import run_placard


def get(server, path):
    with urllib.request.urlopen(server.url + path, timeout=30) as answer:
        return answer.status, answer.headers, answer.read().decode()


def test_health(server):
    for path in ("/healthz", "/readyz"):
        assert get(server, path)[0] == 200
    with pytest.raises(urllib.error.HTTPError) as refused:
        get(server, "/nowhere")
    assert refused.value.code == 404
    refused.value.close()


def metric(text, name, **labels):
    """The sum of a metric's samples that have these labels."""
    total = 0.0
    for found, shown, value in re.findall(r"^([a-z_:]+)(?:\{(.*)\})? (\S+)$", text, re.M):
        have = dict(re.findall(r'(\w+)="([^"]*)"', shown))
        if found == name and labels.items() <= have.items():
            total += float(value)
    return total


def test_metrics(start_server):
    own = start_server()
    lab = Lab(own)
    lab.create(many_lines("s3://images/", 50))
    error_of(lab.describe, lab.arn("project/p/dataset/train/1690476084535"))
    status, headers, text = get(own, "/metrics")
    assert status == 200 and headers["Content-Type"].startswith("text/plain")
    requests = "placard_requests_total"
    assert metric(text, requests, operation="CreateProject") == 1
    assert metric(text, requests, operation="CreateDataset") == 1
    assert metric(text, requests, operation="DescribeDataset", code="ResourceNotFoundException") == 1
    assert metric(text, "placard_ingest_lines_total") == 50
    for line in text.splitlines():
        assert re.fullmatch(r'# (HELP|TYPE) \S+ .+|[a-z_:]+(\{(\w+="[^"]*",?)+\})? [-+.\dInfeE]+', line), line
    for family in ("_bucket", "_sum", "_count"):
        assert f"placard_request_seconds{family}" in text
    for name in ("placard_jobs", "placard_connections", "placard_build_info"):
        assert name in text


@pytest.mark.parametrize("form", ["logfmt", "json"])
def test_log_lines_carry_the_request_id_and_no_secret(start_server, form):
    own = start_server("--log-format", form)
    wire = Wire(own, "us-east-1")
    answer = wire.post("DescribeProjects", {})
    refused = Wire(own, "us-east-1", own.root_key._replace(secret="wrong")).post("DescribeProjects", {})
    own.stop()
    log = own.log()
    for identifier in (answer.headers["x-amzn-RequestId"], refused.headers["x-amzn-RequestId"]):
        [line] = [line for line in log.splitlines() if identifier in line]
        if form == "json":
            assert json.loads(line)
        assert "DescribeProjects" in line
    assert own.root_key.secret not in log


def certificate(folder, name="localhost"):
    """A self-signed certificate and its key."""
    paths = folder / f"{name}.pem", folder / f"{name}.key"
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes",
                    "-keyout", paths[1], "-out", paths[0], "-subj", f"/CN={name}", "-days", "2",
                    "-addext", "subjectAltName=IP:127.0.0.1,DNS:localhost"], check=True, capture_output=True)
    return paths


def test_tls(start_server, tmp_path):
    chain, key = certificate(tmp_path)
    own = start_server("--tls-certificate", chain, "--tls-key", key)
    assert own.url.startswith("https://")
    client = boto3.session.Session().client(
        "rekognition", endpoint_url=own.url, region_name="us-east-1", aws_access_key_id=own.root_key.access,
        aws_secret_access_key=own.root_key.secret, verify=str(chain), config=Config(retries={"max_attempts": 0}, proxies={}))
    assert client.describe_projects()["ProjectDescriptions"] == []
    client.close()
    with pytest.raises(urllib.error.URLError) as refused:
        urllib.request.urlopen(own.url + "/healthz", timeout=30)
    assert isinstance(refused.value.reason, ssl.SSLCertVerificationError)


PREFLIGHT = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST",
             "Access-Control-Request-Headers": "authorization,content-type,x-amz-date,x-amz-target"}


def test_cors_is_off(server):
    wire = Wire(server, "us-east-1")
    answer = wire.send("OPTIONS", "/", PREFLIGHT, b"")
    assert "Access-Control-Allow-Origin" not in answer.headers
    answer = wire.post("DescribeProjects", {}, headers={"Origin": "https://app.example.com"})
    assert answer.status == 200 and "Access-Control-Allow-Origin" not in answer.headers


def test_cors_where_it_is_wanted(start_server):
    wire = Wire(start_server("--cors-origin", "https://app.example.com"), "us-east-1")
    answer = wire.send("OPTIONS", "/", PREFLIGHT, b"")
    assert answer.status in (200, 204)
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "POST" in answer.headers["Access-Control-Allow-Methods"]
    for name in ("authorization", "x-amz-date", "x-amz-target", "content-type"):
        assert name in answer.headers["Access-Control-Allow-Headers"].lower()
    answer = wire.post("DescribeProjects", {}, headers={"Origin": "https://app.example.com"})
    assert answer.headers["Access-Control-Allow-Origin"] == "https://app.example.com"
    assert "x-amzn-requestid" in answer.headers["Access-Control-Expose-Headers"].lower()
    answer = wire.send("OPTIONS", "/", {**PREFLIGHT, "Origin": "https://evil.example.com"}, b"")
    assert "Access-Control-Allow-Origin" not in answer.headers


def test_sigterm_drains(start_server):
    """Requests under way are answered; the server then ends by itself, with 0."""
    own = start_server()
    lab = Lab(own)
    arn = lab.create(many_lines("s3://images/", 5_000))
    outcomes = []

    def ask():
        client = boto_client(own, lab.region)
        try:
            while True:
                client.list_dataset_entries(DatasetArn=arn, SourceRefContains="4999")
                outcomes.append("answered")
        except Exception as ended:
            outcomes.append(type(ended).__name__)

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    while outcomes.count("answered") < 20:
        time.sleep(0.01)
    own.stop()
    for thread in threads:
        thread.join()
    assert set(outcomes) <= {"answered", "EndpointConnectionError", "ConnectionClosedError"}


@pytest.mark.sqlite
def test_newer_database_is_refused(start_server):
    own = start_server()
    own.stop()
    with sqlite3.connect(own.data / "placard.db") as database:
        tables = [name for (name,) in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
        versioned = [name for name in tables if "migration" in name or "schema" in name]
        if versioned:
            column = database.execute(f"PRAGMA table_info({versioned[0]})").fetchall()[0][1]
            database.execute(f"UPDATE {versioned[0]} SET {column} = 999")
        else:
            database.execute("PRAGMA user_version = 999")
    database.close()
    run = run_placard("serve", "--data", own.data, "--listen", "127.0.0.1:0", check=False)
    assert run.returncode != 0
    assert "newer" in run.stderr


def test_manifest_changed_while_it_is_read(lab):
    """The etag of the call is the one that counts: other bytes under the name are CREATE_FAILED and a sentence."""
    source = lab.source(many_lines("s3://images/", 60_000))
    path = lab.bucket.folder / source["GroundTruthManifest"]["S3Object"]["Name"]
    arn = lab.api.create_dataset(ProjectArn=lab.project(), DatasetType="TRAIN", DatasetSource=source)["DatasetArn"]
    path.write_bytes(many_lines("s3://images/other-", 60_000))
    description = lab.wait_created(arn, "CREATE_FAILED")
    assert description["StatusMessageCode"] == "CLIENT_ERROR"
    assert "changed" in description["StatusMessage"]


def test_writes_do_not_wait_for_a_long_ingest(lab):
    arn = lab.begin(many_lines("s3://images/", 40_000))
    waits = []
    while lab.status(arn) == "CREATE_IN_PROGRESS":
        began = time.monotonic()
        lab.project()
        waits.append(time.monotonic() - began)
    assert waits and max(waits) < 1.0, "the sanitizers' slowness included"
    assert lab.stats(arn)[0] == 40_000

