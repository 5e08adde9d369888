"""Models in a bucket: nodes with data directories of their own that share rows and objects serve the same version."""
import shutil
import subprocess

import pytest

from harness.faults import KILL, Board
from harness.images import picture
from harness.lab import error_of, fresh_name, fresh_region
from harness.manifests import Bucket
from harness.models import ModelLab, model_flags
from harness.server import BINARY, FAULTY_BINARY, environment

pytestmark = pytest.mark.slow  # it takes a trained model


class Fleet:
    """Data directories one after the other on one store (SQLite takes one server at a time) and one folder of buckets."""

    def __init__(self, start_server, folder):
        self.start_server = start_server
        self.folder = folder
        self.region = fresh_region()
        self.buckets = folder / "buckets"
        self.running = None
        self.options = {}
        self._bucket = None

    def node(self, name, *flags, models="bucket:models"):
        """A lab at the node of that name, the only one that runs then."""
        if self.running:
            self.running.ensure_stopped()
        more = ["--models", models] if models else []
        self.running = self.start_server("--store", f"sqlite:{self.folder / 'rows.db'}", "--objects",
                                         f"dir:{self.buckets}", *more, *model_flags(), *flags, data=self.folder / name, **self.options)
        lab = ModelLab(self.running, self.region)
        self._bucket = lab._bucket = self._bucket or Bucket(self.buckets / fresh_name("bucket"))
        return lab

    def kept(self, bucket="models"):
        return sorted(path for path in (self.buckets / bucket).rglob("*") if path.is_file())

    def cached(self, name):
        return sorted((self.folder / name / "models").glob("*/model"))


@pytest.fixture
def fleet(start_server, tmp_path):
    return Fleet(start_server, tmp_path)


OUTPUTS = ["EvaluationResultSummary.json", "ManifestSummary.json", "TestingGroundTruth.json",
           "TestingManifestWithValidation.json", "TrainingGroundTruth.json", "TrainingManifestWithValidation.json"]


def answer(lab, arn):
    return lab.detect(arn, picture("red", "asked"), MinConfidence=0)


def test_the_way_of_a_model_between_nodes(fleet):
    lab = fleet.node("a")
    arn = lab.train()
    assert sorted(path.name for path in fleet.kept()) == [*OUTPUTS, "model", "result.json"]
    model = next(path for path in fleet.kept() if path.name == "model")
    assert [path.read_bytes() for path in fleet.cached("a")] == [model.read_bytes()]
    assert sorted(path.name for path in fleet.cached("a")[0].parent.iterdir()) == ["model", "source"]
    lab.start(arn)
    said = answer(lab, arn)
    lab = fleet.node("b")
    assert lab.wait_version(arn, "STARTING")["Status"] == "RUNNING"
    assert answer(lab, arn) == said
    assert [path.read_bytes() for path in fleet.cached("b")] == [model.read_bytes()]
    copy = lab.copy_version(arn)
    assert len(fleet.kept()) == 8 + 7, "a copy has no result of a training"
    lab = fleet.node("c")
    lab.start(copy)
    assert answer(lab, copy) == said
    for one in (arn, copy):
        lab.stop(one)
        lab.delete_version(one)
    assert fleet.kept() == [] and fleet.cached("c") == []
    assert not list((fleet.buckets / "models").iterdir()), "empty folders go, too"


@pytest.fixture(name="running")
def fixture_running(fleet):
    """A fleet with a version that is to run, and what it says."""
    lab = fleet.node("a")
    arn = lab.train()
    lab.start(arn)
    return fleet, arn, answer(lab, arn)


