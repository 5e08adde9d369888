"""Running models under load: what is refused over capacity, how workers grow, and that other calls do not wait."""
import concurrent.futures
import re
import time
import urllib.request

import botocore.exceptions
import pytest

from harness.clients import boto_client
from harness.images import picture
from harness.models import ModelLab, model_flags

pytestmark = pytest.mark.trains
CALLERS = 12
EACH = 4


def metric(server, name):
    page = urllib.request.urlopen(server.url + "/metrics", timeout=30).read().decode()
    return float(re.search(rf"^{re.escape(name)} (\S+)$", page, re.M).group(1))


@pytest.fixture(name="busy")
def fixture_busy(start_server):
    """A server whose queues are short, and a trained model on it."""
    server = start_server(*model_flags(), "--detect-queue", "1")
    lab = ModelLab(server)
    return lab, lab.train(lab.trainable(each=3))


def ask_at_once(lab, arn):
    """Many calls from many clients at the same time: how each ended."""
    image = picture("red", "asked")
    clients = [boto_client(lab.server, lab.region, lab.key) for _ in range(CALLERS)]

    def ask(client):
        ends = []
        for _ in range(EACH):
            try:
                client.detect_custom_labels(ProjectVersionArn=arn, Image={"Bytes": image}, MinConfidence=0)
                ends.append("OK")
            except botocore.exceptions.ClientError as error:
                ends.append(error.response["Error"]["Code"])
        return ends

    with concurrent.futures.ThreadPoolExecutor(CALLERS) as pool:
        return [end for ends in pool.map(ask, clients) for end in ends]


def test_over_capacity(busy):
    lab, arn = busy
    lab.start(arn)
    ends = ask_at_once(lab, arn)
    assert set(ends) == {"OK", "ProvisionedThroughputExceededException"}
    assert metric(lab.server, 'placard_detect_images_total{outcome="refused"}') == ends.count(
        "ProvisionedThroughputExceededException")
    assert metric(lab.server, 'placard_detect_images_total{outcome="answered"}') == ends.count("OK")
    assert metric(lab.server, "placard_detect_waiting") == 0
    # and afterwards it is as before
    assert lab.detect(arn, MinConfidence=0)


def test_workers_grow_to_the_most(busy):
    lab, arn = busy
    lab.start(arn, 1, MaxInferenceUnits=3)
    assert metric(lab.server, "placard_detect_workers") == 1
    ends = ask_at_once(lab, arn)
    assert ends.count("OK") > 0 and metric(lab.server, "placard_detect_workers") == 3
    lab.stop(arn)
    assert metric(lab.server, "placard_detect_workers") == 0 and metric(lab.server, "placard_models_running") == 0


def test_workers_shrink_to_the_least(start_server):
    """All that were added go, and go together, and none of those that were asked for: an image finds one at once."""
    server = start_server(*model_flags(), "--detect-idle-ms", "300")
    lab = ModelLab(server)
    arn = lab.train(lab.trainable(each=3))
    copies = [lab.copy_version(arn) for _ in range(3)]
    lab.start(arn, 2, MaxInferenceUnits=4)
    for copy in copies:
        lab.start(copy, 1, MaxInferenceUnits=3)
    for _ in range(3):
        for each in (arn, *copies):
            assert ask_at_once(lab, each).count("OK") > 0
        deadline = time.monotonic() + 60
        while metric(server, "placard_detect_workers") > 5 and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(1)
        assert metric(server, "placard_detect_workers") == metric(server, "placard_detect_workers_idle") == 5
        assert lab.detect(arn, MinConfidence=0)
    for each in (arn, *copies):
        lab.stop(each)
    assert metric(server, "placard_detect_workers") == 0


def test_other_calls_do_not_wait(busy):
    lab, arn = busy
    lab.start(arn, 2)
    dataset = lab.create(project=lab.project())
    took = []
    with concurrent.futures.ThreadPoolExecutor(1) as pool:
        load = pool.submit(ask_at_once, lab, arn)
        while not load.done():
            began = time.monotonic()
            lab.describe(dataset)
            took.append(time.monotonic() - began)
        assert load.result().count("OK") > 0
    took.sort()
    assert took[len(took) // 2] < 0.5, "half of them, with sanitizers, beside other tests"


def test_the_same_model_runs_twice(busy):
    """Two versions that share a backbone; stopping one leaves the other."""
    lab, arn = busy
    copy = lab.copy_version(arn)
    lab.start(arn)
    lab.start(copy)
    assert metric(lab.server, "placard_models_running") == 2
    answer = lab.detect(arn, MinConfidence=0)
    assert lab.detect(copy, MinConfidence=0) == answer
    lab.stop(arn)
    assert lab.detect(copy, MinConfidence=0) == answer
    lab.stop(copy)
