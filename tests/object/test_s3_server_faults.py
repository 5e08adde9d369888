"""A server whose S3 fails: what it was asked to do is done all the same, once, or fails with the error that is documented.

The faults are put where a kind of work needs the object store: the manifest of an ingest, the images and the manifests
of a training, what a training writes, the file of a model. What each must come to is what comes of it without a fault.
"""
import collections
import json
import threading

import pytest

from harness.fake_s3 import ACCESS, SECRET, FakeS3, Fault
from harness.images import picture
from harness.lab import error_of, fresh_region
from harness.manifests import image_entry, manifest
from harness.models import ModelLab, model_flags

pytestmark = pytest.mark.slow
KEYS = {"PLACARD_S3_ACCESS_KEY_ID": ACCESS, "PLACARD_S3_SECRET_ACCESS_KEY": SECRET}

UNREADABLE = "Unable to get object metadata from S3. Check object key, region and/or access permissions."

# One fault, after which the object store behaves.
PASSING = {
    "500": Fault(status=500),
    "503 SlowDown": Fault(status=503, code="SlowDown"),
    "no answer": Fault(hang_up=True),
    "silence": Fault(deaf=True),
    "cut in the head": Fault(cut_after=0),
    "cut in the middle": Fault(cut_after=700),
    "silence in the middle": Fault(silence_after=700),
    "fewer bytes": Fault(more=-100),
    "more bytes announced": Fault(more=100),
    "another etag": Fault(etag='"0123456789abcdef0123456789abcdef"'),
}


class FakeBucket:
    def __init__(self, fake, name):
        self.fake = fake
        self.name = name

    def put(self, key, data):
        self.fake.objects[self.name, key] = [("null", data)]
        return {"Bucket": self.name, "Name": key}

    def image(self, number):
        return f"s3://{self.name}/images/{number}.jpg"


class Once:
    """A plan: each object that `where` names fails once with the fault (or `times`), at a request of that method."""

    def __init__(self, fault, method, where, times=1):
        self.fault, self.method, self.where, self.times = fault, method, where, times
        self.lock = threading.Lock()
        self.met = collections.Counter()

    def __call__(self, method, bucket, key):
        if method != self.method or not self.where(key):
            return None
        with self.lock:
            self.met[key] += 1
            return self.fault if self.met[key] <= self.times else None


@pytest.fixture(name="stage")
def fixture_stage(start_server, tmp_path):
    """A lab on a server whose objects, and models, are in a fake S3, which is `lab.fake`."""
    with FakeS3() as fake:
        started = []

        def node():
            for one in started:
                one.ensure_stopped()
            started.append(start_server("--objects", fake.place(attempts=3, idle_s=1), "--store",
                                        f"sqlite:{tmp_path / 'rows.db'}", "--models", "bucket:models", *model_flags(),
                                        env=KEYS))
            lab = ModelLab(started[-1], region)
            lab.fake, lab.another = fake, node
            lab._bucket = FakeBucket(fake, "photos")
            return lab
        region = fresh_region()
        yield node()
        for one in started:
            one.ensure_stopped()
        assert not fake.refused, "a signature was wrong"


def entries(count):
    return [image_entry(f"s3://photos/{number}.jpg", "owl" if number % 2 else "emu") for number in range(count)]


# --- ingest --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [name for name in PASSING if name != "another etag"])
def test_an_ingest_bears_it(stage, fault):
    stage.fake.plan = Once(PASSING[fault], "GET", lambda key: key.endswith(".manifest"))
    arn = stage.create(entries(500))
    assert sum(stage.fake.plan.met.values()) > 1, "the fault was not met"
    assert stage.stats(arn) == (500, 500, 2, 0)
    stage.server.placard("fsck", "--store", stage.server.flags[3])


def test_an_ingest_bears_many_cuts(stage):
    stage.fake.plan = lambda method, bucket, key: Fault(cut_after=5000) if method == "GET" else None
    assert stage.stats(stage.create(entries(1000))) == (1000, 1000, 2, 0)


def test_a_manifest_of_another_etag(stage):
    stage.fake.plan = Once(PASSING["another etag"], "GET", lambda key: key.endswith(".manifest"))
    arn = stage.begin(entries(100))
    settled = stage.wait_while(arn, "CREATE_IN_PROGRESS")
    assert (settled["Status"], settled["StatusMessageCode"]) == ("CREATE_FAILED", "CLIENT_ERROR")
    assert "changed" in settled["StatusMessage"] and stage.stats(arn) == (0, 0, 0, 0)


