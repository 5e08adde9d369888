"""`placard migrate-store`: all rows of a store in another one, there and back; refused where it would do harm; killed in
the middle and begun again."""
import json
import sqlite3
import subprocess
import time

import pytest

from harness import postgres
from harness.faults import DELAY, KILL, Board
from harness.lab import Lab, fresh_name
from harness.manifests import box, box_entry, image_entry, manifest, many_lines
from harness.server import FAULTY_BINARY, SANITIZER, Key, NotReady, Server, environment, run_placard
from harness.users import ALLOW_ALL, Users

ENTRIES = 300
UNFINISHED = "a copy that did not come to its end"
BEGUN_FROM = {"sqlite", "postgres"}


class Store:
    """A place, and how to serve what is in it: each in a data directory of its own, all with the same buckets."""

    def __init__(self, folder, kind):
        self.data = folder / fresh_name(kind)
        self.place = postgres.shared().database() if kind == "postgres" else None
        self.name = self.place or self.data  # as migrate-store is told
        self.objects = folder / "buckets"

    def server(self, *flags, **options):
        store = ["--store", self.place] if self.place else []
        options.setdefault("root_key", None)
        server = Server(self.data, [*store, "--objects", f"dir:{self.objects}", *flags], **options)
        server.bucket_folder = lambda name: self.objects / name
        return server


@pytest.fixture
def new_store(tmp_path):
    (tmp_path / "buckets").mkdir()
    return lambda kind: Store(tmp_path, kind)


def root_key_of(data):
    text = dict(line.split(" = ") for line in (data / "credentials").read_text().splitlines() if " = " in line)
    return Key(text["aws_access_key_id"], text["aws_secret_access_key"])


class Serving:
    """`with Serving(store) as server`: with the root key that lies in its data directory."""

    def __init__(self, store, *flags, **options):
        self.process = store.server(*flags, **options)

    def __enter__(self):
        self.process.start()
        self.process.root_key = root_key_of(self.process.data)
        return self.process

    def __exit__(self, *_):
        self.process.ensure_stopped()


def migrate(source, target, check=True, binary=None, env=None):
    if binary is None:
        return run_placard("migrate-store", source.name, target.name, check=check)
    run = subprocess.run([binary, "migrate-store", source.name, target.name], stdin=subprocess.DEVNULL, text=True,
                         capture_output=True, env=environment(**(env or {})), timeout=60, check=False)
    assert not SANITIZER.search(run.stderr), run.stderr
    return run


