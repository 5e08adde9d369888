"""Clients that do what comes to their minds, until the server dies under them.

Each owns the projects whose names begin with its prefix, so it knows what they must look like; they share the server,
its one writer, its runner and its disk. Everything random comes from the client's own generator.
"""
import threading

import botocore.exceptions

from harness.clients import boto_client
from harness.manifests import image_entry, manifest
from crash.torture_model import (Dataset, Project, World, Wrong, differences, entries_of, observe, stats_of,
                           wait_settled)

LABELS = ["ant", "bee", "cat", "dog", "emu"]
PROJECTS_MOST = 3
DEAD = (botocore.exceptions.HTTPClientError, botocore.exceptions.ConnectionError, ConnectionError)

# How likely each move is, and which are made likelier so that a commit point is reached.
MOVES = {"create_project": 3, "delete_project": 2, "create_dataset": 8, "update": 8, "distribute": 5, "delete_dataset": 4,
         "tag": 3, "untag": 2, "put_policy": 2, "delete_policy": 1, "look": 3}
TOWARDS = {"project_delete": "delete_project", "dataset_distribute": "distribute", "settle_refs_of": "distribute",
           "run_settling": "update", "dataset_update": "update", "undo_part": "update", "tag_add": "tag",
           "tag_remove": "untag", "dataset_delete": "delete_dataset", "run_delete": "delete_dataset",
           "stage_give_up": "update", "run_giving_up": "update", "project_policy_put": "put_policy",
           "project_policy_delete": "delete_policy"}
POLICY = ('{{"Version":"2012-10-17","Statement":[{{"Effect":"Allow","Principal":{{"AWS":"{:012}"}},'
          '"Action":"rekognition:CopyProjectVersion","Resource":"*"}}]}}')


