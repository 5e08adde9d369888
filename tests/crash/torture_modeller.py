"""The client of the torture that trains, copies, starts, stops and deletes model versions.

A version's name begins with what it sees: all trainings on the same pictures, and all copies of them, must give the very
same answer to one picture, however often the server was killed under them. What it owns is a world as the other clients'.
"""
import json

from harness.images import COLOURS, picture
from harness.manifests import Bucket, image_entry, manifest
from harness.models import training_entries
from crash.torture_clients import PROJECTS_MOST, Client
from crash.torture_model import Dataset, Version, Wrong, versions_of

VERSIONS_MOST = 5  # of one project
RUNNING_MOST = 2
MODEL_MOVES = {"create_project": 2, "delete_project": 1, "train_good": 1, "train_poor": 2, "train_long": 0, "train_split": 0.5,
               "copy": 5, "start_version": 5, "stop_version": 3, "delete_version": 3, "tag": 3, "untag": 2, "put_policy": 1,
               "delete_policy": 1, "delete_dataset": 1, "look": 3}
MODEL_TOWARDS = {"ended": ["copy", "start_version", "stop_version"], "version_finish": ["copy", "start_version", "stop_version"],
                 "version_remove": ["copy", "delete_version"], "version_restart": ["start_version"], "tell": ["train_long"],
                 "job_cancel": ["train_long"]}
COPIED_FROM = ("TRAINING_COMPLETED", "COPYING_COMPLETED", "RUNNING", "STOPPED")
STARTED_FROM = ("TRAINING_COMPLETED", "COPYING_COMPLETED", "STOPPED")
DELETED_FROM = (*STARTED_FROM, "TRAINING_FAILED")
UNSEEN = picture("red", "unseen")


class Pictures:
    """A bucket with manifests of pictures: enough of them, none that is there, and so many that a training takes seconds."""

    def __init__(self, folder):
        bucket = Bucket(folder)
        self.folder = folder
        self.good = training_entries(bucket)
        self.test = training_entries(bucket, folder="test")
        self.wide = training_entries(bucket, each=10, folder="wide")
        bucket.put("good.manifest", manifest(self.good))
        bucket.put("test.manifest", manifest(self.test))
        bucket.put("poor.manifest", manifest(image_entry(bucket.image(number), "red") for number in range(4)))
        bucket.put("long.manifest", manifest(training_entries(bucket, tuple(COLOURS), 20, "long")))

    def data(self, name):
        """TrainingData or TestingData of a manifest."""
        place = {"Bucket": self.folder.name, "Name": f"{name}.manifest"}
        return {"Assets": [{"GroundTruthManifest": {"S3Object": place}}]}

    def output(self):
        return {"S3Bucket": self.folder.name, "S3KeyPrefix": "output"}


def sight_of(version):
    return version.split(".")[0]