class Stock:
    """Something of every kind, made through a server, and what it is asked afterwards."""

    def __init__(self, server):
        lab = Lab(server)
        self.region = lab.region
        self.project = lab.project("birds")
        lines = [image_entry(f"s3://images/{number}.jpg", f"bird {number % 12}") for number in range(ENTRIES)]
        lines += [box_entry("s3://images/box.jpg", ["wing\0", "béak"], [box(), box(1)])]
        self.dataset = lab.create(manifest(lines) + b"no JSON\n" * 3, project=self.project)
        lab.update(self.dataset, [image_entry(f"s3://images/{number}.jpg", "emu") for number in range(290, 310)])
        self.copied = lab.copy(self.dataset)
        self.empty = lab.create(None)
        lab.api.tag_resource(ResourceArn=self.dataset, Tags={"team": "north", "ü": "ß"})
        gone = lab.project()
        lab.api.delete_project(ProjectArn=gone)  # ids that were given out and are free
        lab.api.put_project_policy(ProjectArn=self.project, PolicyName="p", PolicyDocument=json.dumps(
            {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Principal": {"AWS": "000000000042"}, "Resource": "*",
                                                     "Action": "rekognition:CopyProjectVersion"}]}))
        self.training = lab.project()
        lab.api.create_project_version(
            ProjectArn=self.training, VersionName="v", OutputConfig={"S3Bucket": lab.bucket.name, "S3KeyPrefix": "ö"},
            TrainingData={"Assets": [lab.source(lines)]}, TestingData={"AutoCreate": True})
        while lab.api.describe_project_versions(ProjectArn=self.training)["ProjectVersionDescriptions"][0]["Status"] \
                == "TRAINING_IN_PROGRESS":
            time.sleep(0.1)
        users = Users(server)
        self.user = users.key(ALLOW_ALL)
        self.session = users.session(self.user, 3600)
        self.disabled = users.key(ALLOW_ALL)
        server.placard("keys", "disable", self.disabled.access)
        server.placard("buckets", "assign", "elsewhere", "000000000042")

    def calls(self):
        for dataset in (self.dataset, self.copied, self.empty):
            yield "DescribeDataset", {"DatasetArn": dataset}
            yield "ListDatasetLabels", {"DatasetArn": dataset}
            yield "ListDatasetEntries", {"DatasetArn": dataset, "MaxResults": 100}
            yield "ListTagsForResource", {"ResourceArn": dataset}
        yield "ListDatasetEntries", {"DatasetArn": self.dataset, "ContainsLabels": ["emu"], "SourceRefContains": "29"}
        yield "DescribeProjects", {}
        yield "DescribeProjectVersions", {"ProjectArn": self.training}
        yield "ListProjectPolicies", {"ProjectArn": self.project}

    def ask(self, server):
        """Every answer, byte by byte, and what the operator is told."""
        lab = Lab(server, self.region)
        answers = [lab.wire.post(*call) for call in self.calls()]
        assert all(answer.status == 200 for answer in answers), answers
        told = [server.placard(*words).stdout for words in
                (["keys", "list"], ["buckets", "list"], ["rejected", self.dataset])]
        return [answer.body for answer in answers] + told + [lab.lines(self.dataset)]

    def check_keys(self, server):
        for key in (self.user, self.session):
            assert Lab(server, self.region, key).wire.post("DescribeProjects", {}).status == 200
        assert Lab(server, self.region, self.disabled).wire.post("DescribeProjects", {}).status == 400

    def next_page(self, server, token):
        return Lab(server, self.region).wire.ask("ListDatasetEntries", {"DatasetArn": self.dataset, "MaxResults": 100,
                                                                       "NextToken": token})["DatasetEntries"]

    def token(self, server):
        return Lab(server, self.region).wire.ask("ListDatasetEntries", {"DatasetArn": self.dataset,
                                                                       "MaxResults": 100})["NextToken"]

    def work_on(self, server):
        """New rows of every numbered kind."""
        lab = Lab(server, self.region)
        for _ in range(2):
            made = lab.create([image_entry("s3://images/1.jpg", "owl")])
            lab.update(made, [image_entry("s3://images/2.jpg", "owl")])
        lab.update(self.copied, [image_entry("s3://images/7.jpg", "owl"), image_entry("s3://images/new.jpg", "owl")])


def numbers(rows):
    return [int(row[0]) for row in rows]


def test_there_and_back(new_store):
    first, middle, last = new_store("sqlite"), new_store("postgres"), new_store("sqlite")
    with Serving(first) as server:
        stock = Stock(server)
        before = stock.ask(server)
        key, token = server.root_key, stock.token(server)
        page = stock.next_page(server, token)
    run = migrate(first, middle)
    assert f"{ENTRIES + 10 + 1 + ENTRIES + 10 + 1} entries" in run.stdout and "all agrees" in run.stdout
    closing = run.stdout.splitlines()[-1]
    assert closing.startswith("All ") and closing.endswith("the former is as it was."), closing
    assert str(first.data) in closing and middle.place.rsplit("@", 1)[1] in closing
    with Serving(middle) as server:
        assert server.root_key == key
        assert stock.ask(server) == before
        assert stock.next_page(server, token) == page
        stock.check_keys(server)
        stock.work_on(server)
        worked, token = stock.ask(server), stock.token(server)
        page = stock.next_page(server, token)
        assert "all agrees" in server.placard("fsck", "--store", middle.place).stdout
    migrate(middle, last)
    with Serving(last) as server:
        assert server.root_key == key
        assert stock.ask(server) == worked
        assert stock.next_page(server, token) == page
        stock.check_keys(server)
        stock.work_on(server)
        assert "all agrees" in server.placard("fsck").stdout
    with Serving(first) as server:  # as it was
        assert stock.ask(server) == before
        assert "all agrees" in server.placard("fsck").stdout