class Client(threading.Thread):
    def __init__(self, number, rng, folder):
        super().__init__(daemon=True)
        self.number = number
        self.prefix = f"client{number}-"
        self.rng = rng
        self.folder = folder  # of the bucket that manifests are put into
        self.world = World()
        self.maybe = None  # the world as a call that was not answered may have left it
        self.unsettled = set()  # projects with jobs that nobody waited for
        self.deleted = []  # (project's name, ARN) of datasets being deleted
        self.counter = 0
        self.calls = 0
        self.wrong = None
        self.api = None
        self.weights = dict(MOVES)
        self.ends = threading.Event()

    # --- a life: from a start of the server to its death ---

    def successor(self):
        """A thread runs once; the client goes on in another."""
        other = type(self)(self.number, self.rng, self.folder)
        other.world, other.counter, other.calls = self.world, self.counter, self.calls
        return other

    def connect(self, server, region):
        self.api = boto_client(server, region)

    def head_for(self, point):
        if TOWARDS.get(point) in self.weights:
            self.weights[TOWARDS[point]] = 40

    def verify(self):
        """After a start: the server shows the world, or the one that the unanswered call may have made."""
        seen = observe(self.api, self.prefix)
        candidates = [self.world] + ([self.maybe] if self.maybe else [])
        said = [differences(candidate, seen) for candidate in candidates]
        if all(said):
            raise Wrong(f"{self.prefix}: " + " — or — ".join("; ".join(each) for each in said))
        self.world, self.maybe, self.unsettled = seen, None, set()

    def run(self):
        try:
            while not self.ends.is_set():
                moves = list(self.weights)
                move = self.rng.choices(moves, [self.weights[name] for name in moves])[0]
                getattr(self, move)()
        except DEAD:
            pass
        except Exception as wrong:  # reported by the epoch, with the seed
            self.wrong = wrong

    # --- one call ---

    def attempt(self, call, effect, refusals=(), **arguments):
        """`effect(world, answer)` is what the call does; answer is None where nobody heard it. False: refused."""
        maybe = self.world.copy()
        effect(maybe, None)
        self.maybe = maybe
        try:
            answer = call(**arguments)
        except botocore.exceptions.ClientError as error:
            self.maybe = None
            if error.response["Error"]["Code"] in refusals:
                return False
            raise
        effect(self.world, answer)
        self.maybe = None
        self.calls += 1
        return True

    def pick_project(self, fits=lambda project: True):
        names = sorted(name for name, project in self.world.projects.items() if fits(project))
        return self.rng.choice(names) if names else None

    def pick_dataset(self, fits):
        """(project's name, kind) of a dataset that fits."""
        places = sorted((name, kind) for name, project in self.world.projects.items()
                        for kind, dataset in project.datasets.items() if fits(dataset))
        return self.rng.choice(places) if places else (None, None)

    def is_quiet(self, name):
        return name not in self.unsettled

    def settle(self, name, before=None):
        """Waits for the project's jobs; `before`: what its datasets' statistics may be until then."""
        project = self.world.projects[name]
        for kind, dataset in list(project.datasets.items()):
            during = None if before is None else [before.get(kind, (0, 0, 0, 0)), dataset.stats()]
            description = wait_settled(self.api, dataset.arn, None if project.distributed else during)
            if description is None:
                raise Wrong(f"{dataset.arn} is gone")
            if project.distributed:
                continue
            if stats_of(description) != dataset.stats() or description["Status"] not in dataset.statuses:
                raise Wrong(f"{dataset.arn} became {description['Status']} {stats_of(description)}, not "
                            f"{dataset.statuses} {dataset.stats()}")
        if project.distributed:
            self.adopt(name)
        for owner, arn in self.deleted:
            if owner == name and wait_settled(self.api, arn) is not None:
                raise Wrong(f"{arn} was deleted and is there")
        self.deleted = [(owner, arn) for owner, arn in self.deleted if owner != name]
        self.unsettled.discard(name)

    def adopt(self, name):
        """Which fifth a distribution took is seen afterwards."""
        seen, want = World(), World()
        project = want.projects[name] = self.world.projects[name]
        twin = seen.projects[name] = Project(project.arn, project.tags)
        twin.versions, twin.policies = project.versions, project.policies
        for kind, dataset in project.datasets.items():
            status = self.api.describe_dataset(DatasetArn=dataset.arn)["DatasetDescription"]["Status"]
            twin.datasets[kind] = Dataset(dataset.arn, entries_of(self.api, dataset.arn), (status,), dataset.tags)
        said = differences(want, seen)
        if said:
            raise Wrong("; ".join(said))
        self.world.projects[name] = twin

    def stats_before(self, name):
        """None where jobs are under way: then it is not known here what shows meanwhile."""
        if not self.is_quiet(name):
            return None
        return {kind: dataset.stats() for kind, dataset in self.world.projects[name].datasets.items()}

    def after_promise(self, name, before):
        self.unsettled.add(name)
        if self.rng.random() < 0.5:
            self.settle(name, before)

    def fresh_sources(self, count):
        first, self.counter = self.counter, self.counter + count
        return [f"s3://{self.prefix}images/{number}.jpg" for number in range(first, first + count)]

    def some(self):
        """A number of entries: mostly few, sometimes thousands."""
        return self.rng.randint(*self.rng.choices([(1, 30), (100, 400), (1500, 4000)], [6, 3, 1])[0])

    def labelled(self, sources):
        return {source: self.rng.choice(LABELS + [None]) for source in sources}

    # --- the moves ---

    def create_project(self):
        if len(self.world.projects) >= PROJECTS_MOST:
            return
        self.counter += 1
        name = f"{self.prefix}{self.counter}"

        def effect(world, answer):
            world.projects[name] = Project(answer and answer["ProjectArn"], {})
        self.attempt(self.api.create_project, effect, ProjectName=name)

    def delete_project(self):
        name = self.pick_project(lambda project: not project.datasets and not project.versions)
        if name is None:
            return
        refusals = () if self.is_quiet(name) else ("ResourceInUseException",)
        self.attempt(self.api.delete_project, lambda world, answer: world.projects.pop(name), refusals,
                     ProjectArn=self.world.projects[name].arn)

    def create_dataset(self):
        kinds = ["TRAIN", "TEST"]
        name = self.pick_project(lambda project: len(project.datasets) < 2)
        if name is None:
            return
        kind = next(kind for kind in kinds if kind not in self.world.projects[name].datasets)
        before = self.stats_before(name)
        source, entries, status = self.rng.choice([self.from_manifest, self.from_manifest, self.from_bad_manifest,
                                                   self.from_nothing, self.from_copy])()
        wish = {"DatasetSource": source} if source else {}

        def effect(world, answer):
            world.projects[name].datasets[kind] = Dataset(answer and answer["DatasetArn"], dict(entries), (status,))
        refusals = () if self.is_quiet(name) else ("ResourceAlreadyExistsException",)
        if self.attempt(self.api.create_dataset, effect, refusals, ProjectArn=self.world.projects[name].arn,
                        DatasetType=kind, **wish):
            self.after_promise(name, before)

    def put(self, lines):
        self.counter += 1
        key = f"{self.prefix}{self.counter}.manifest"
        (self.folder / key).write_bytes(manifest(lines))
        return {"GroundTruthManifest": {"S3Object": {"Bucket": self.folder.name, "Name": key}}}

    def from_manifest(self):
        """Some lines twice (the first stays) and some that are none, below a fifth of all."""
        entries = self.labelled(self.fresh_sources(self.some()))
        lines = [image_entry(source, *([label] if label else [])) for source, label in entries.items()]
        bad = len(lines) // 10
        lines += [image_entry(self.rng.choice(list(entries)), "late") for _ in range(self.rng.randint(0, bad))]
        lines += [b"{}"] * self.rng.randint(0, bad // 2)
        return self.put(lines), entries, "CREATE_COMPLETE"

    def from_bad_manifest(self):
        lines = [image_entry(source, "cat") for source in self.fresh_sources(self.some())]
        return self.put(lines + [image_entry("s3://elsewhere/1.jpg")]), {}, "CREATE_FAILED"

    def from_nothing(self):
        return None, {}, "CREATE_COMPLETE"

    def from_copy(self):
        name, kind = self.pick_dataset(lambda dataset: "CREATE_FAILED" not in dataset.statuses)
        if name is None:
            return self.from_nothing()
        self.settle(name)
        dataset = self.world.projects[name].datasets[kind]
        return {"DatasetArn": dataset.arn}, dataset.entries, "CREATE_COMPLETE"

    def update(self):
        name, kind = self.pick_dataset(lambda dataset: "CREATE_FAILED" not in dataset.statuses)
        if name is None:
            return
        if self.world.projects[name].distributed or self.rng.random() < 0.5:
            self.settle(name)
        before = self.stats_before(name)
        old = self.world.projects[name].datasets[kind].entries
        known = list(old)
        chosen = self.rng.sample(known, min(len(known), self.some())) if known else []
        changes = self.labelled(chosen + self.fresh_sources(self.some()))
        fails = self.rng.random() < 0.25
        lines = [image_entry(source, "early") for source in list(changes)[:3]]  # the last of one source-ref counts
        lines += [image_entry(source, *([label] if label else [])) for source, label in changes.items()]
        if fails:
            lines.append(image_entry("s3://elsewhere/1.jpg"))

        def effect(world, _):
            dataset = world.projects[name].datasets[kind]
            dataset.statuses = ("UPDATE_FAILED" if fails else "UPDATE_COMPLETE",)
            if not fails:
                dataset.entries.update(changes)
        refusals = () if self.is_quiet(name) else ("ResourceInUseException",)
        if self.attempt(self.api.update_dataset_entries, effect, refusals, Changes={"GroundTruth": manifest(lines)},
                        DatasetArn=self.world.projects[name].datasets[kind].arn):
            self.after_promise(name, before)

    def distribute(self):
        def fits(project):
            sides = project.datasets
            return set(sides) == {"TRAIN", "TEST"} and sides["TRAIN"].entries and not sides["TEST"].entries \
                and not any("CREATE_FAILED" in dataset.statuses for dataset in sides.values())
        name = self.pick_project(fits)
        if name is None:
            return
        self.settle(name)
        if not fits(self.world.projects[name]):
            return

        def effect(world, _):
            world.projects[name].distributed = True
        sides = self.world.projects[name].datasets
        self.attempt(self.api.distribute_dataset_entries, effect,
                     Datasets=[{"Arn": sides["TRAIN"].arn}, {"Arn": sides["TEST"].arn}])
        self.after_promise(name, None)

    def delete_dataset(self):
        name, kind = self.pick_dataset(lambda dataset: True)
        if name is None or self.world.projects[name].distributed:
            return
        refusals = () if self.is_quiet(name) else ("ResourceInUseException",)
        arn = self.world.projects[name].datasets[kind].arn
        if self.attempt(self.api.delete_dataset, lambda world, answer: world.projects[name].datasets.pop(kind), refusals,
                        DatasetArn=arn):
            self.unsettled.add(name)
            self.deleted.append((name, arn))

    def pick_tagged(self):
        """A function from a world to the project, dataset or version chosen, or None."""
        name = self.pick_project()
        if name is None:
            return None
        project = self.world.projects[name]
        kind, chosen = self.rng.choice([(None, None), *(("datasets", each) for each in sorted(project.datasets)),
                                        *(("versions", each) for each in sorted(project.versions))])
        return lambda world: getattr(world.projects[name], kind)[chosen] if kind else world.projects[name]

    def tag(self):
        chosen = self.pick_tagged()
        if chosen is None:
            return
        tags = {f"key{self.rng.randint(0, 5)}": str(self.rng.randint(0, 99)) for _ in range(self.rng.randint(1, 3))}
        self.attempt(self.api.tag_resource, lambda world, answer: chosen(world).tags.update(tags),
                     ResourceArn=chosen(self.world).arn, Tags=tags)

    def untag(self):
        chosen = self.pick_tagged()
        if chosen is None or not chosen(self.world).tags:
            return
        key = self.rng.choice(sorted(chosen(self.world).tags))
        self.attempt(self.api.untag_resource, lambda world, answer: chosen(world).tags.pop(key),
                     ResourceArn=chosen(self.world).arn, TagKeys=[key])

    def put_policy(self):
        """Attaches one of two policies, or replaces the one there is."""
        name = self.pick_project()
        if name is None:
            return
        self.counter += 1
        policy, document = self.rng.choice(["one", "two"]), POLICY.format(self.counter)
        there = self.world.projects[name].policies.get(policy)
        wish = {"PolicyRevisionId": there[1]} if there else {}

        def effect(world, answer):
            world.projects[name].policies[policy] = (document, answer and answer["PolicyRevisionId"])
        self.attempt(self.api.put_project_policy, effect, ProjectArn=self.world.projects[name].arn, PolicyName=policy,
                     PolicyDocument=document, **wish)

    def delete_policy(self):
        name = self.pick_project(lambda project: project.policies)
        if name is None:
            return self.put_policy()
        policy = self.rng.choice(sorted(self.world.projects[name].policies))
        revision = self.world.projects[name].policies[policy][1]
        wish = {"PolicyRevisionId": revision} if self.rng.random() < 0.5 else {}
        self.attempt(self.api.delete_project_policy, lambda world, answer: world.projects[name].policies.pop(policy),
                     ProjectArn=self.world.projects[name].arn, PolicyName=policy, **wish)

    def look(self):
        """What is settled must be as it was left, in full."""
        name, kind = self.pick_dataset(lambda dataset: "CREATE_FAILED" not in dataset.statuses)
        if name is None:
            return
        self.settle(name)
        dataset = self.world.projects[name].datasets[kind]
        if entries_of(self.api, dataset.arn) != dataset.entries:
            raise Wrong(f"{dataset.arn} does not list what was put into it")