def test_an_ingest_waits_for_the_object_store(stage):
    """Longer than one reading is patient: the job is tried again, from where it was."""
    down = threading.Event()
    down.set()
    stage.fake.plan = lambda method, bucket, key: Fault(status=503) if down.is_set() and method == "GET" else None
    arn = stage.begin(entries(500))
    while "job failed, to be tried again" not in stage.server.log():
        assert stage.status(arn) == "CREATE_IN_PROGRESS"
    assert stage.stats(arn) == (0, 0, 0, 0)
    down.clear()
    stage.wait_created(arn)
    assert stage.stats(arn) == (500, 500, 2, 0)


def test_what_cannot_be_looked_at_makes_no_dataset(stage):
    project = stage.project()
    source = stage.source(entries(3))
    stage.fake.plan = lambda method, bucket, key: Fault(status=503)
    assert error_of(stage.api.create_dataset, ProjectArn=project, DatasetType="TRAIN",
                    DatasetSource=source)[0] == "InternalServerError"
    stage.fake.plan = lambda method, bucket, key: None
    assert stage.api.describe_projects()["ProjectDescriptions"][0]["Datasets"] == []


def refuses(method, where):
    """A plan: requests of that method for what `where` names are forbidden."""
    return lambda asked, bucket, key: Fault(status=403, code="AccessDenied") if asked == method and where(key) else None


def test_a_manifest_that_may_not_be_read(stage):
    """It is looked at before the answer, and read after it."""
    project, source = stage.project(), stage.source(entries(3))
    stage.fake.plan = refuses("GET", lambda key: key.endswith(".manifest"))
    arn = stage.api.create_dataset(ProjectArn=project, DatasetType="TRAIN", DatasetSource=source)["DatasetArn"]
    settled = stage.wait_while(arn, "CREATE_IN_PROGRESS")
    assert (settled["Status"], settled["StatusMessageCode"], settled["StatusMessage"]) == (
        "CREATE_FAILED", "CLIENT_ERROR", "The S3 bucket permissions are incorrect.")
    stage.fake.plan = refuses("HEAD", lambda key: key.endswith(".manifest"))
    assert error_of(stage.api.create_dataset, ProjectArn=stage.project(), DatasetType="TRAIN",
                    DatasetSource=source) == ("InvalidS3ObjectException", UNREADABLE)


# --- training ------------------------------------------------------------------------------------------------------


@pytest.fixture(name="quiet")
def fixture_quiet(stage):
    """The files of a model that was trained without a fault, by the last part of their keys; and its project."""
    project = stage.trainable(each=3)
    stage.train(project, "quiet")
    return project, kept(stage)


def kept(stage):
    """The newest of each file of models, but for what holds a time or a name."""
    names = ("model", "TrainingGroundTruth.json", "TestingGroundTruth.json")
    files = {}
    for (bucket, key), versions in stage.fake.objects.items():
        if bucket == "models" and key.rsplit("/", 1)[-1] in names:
            files.setdefault(key.rsplit("/", 1)[0], {})[key.rsplit("/", 1)[1]] = versions[-1][1]
    return files[max(files)]["model"], sorted(files[max(files)])


def is_image(key):
    return key.endswith(".png")


def is_output(key):
    return key.endswith(".json") and key.startswith("output/")


@pytest.mark.parametrize("fault", ["500", "503 SlowDown", "silence", "cut in the middle", "fewer bytes", "another etag"])
def test_a_training_reads_its_images_all_the_same(stage, quiet, fault):
    project, model = quiet
    forget_images(stage)
    stage.fake.plan = Once(PASSING[fault], "GET", is_image)
    arn = stage.train(project, "disturbed", expected="TRAINING_COMPLETED")
    assert stage.fake.plan.met and kept(stage) == model
    assert stage.version(arn)["EvaluationResult"]["F1Score"] > 0.5


def forget_images(stage):
    """What was kept of images goes: they are read again."""
    for file in (stage.server.data / "features").rglob("*"):
        if file.is_file():
            file.unlink()