class Modeller(Client):
    """`pictures` and `sights` (what each kind of model answers) are shared by its lives; `models` is the server's folder."""

    def __init__(self, number, rng, pictures, models, sights=None):
        super().__init__(number, rng, pictures.folder)
        self.prefix = f"models{number}-"
        self.pictures = pictures
        self.models = models
        self.sights = {} if sights is None else sights
        self.weights = dict(MODEL_MOVES)

    def successor(self):
        other = Modeller(self.number, self.rng, self.pictures, self.models, self.sights)
        other.world, other.counter, other.calls = self.world, self.counter, self.calls
        return other

    def head_for(self, point):
        super().head_for(point)
        for move in MODEL_TOWARDS.get(point, []):
            self.weights[move] = 40

    def verify(self):
        """Of the versions also their answers, and the files: one folder for each that has a model, and none besides."""
        super().verify()
        whole = [version.arn for _, _, version in self.versions() if version.has_model()]
        folders = sorted(path.name for path in self.models.glob("*"))
        if len(folders) != len(whole) or any(not (self.models / name / "model").is_file() for name in folders):
            raise Wrong(f"the folders {folders} are kept of the models {whole}")
        for name, version, _ in self.versions(("RUNNING",)):
            self.ask(name, version)

    # --- which one ---

    def versions(self, statuses=None):
        """(project's name, version's name, version) of those that are, or will be, in one of the statuses."""
        return [(name, version, row) for name, project in sorted(self.world.projects.items())
                for version, row in sorted(project.versions.items())
                if statuses is None or set(row.statuses) <= set(statuses)]

    def pick_version(self, statuses):
        found = self.versions(statuses)
        return self.rng.choice(found) if found else (None, None, None)

    def refusals_of(self, name, *more):
        return () if self.is_quiet(name) else ("ResourceInUseException", *more)

    def settle(self, name, before=None):
        project = self.world.projects[name]
        for version, description in self.seen_versions(name).items():
            expected = project.versions.get(version)
            if expected is None:
                raise Wrong(f"{name} has a version {version}, which was deleted")
            if description["Status"] not in expected.statuses:
                raise Wrong(f"{description['ProjectVersionArn']} became {description['Status']} "
                            f"({description['StatusMessage']}), not one of {expected.statuses}")
            expected.statuses = (description["Status"],)
            if expected.has_model():
                self.check_outputs(description)
        super().settle(name, before)

    def seen_versions(self, name):
        project = self.world.projects[name]
        seen = versions_of(self.api, project.arn)
        if set(project.versions) - set(seen):
            raise Wrong(f"{name} lost {sorted(set(project.versions) - set(seen))}")
        return seen

    def check_outputs(self, description):
        place = description["EvaluationResult"]["Summary"]["S3Object"]
        summary = json.loads((self.folder.parent / place["Bucket"] / place["Name"]).read_bytes())
        if abs(summary["AggregatedEvaluationResults"]["F1Score"] - description["EvaluationResult"]["F1Score"]) > 1e-4:
            raise Wrong(f"{description['ProjectVersionArn']}: {description['EvaluationResult']} is not {summary}")

    def after_version(self, name, likely=0.5):
        self.unsettled.add(name)
        if self.rng.random() < likely:
            self.settle(name)

    # --- the moves ---

    def train(self, kind, statuses, testing="test", datasets=None):
        names = sorted(self.world.projects)
        name = self.rng.choice([each for each in names if self.trains(each, datasets)] or [None])
        if name is None:
            return self.create_project() if len(names) < PROJECTS_MOST else self.delete_version()
        self.counter += 1
        version = f"{kind}.train{self.counter}"
        data = {} if datasets else {"TrainingData": self.pictures.data(kind), "TestingData": self.pictures.data(testing)}

        def effect(world, answer):
            project = world.projects[name]
            project.versions[version] = Version(answer and answer["ProjectVersionArn"], statuses, {"kind": kind})
            if datasets:
                project.datasets["TEST"] = Dataset(None, {}, ())
                project.distributed = True
        refusals = self.refusals_of(name, "InvalidParameterException")  # a dataset that is being deleted is one still
        if self.attempt(self.api.create_project_version, effect, refusals, VersionName=version,
                        ProjectArn=self.world.projects[name].arn, OutputConfig=self.pictures.output(),
                        Tags={"kind": kind}, **data):
            if datasets:
                self.world.projects[name].datasets["TEST"].arn = self.arn_of_test(name)
            self.after_version(name, 0.2)
        return None

    def trains(self, name, datasets):
        project = self.world.projects[name]
        kinds = {"TRAIN"} if datasets else set()
        return len(project.versions) < VERSIONS_MOST and set(project.datasets) == kinds

    def arn_of_test(self, name):
        (row,) = self.api.describe_projects(ProjectNames=[name])["ProjectDescriptions"]
        return next(each["DatasetArn"] for each in row["Datasets"] if each["DatasetType"] == "TEST")

    def train_good(self):
        self.train("good", ("TRAINING_COMPLETED",))

    def train_poor(self):
        self.train("poor", ("TRAINING_FAILED",), "poor")

    def train_long(self):
        """The operator may cancel it; one of them at a time."""
        if not any(sight_of(version) == "long" and len(row.statuses) > 1 for _, version, row in self.versions()):
            self.train("long", ("TRAINING_COMPLETED", "TRAINING_FAILED"))

    def train_split(self):
        """On a training dataset, of which a fifth is split off to test."""
        name = self.pick_project(lambda project: set(project.datasets) == {"TRAIN"} and not project.versions)
        if name is not None:
            self.settle(name)
            return self.train(f"split{self.counter}", ("TRAINING_COMPLETED",), datasets=True)
        name = self.pick_project(lambda project: not project.datasets and not project.versions)
        if name is None:
            return self.create_project()
        entries = {entry["source-ref"]: entry["attribute-0-metadata"]["class-name"] for entry in self.pictures.wide}

        def effect(world, answer):
            world.projects[name].datasets["TRAIN"] = Dataset(answer and answer["DatasetArn"], dict(entries),
                                                             ("CREATE_COMPLETE",))
        refusals = () if self.is_quiet(name) else ("ResourceAlreadyExistsException",)
        if self.attempt(self.api.create_dataset, effect, refusals, ProjectArn=self.world.projects[name].arn,
                        DatasetType="TRAIN", DatasetSource=self.put(self.pictures.wide)):
            self.after_promise(name, None)
        return None

    def copy(self):
        source_name, source, row = self.pick_version(COPIED_FROM)
        name = self.pick_project(lambda project: len(project.versions) < VERSIONS_MOST)
        if source is None or not self.is_quiet(source_name):
            return self.train_good() if source is None else self.settle(source_name)
        if name is None:
            return self.delete_version()
        self.counter += 1
        copy = f"{sight_of(source)}.copy{self.counter}"

        def effect(world, answer):
            world.projects[name].versions[copy] = Version(answer and answer["ProjectVersionArn"], ("COPYING_COMPLETED",))
        self.attempt(self.api.copy_project_version, effect, VersionName=copy,
                     SourceProjectArn=self.world.projects[source_name].arn, SourceProjectVersionArn=row.arn,
                     DestinationProjectArn=self.world.projects[name].arn, OutputConfig=self.pictures.output())
        return self.after_version(name)

    def move_version(self, call, source, target, **more):
        """A call that takes a version from one of the statuses to the target; None: away."""
        name, version, row = self.pick_version(source)
        if version is None:
            return False

        def effect(world, _):
            if target:
                world.projects[name].versions[version].statuses = (target,)
            else:
                world.projects[name].versions.pop(version)
        if self.attempt(call, effect, self.refusals_of(name), ProjectVersionArn=row.arn, **more):
            self.after_version(name)
        return True

    def start_version(self):
        if len(self.versions(("RUNNING",))) >= RUNNING_MOST:
            return self.stop_version()
        if not self.move_version(self.api.start_project_version, STARTED_FROM, "RUNNING", MinInferenceUnits=1):
            self.copy()
        return None

    def stop_version(self):
        self.move_version(self.api.stop_project_version, ("RUNNING",), "STOPPED")

    def delete_version(self):
        """But not the last one that copies could be made of."""
        if len(self.versions(COPIED_FROM)) > 1:
            self.move_version(self.api.delete_project_version, DELETED_FROM, None)

    def look(self):
        """A running version answers as all of its kind do."""
        name, version, _ = self.pick_version(("RUNNING",))
        if name is None:
            return
        self.settle(name)
        self.ask(name, version)

    def ask(self, name, version):
        said = self.api.detect_custom_labels(ProjectVersionArn=self.world.projects[name].versions[version].arn,
                                             Image={"Bytes": UNSEEN}, MinConfidence=0)["CustomLabels"]
        expected = self.sights.setdefault(sight_of(version), said)
        if said != expected:
            raise Wrong(f"{name} {version} sees {said}, others of its kind {expected}")