def test_no_id_comes_again(new_store):
    """The folder of a model is named by its version's id: of one that was deleted, too."""
    first, second, third = new_store("sqlite"), new_store("postgres"), new_store("sqlite")
    with Serving(first) as server:
        Lab(server)
    with sqlite3.connect(first.data / "placard.db") as database:
        database.execute("INSERT INTO sqlite_sequence (name, seq) VALUES ('project_version', 70), ('project', 80)")
    database.close()
    migrate(first, second)
    migrate(second, third)
    with Serving(second) as server:
        Lab(server).project()
    assert numbers(postgres.shared().sql(second.place, "SELECT max(id) FROM project")) == [81]
    with sqlite3.connect(third.data / "placard.db") as database:
        rows = dict(database.execute("SELECT name, seq FROM sqlite_sequence"))
    database.close()
    assert rows["project_version"] == 70 and rows["project"] == 80


@pytest.mark.slow
def test_a_job_in_flight_goes_along(new_store, tmp_path):
    lines = 20_000
    first, middle, last = new_store("sqlite"), new_store("postgres"), new_store("sqlite")
    board = Board(tmp_path / "board")
    board.plan(DELAY, "step", what="INSERT INTO block", lasting=True, delay_ms=50)
    for source, target in ((first, middle), (middle, last)):
        with Serving(source, env=board.env, binary=board.binary) as server:
            if source is first:
                lab = Lab(server)
                dataset = lab.begin(many_lines("s3://images/", lines))
            fired = board.fired
            while board.fired < fired + 20:
                time.sleep(0.02)
            server.kill()
        migrate(source, target)
    with Serving(last) as server:
        lab = Lab(server, lab.region)
        lab.wait_created(dataset)
        assert lab.stats(dataset) == (lines, lines, 2, 0)
        assert len(set(lab.sources(dataset))) == lines
        assert "0 jobs: all agrees" in server.placard("fsck").stdout


def refused(source, target, sentence, status=2):
    run = migrate(source, target, check=False)
    assert run.returncode == status and sentence in run.stderr, run
    return run


@pytest.mark.parametrize("kind", sorted(BEGUN_FROM))
def test_not_beside_a_server(new_store, kind):
    """Neither from nor to what it serves."""
    mine, others = new_store(kind), new_store("sqlite")
    with Serving(others):
        pass
    with Serving(mine) as server:
        sentence = f"in use by process {server.process.pid};" if kind == "sqlite" else "stop the servers first"
        refused(mine, new_store("sqlite"), sentence, status=1)
        refused(others, mine, sentence, status=1)
        Lab(server).project()  # it goes on
    migrate(mine, new_store("postgres"))


def test_a_file_that_is_served_by_its_path(new_store, tmp_path):
    store, path = new_store("sqlite"), tmp_path / "rows.db"
    with Serving(store, "--store", f"sqlite:{path}"):
        store.name = f"sqlite:{path}"
        refused(store, new_store("sqlite"), "in use by process", status=1)
    target = new_store("postgres")
    migrate(store, target)
    again = new_store("sqlite")
    again.name = f"sqlite:{tmp_path / 'again.db'}"
    migrate(target, again)
    assert (tmp_path / "again.db").exists()


@pytest.mark.parametrize("kind", sorted(BEGUN_FROM))
def test_a_target_that_holds_something_is_left_alone(new_store, kind):
    source, target = new_store("sqlite"), new_store(kind)
    with Serving(source):
        pass
    with Serving(target) as server:
        project = Lab(server).project("kept")
        region = project.split(":")[3]
    refused(source, target, "holds something already")
    with Serving(target) as server:
        assert Lab(server, region).wire.ask("DescribeProjects", {})["ProjectDescriptions"][0]["ProjectArn"] == project
        Users(server).key(ALLOW_ALL)
        Lab(server, region).api.delete_project(ProjectArn=project)
    refused(source, target, "holds something already")  # a key