@pytest.mark.parametrize("fault", ["500", "503 SlowDown", "no answer", "silence", "an answer that is lost"])
def test_a_training_writes_its_outputs_all_the_same(stage, quiet, fault):
    project, model = quiet
    del stage.fake.puts[:]
    stage.fake.plan = Once(Fault(lost=True) if "lost" in fault else PASSING[fault], "PUT", is_output)
    stage.train(project, "disturbed")
    assert len(stage.fake.plan.met) == 6 and kept(stage) == model
    assert len({key for bucket, key in stage.fake.puts if bucket == "photos"}) == 6
    again = 12 if "lost" in fault else 6
    assert sum(bucket == "photos" for bucket, key in stage.fake.puts) == again


@pytest.mark.parametrize("fault", ["503 SlowDown", "an answer that is lost"])
def test_a_model_is_kept_all_the_same(stage, quiet, fault):
    project, model = quiet
    stage.fake.plan = Once(Fault(lost=True) if "lost" in fault else PASSING[fault], "PUT",
                           lambda key: key.rsplit("/", 1)[-1] in ("model", "result.json"))
    stage.train(project, "disturbed")
    assert len(stage.fake.plan.met) == 2 and kept(stage) == model


def test_a_training_waits_for_its_bucket(stage, quiet):
    """Longer than one put is patient: the training is not done over, only its end."""
    project, model = quiet
    down = threading.Event()
    down.set()
    stage.fake.plan = lambda method, bucket, key: (
        Fault(status=503) if down.is_set() and method == "PUT" and bucket == "models" else None)
    arn = stage.begin_training(project, "disturbed")
    while "job failed, to be tried again" not in stage.server.log():
        assert stage.version(arn)["Status"] == "TRAINING_IN_PROGRESS"
    down.clear()
    assert stage.wait_version(arn, "TRAINING_IN_PROGRESS")["Status"] == "TRAINING_COMPLETED"
    assert kept(stage) == model
    assert stage.server.log().count("kind=single-label") == 2, "the one of the quiet training, and its own"


@pytest.mark.parametrize("method", ["HEAD", "GET"])
def test_images_that_may_not_be_read(stage, method):
    project = stage.trainable(each=3)
    stage.fake.plan = refuses(method, is_image)
    version = stage.version(stage.train(project, expected="TRAINING_FAILED"))
    assert version["StatusMessage"] == "The permissions for the images S3 bucket are invalid."
    summary = version["ManifestSummary"]["S3Object"]
    _, text = stage.fake.objects[summary["Bucket"], summary["Name"]][-1]
    assert json.loads(text)["statistics"]["training"]["errors"][0] == {
        "code": "ERROR_INVALID_PERMISSIONS_IMAGES_S3_BUCKET", "message": version["StatusMessage"]}


def test_images_of_which_some_are_gone_and_the_others_may_not_be_read(stage):
    project = stage.trainable(each=3)
    stage.fake.plan = lambda method, bucket, key: (
        Fault(status=403 if "red" in key else 404) if method == "HEAD" and is_image(key) else None)
    version = stage.version(stage.train(project, expected="TRAINING_FAILED"))
    assert version["StatusMessage"] == "Failed to copy images from S3 bucket."


def test_manifests_that_may_not_be_read(stage):
    source = stage.bucket.put("train.manifest", manifest(entries(20)))
    assets = {"Assets": [{"GroundTruthManifest": {"S3Object": source}}]}
    stage.fake.plan = refuses("HEAD", lambda key: key.endswith(".manifest"))
    version = stage.version(stage.train(stage.project(), expected="TRAINING_FAILED", TrainingData=assets,
                                        TestingData={"AutoCreate": True}))
    assert version["StatusMessage"] == "The S3 bucket permissions are incorrect."
    assert "ManifestSummary" not in version


def test_a_bucket_that_refuses_the_outputs(stage, quiet):
    project, _ = quiet
    stage.fake.plan = lambda method, bucket, key: (
        Fault(status=403, code="AccessDenied") if method == "PUT" and bucket == "photos" else None)
    arn = stage.train(project, "refused", expected="TRAINING_FAILED")
    assert stage.version(arn)["StatusMessage"] == "Unable to write to output S3 bucket."


# --- a model's file ------------------------------------------------------------------------------------------------


def is_model(key):
    return key.endswith("/model")


@pytest.fixture(name="elsewhere")
def fixture_elsewhere(stage):
    """A version that runs, what it says, and a way to a node that has to fetch it."""
    arn = stage.train(stage.trainable(each=3))
    stage.start(arn)
    said = stage.detect(arn, MinConfidence=0)

    def go(plan):
        stage.fake.plan = plan
        return stage.another()
    return arn, said, go


