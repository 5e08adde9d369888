"""Fixtures: `start_node` starts servers that share a PostgreSQL database and a folder of buckets; `durable` is a
PostgreSQL whose commits are on the disk, for tests that break it."""
import pytest

from harness import postgres
from harness.lab import fresh_name
from harness.server import Server


class Node(Server):
    """One of several servers; all that they share is the store and the buckets."""

    def __init__(self, data, store, objects, flags=(), **options):
        super().__init__(data, ["--store", store, "--objects", f"dir:{objects}", *flags], **options)
        self.store = store
        self.objects = objects

    def bucket_folder(self, name):
        return self.objects / name

    def placard(self, *arguments, check=True, env=None):
        return super().placard(*arguments, "--store", self.store, check=check, env=env)

    def admin(self, *arguments):
        """A command that the running server carries out."""
        return super().placard(*arguments)


@pytest.fixture
def start_node(tmp_path):
    started = []
    places = {}
    objects = tmp_path / "buckets"
    objects.mkdir()

    def start(*flags, cluster=None, **options):
        cluster = cluster or postgres.shared()
        if cluster not in places:
            places[cluster] = cluster.database()
        node = Node(tmp_path / fresh_name("node"), places[cluster], objects, flags, **options)
        started.append(node)
        return node.start()

    yield start
    for node in started:
        node.ensure_stopped()


@pytest.fixture
def durable():
    with postgres.Postgres() as cluster:
        yield cluster