@pytest.mark.parametrize("kind", sorted(BEGUN_FROM))
def test_a_target_that_was_only_started_will_do(new_store, kind):
    source, target = new_store("sqlite"), new_store(kind)
    with Serving(source) as server:
        stock = Stock(server)
        before = stock.ask(server)
    target.data.mkdir()
    (target.data / "credentials").write_bytes((source.data / "credentials").read_bytes())
    (target.data / "credentials").chmod(0o600)
    with Serving(target):
        pass
    migrate(source, target)
    with Serving(target) as server:
        assert stock.ask(server) == before


def test_stores_that_are_none(new_store, tmp_path):
    source, target = new_store("sqlite"), new_store("postgres")
    refused(source, target, "there is no database")
    with Serving(source):
        pass
    refused(source, source, "the same one")
    nowhere = new_store("sqlite")
    nowhere.name = "oracle:x"
    refused(source, nowhere, "no known kind")
    refused(nowhere, source, "no known kind")
    refused(target, source, "The database has schema 0")
    assert run_placard("migrate-store", source.name, check=False).returncode == 2
    assert run_placard("migrate-store", "a", "b", "c", check=False).returncode == 2
    other = new_store("sqlite")
    with Serving(other):
        pass
    with sqlite3.connect(other.data / "placard.db") as database:
        database.execute("INSERT INTO schema_version VALUES (999)")
    database.close()
    refused(other, target, "newer placard")
    refused(source, other, "newer placard")


def test_one_that_does_not_agree_stays_unfinished(new_store):
    source, target = new_store("sqlite"), new_store("postgres")
    with Serving(source) as server:
        Stock(server)
    with sqlite3.connect(source.data / "placard.db") as database:
        database.execute("UPDATE dataset SET total = total + 1 WHERE total > 0")
    database.close()
    run = migrate(source, target, check=False)
    assert run.returncode == 1 and "it stays unfinished" in run.stderr and "WRONG" in run.stdout
    with pytest.raises(NotReady, match=UNFINISHED):
        target.server().start()


POINTS = [("migration_mark", "committed"), ("migration_copy", "commit"), ("migration_copy", "committed"),
          ("migration_unmark", "commit"), ("step", "INSERT INTO block")]


@pytest.mark.parametrize("kind", sorted(BEGUN_FROM))
def test_killed_and_begun_again(new_store, tmp_path, kind):
    source, target = new_store("sqlite"), new_store(kind)
    with Serving(source) as server:
        stock = Stock(server)
        before = stock.ask(server)
    board = Board(tmp_path / "board")
    for point, side in POINTS:
        if point == "step":
            board.plan(KILL, "step", what=side, nth=2)
        else:
            board.plan(KILL, side, what=point)
        run = migrate(source, target, binary=FAULTY_BINARY, env=board.env)
        assert run.returncode == -9 and board.fired, (point, side, run)
        with pytest.raises(NotReady, match=UNFINISHED):
            target.server().start()
        refused(target, new_store("sqlite"), UNFINISHED)
    migrate(source, target)
    with Serving(target) as server:
        assert stock.ask(server) == before
        stock.work_on(server)
        assert "all agrees" in server.placard("fsck", *(["--store", target.place] if target.place else [])).stdout


def test_killed_where_it_makes_no_difference(new_store, tmp_path):
    """Before anything is promised, and when all is done."""
    source, target = new_store("sqlite"), new_store("sqlite")
    with Serving(source) as server:
        stock = Stock(server)
        before = stock.ask(server)
    board = Board(tmp_path / "board")
    for point, side in (("apply", "commit"), ("apply", "committed"), ("migration_mark", "commit"),
                        ("migration_unmark", "committed")):
        board.plan(KILL, side, what=point)
        run = migrate(source, target, binary=FAULTY_BINARY, env=board.env)
        assert run.returncode == -9 and board.fired, (point, side, run)
    with Serving(target) as server:
        assert stock.ask(server) == before