def damage(path, how):
    content = bytearray(path.read_bytes())
    if how == "cut":
        del content[len(content) // 2:]
    else:
        content[len(content) // 2] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize("how", ["cut", "flipped", "gone", "noted wrongly"])
def test_a_cache_that_cannot_be_trusted_is_fetched_again(running, how):
    fleet, arn, said = running
    fleet.running.ensure_stopped()
    file, = fleet.cached("a")
    good = file.read_bytes()
    if how == "gone":
        file.unlink()
    elif how == "noted wrongly":
        note = file.with_name("source")
        note.write_text(note.read_text().replace("version/", "version/x"))
        damage(file, "flipped")
    else:
        damage(file, how)
    lab = fleet.node("a")
    assert lab.wait_version(arn, "STARTING")["Status"] == "RUNNING"
    assert answer(lab, arn) == said and file.read_bytes() == good


def test_a_sound_cache_is_not_fetched_again(running):
    fleet, arn, said = running
    file, = fleet.cached("a")
    before = file.stat().st_mtime_ns
    lab = fleet.node("a")
    assert lab.wait_version(arn, "STARTING")["Status"] == "RUNNING"
    assert answer(lab, arn) == said and file.stat().st_mtime_ns == before


@pytest.mark.parametrize("how", ["cut", "flipped"])
def test_a_model_damaged_where_it_is_kept(running, how):
    fleet, arn, _ = running
    fleet.running.ensure_stopped()
    damage(next(path for path in fleet.kept() if path.name == "model"), how)
    lab = fleet.node("b")
    description = lab.wait_version(arn, "STARTING")
    assert description["Status"] == "FAILED" and "model" in description["StatusMessage"]
    assert fleet.cached("b") == []
    assert fleet.running.log().count("a model arrived damaged") == 2


def test_a_model_that_is_not_there(running):
    fleet, arn, _ = running
    fleet.running.ensure_stopped()
    next(path for path in fleet.kept() if path.name == "model").unlink()
    for name in "ba":
        lab = fleet.node(name)
        if name == "a":
            lab.begin_start(arn)
        description = lab.wait_version(arn, "STARTING")
        assert (description["Status"], description["StatusMessage"]) == (
            "FAILED", "The model's file is not there, or may not be read.")


def test_the_cache_has_a_size(fleet):
    lab = fleet.node("a")
    arn = lab.train()
    copies = [lab.copy_version(arn) for _ in range(2)]
    size = fleet.cached("a")[0].stat().st_size
    lab = fleet.node("b", "--models-cache-bytes", str(2 * size))
    for one in (arn, *copies):
        lab.start(one)
    assert len(fleet.cached("b")) == 2
    said = answer(lab, copies[1])
    assert answer(lab, arn) == said, "what runs needs no file"
    lab = fleet.node("c", "--models-cache-bytes", "0")
    for one in (arn, *copies):
        lab.wait_version(one, "STARTING")
        assert answer(lab, one) == said
    assert len(fleet.cached("c")) == 1


def test_a_model_of_before_goes_into_the_bucket(fleet):
    lab = fleet.node("a", models=None)
    arn = lab.train()
    lab.start(arn)
    said = answer(lab, arn)
    assert fleet.kept() == []
    lab = fleet.node("a", models="bucket:shared/of/placard")
    assert lab.wait_version(arn, "STARTING")["Status"] == "RUNNING"
    kept = fleet.kept("shared")
    assert len(kept) == 8 and all("shared/of/placard/" in str(path) for path in kept)
    assert sorted(path.name for path in fleet.cached("a")[0].parent.iterdir()) == ["model", "source"]
    lab = fleet.node("b", models="bucket:shared/of/placard")
    assert lab.wait_version(arn, "STARTING")["Status"] == "RUNNING"
    assert answer(lab, arn) == said


def test_no_caller_may_name_what_is_kept_there(fleet):
    lab = fleet.node("a", models="bucket:shared/of")
    arn = lab.train()
    lab.start(arn)
    key = str(next(path for path in fleet.kept("shared") if path.name == "result.json").relative_to(
        fleet.buckets / "shared"))
    project = lab.project()
    source = {"GroundTruthManifest": {"S3Object": {"Bucket": "shared", "Name": key}}}
    assert error_of(lab.api.create_dataset, ProjectArn=project, DatasetType="TRAIN",
                    DatasetSource=source)[0] == "InvalidS3ObjectException"
    assert error_of(lab.api.detect_custom_labels, ProjectVersionArn=arn,
                    Image={"S3Object": {"Bucket": "shared", "Name": key}})[0] == "InvalidS3ObjectException"
    wish = {"ProjectArn": lab.project_of(arn), "VersionName": "next"}
    assert error_of(lab.api.create_project_version, OutputConfig={"S3Bucket": "shared", "S3KeyPrefix": "of/x"},
                    **wish)[0] == "AccessDeniedException"
    # beside the prefix the bucket is like any other
    (fleet.buckets / "shared" / "red.png").write_bytes(picture("red", "asked"))
    assert lab.api.detect_custom_labels(ProjectVersionArn=arn, MinConfidence=0, Image={
        "S3Object": {"Bucket": "shared", "Name": "red.png"}})["CustomLabels"] == answer(lab, arn)


TRAINERS_PUTS = 6


def begin_and_be_killed(fleet, tmp_path, kind, nth=1, what=""):
    """A training whose node is killed there; its folder goes, too, as if the node never came back."""
    board = Board(tmp_path / "board")
    fleet.options = {"binary": FAULTY_BINARY, "env": board.env}
    lab = fleet.node("a")
    project = lab.trainable()
    board.plan(KILL, kind, nth, what=what)
    arn = lab.begin_training(project)
    fleet.running.process.wait(120)
    fleet.running.process = None
    shutil.rmtree(fleet.folder / "a")
    fleet.options = {}
    return arn


def test_a_node_that_comes_later_takes_the_result(fleet, tmp_path):
    """The first one kept its model and was killed before it could say so."""
    arn = begin_and_be_killed(fleet, tmp_path, "commit", what="version_finish")
    lab = fleet.node("b")
    description = lab.wait_version(arn, "TRAINING_IN_PROGRESS")
    assert description["Status"] == "TRAINING_COMPLETED" and description["EvaluationResult"]["F1Score"] > 0
    assert "kind=single-label" not in fleet.running.log(), "it was trained again"
    lab.start(arn)


def test_a_node_that_comes_sooner_trains_anew(fleet, tmp_path):
    """The first one was killed while it kept its model: the other comes to the very same one."""
    arn = begin_and_be_killed(fleet, tmp_path, "put", TRAINERS_PUTS + 3)
    assert 0 < len(fleet.kept()) < 8
    lab = fleet.node("b")
    assert lab.wait_version(arn, "TRAINING_IN_PROGRESS")["Status"] == "TRAINING_COMPLETED"
    lab.train(lab.project_of(arn))
    one, other = [path.read_bytes() for path in fleet.kept() if path.name == "model"]
    assert one == other and len(fleet.kept()) == 16


@pytest.mark.parametrize("place", ["models", "bucket:", "bucket:ab", "bucket:models/", "bucket:models/a/../b",
                                   "bucket:models//a", "dir:/tmp"])
def test_places_that_are_none(place):
    run = subprocess.run([BINARY, "check-config", "--models", place], capture_output=True, text=True,
                         env=environment(), check=False)
    assert run.returncode == 2 and "models: " in run.stderr