@pytest.mark.parametrize("fault", ["500", "503 SlowDown", "no answer", "silence", "cut in the middle",
                                   "silence in the middle", "fewer bytes", "another etag", "flipped"])
def test_a_model_is_fetched_all_the_same(elsewhere, fault):
    arn, said, go = elsewhere
    if fault == "flipped":
        plan = Flipping(is_model)
    else:
        plan = Once(PASSING[fault], "GET", is_model)
    lab = go(plan)
    assert lab.wait_version(arn, "STARTING")["Status"] == "RUNNING"
    assert plan.met and lab.detect(arn, MinConfidence=0) == said


class Flipping:
    """The first answer has a bit that is another, under the same etag."""

    def __init__(self, where):
        self.where, self.met, self.good = where, 0, None

    def __call__(self, method, bucket, key):
        if method != "GET" or not self.where(key):
            return None
        self.met += 1
        return Fault(flip=5000) if self.met == 1 else None


def test_a_model_that_may_not_be_read(elsewhere):
    arn, _, go = elsewhere
    version = go(refuses("HEAD", is_model)).wait_version(arn, "STARTING")
    assert (version["Status"], version["StatusMessage"]) == (
        "FAILED", "The model's file is not there, or may not be read.")


def test_a_start_waits_for_the_object_store(elsewhere):
    arn, said, go = elsewhere
    down = threading.Event()
    down.set()
    lab = go(lambda method, bucket, key: Fault(status=503) if down.is_set() and is_model(key) else None)
    while "job failed, to be tried again" not in lab.server.log():
        assert lab.version(arn)["Status"] == "STARTING"
    down.clear()
    assert lab.wait_version(arn, "STARTING")["Status"] == "RUNNING"
    assert lab.detect(arn, MinConfidence=0) == said


def test_a_cached_model_needs_no_object_store(elsewhere):
    arn, said, go = elsewhere
    lab = go(lambda method, bucket, key: None)
    assert lab.wait_version(arn, "STARTING")["Status"] == "RUNNING"
    lab.fake.plan = lambda method, bucket, key: Fault(status=503)
    lab.server.restart()
    lab = type(lab)(lab.server, lab.region)
    assert lab.wait_version(arn, "STARTING")["Status"] == "RUNNING"
    assert lab.detect(arn, MinConfidence=0) == said
    assert "a model is served as it was cached" in lab.server.log()


def test_a_deletion_waits_for_the_object_store(elsewhere):
    arn, _, go = elsewhere
    lab = go(lambda method, bucket, key: None)
    lab.wait_version(arn, "STARTING")
    lab.stop(arn)
    down = threading.Event()
    down.set()
    lab.fake.plan = lambda method, bucket, key: Fault(status=500) if down.is_set() and method == "DELETE" else None
    lab.api.delete_project_version(ProjectVersionArn=arn)
    while "job failed, to be tried again" not in lab.server.log():
        assert lab.version(arn)["Status"] == "DELETING"
    down.clear()
    assert lab.wait_version(arn, "DELETING") is None
    assert not [key for bucket, key in lab.fake.objects if bucket == "models" and key]


# --- an image to look at -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("fault", [name for name in PASSING if name not in ("another etag", "fewer bytes")])
def test_an_image_is_looked_at_all_the_same(elsewhere, fault):
    arn, _, go = elsewhere
    lab = go(lambda method, bucket, key: None)
    lab.wait_version(arn, "STARTING")
    image = lab.bucket.put("asked.png", picture("red", "unseen"))
    said = lab.detect(arn, MinConfidence=0)
    lab.fake.plan = Once(PASSING[fault], "GET", lambda key: key == "asked.png")
    assert lab.api.detect_custom_labels(ProjectVersionArn=arn, Image={"S3Object": image},
                                        MinConfidence=0)["CustomLabels"] == said
    assert lab.fake.plan.met


def test_an_image_that_may_not_be_read(elsewhere):
    arn, _, go = elsewhere
    lab = go(lambda method, bucket, key: None)
    lab.wait_version(arn, "STARTING")
    image = lab.bucket.put("asked.png", picture("red", "unseen"))
    for method in ("HEAD", "GET"):
        lab.fake.plan = refuses(method, lambda key: key == "asked.png")
        assert error_of(lab.api.detect_custom_labels, ProjectVersionArn=arn, Image={"S3Object": image}) == (
            "InvalidS3ObjectException", UNREADABLE)
