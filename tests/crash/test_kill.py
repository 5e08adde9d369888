"""kill -9 during each kind of job: after the next start the job is done as if nothing had happened.

Nothing lost, nothing counted twice, never a part to be seen, and `placard fsck` agrees with every counter.
"""
import collections
import time

import pytest

from harness.lab import Lab, fresh_region
from harness.manifests import image_entry, many_lines

LINES = 30_000
PREFIX = "s3://images/"
pytestmark = pytest.mark.slow

# Seconds from the call to the kill: while it is claimed, while it parses, near the end, and several times in a row.
MOMENTS = [(0.0,), (0.1,), (0.4,), (0.0, 0.05, 0.1, 0.2, 0.3)]


@pytest.fixture(params=MOMENTS, ids=lambda moments: "+".join(f"{moment:g}" for moment in moments))
def crash(request, start_server):
    """A server to be crashed: `.lab` is new after each start, `()` kills and starts it at the chosen moments."""
    return Crash(start_server(), request.param)


class Crash:
    def __init__(self, server, moments):
        self.server = server
        self.moments = moments
        self.lab = Lab(server, fresh_region())

    def __call__(self):
        for moment in self.moments:
            time.sleep(moment)
            self.server.kill()
            self.server.start()
            self.lab = Lab(self.server, self.lab.region)

    def fsck(self):
        self.server.placard("fsck")


def whole(lab, *arns):
    """How often each source-ref is in these datasets together."""
    return collections.Counter(source for arn in arns for source in lab.sources(arn))


def once(numbers):
    return collections.Counter(f"{PREFIX}{number}.jpg" for number in numbers)


def test_create(crash):
    arn = crash.lab.begin(many_lines(PREFIX, LINES))
    crash()
    description = crash.lab.describe(arn)
    assert description["Status"] in ("CREATE_IN_PROGRESS", "CREATE_COMPLETE")
    crash.lab.wait_created(arn)
    assert crash.lab.stats(arn) == (LINES, LINES, 2, 0)
    assert crash.lab.labels(arn) == {"cat": (LINES // 2, None), "dog": (LINES // 2, None)}
    assert crash.lab.sources(arn) == [f"{PREFIX}{number}.jpg" for number in range(LINES)]
    crash.fsck()


def test_create_that_will_fail(crash):
    arn = crash.lab.begin(many_lines(PREFIX, LINES) + many_lines("s3://another/", 1))
    crash()
    crash.lab.wait_created(arn, "CREATE_FAILED")
    assert crash.lab.stats(arn) == (0, 0, 0, 0)
    crash.fsck()


def test_copy(crash):
    source = crash.lab.create(many_lines(PREFIX, LINES))
    copy = crash.lab.api.create_dataset(ProjectArn=crash.lab.project(), DatasetType="TRAIN",
                                        DatasetSource={"DatasetArn": source})["DatasetArn"]
    crash()
    crash.lab.wait_created(copy)
    assert crash.lab.stats(copy) == crash.lab.stats(source) == (LINES, LINES, 2, 0)
    assert whole(crash.lab, copy) == whole(crash.lab, source)
    crash.fsck()


def test_update(crash):
    arn = crash.lab.create(many_lines(PREFIX, LINES))
    changes = [image_entry(f"{PREFIX}{number}.jpg", "emu") for number in range(0, LINES + 2_000, 10)]
    crash.lab.begin_update(arn, changes)
    crash()
    description = crash.lab.describe(arn)
    if description["Status"] == "UPDATE_IN_PROGRESS":
        stats = description["DatasetStats"]
        assert (stats["TotalEntries"], stats["TotalLabels"]) == (LINES, 2)
    crash.lab.wait_updated(arn)
    assert crash.lab.stats(arn) == (LINES + 200, LINES + 200, 3, 0)
    assert crash.lab.labels(arn)["emu"] == (len(changes), None)
    assert whole(crash.lab, arn) == once([*range(LINES), *range(LINES, LINES + 2_000, 10)])
    crash.fsck()


def test_distribute(crash):
    project = crash.lab.project()
    train = crash.lab.create(many_lines(PREFIX, LINES), project=project)
    test = crash.lab.create(project=project, kind="TEST")
    crash.lab.api.distribute_dataset_entries(Datasets=[{"Arn": train}, {"Arn": test}])
    crash()
    # Whatever the moment: an entry is in exactly one of the two.
    assert {crash.lab.stats(arn)[0] for arn in (train, test)} in ({LINES, 0}, {LINES * 4 // 5, LINES // 5})
    crash.lab.wait_updated(train)
    crash.lab.wait_updated(test)
    assert (crash.lab.stats(train), crash.lab.stats(test)) \
        == ((LINES * 4 // 5,) * 2 + (2, 0), (LINES // 5,) * 2 + (2, 0))
    assert whole(crash.lab, train, test) == once(range(LINES))
    crash.fsck()


def test_delete(crash):
    project = crash.lab.project()
    arn = crash.lab.create(many_lines(PREFIX, LINES), project=project)
    crash.lab.api.delete_dataset(DatasetArn=arn)
    crash()
    crash.lab.wait_deleted(arn)
    assert crash.lab.api.describe_projects()["ProjectDescriptions"][0]["Datasets"] == []
    assert crash.lab.stats(crash.lab.create(project=project)) == (0, 0, 0, 0)
    crash.fsck()


def test_what_was_answered_is_kept(start_server):
    """A kill right after each answer: promised is promised."""
    server = start_server()
    region = fresh_region()
    lab = Lab(server, region)

    def crash():
        server.kill()
        server.start()
        return Lab(server, region)

    project = lab.project("birds")
    lab = crash()
    lab.api.tag_resource(ResourceArn=project, Tags={"team": "north"})
    lab = crash()
    assert lab.api.list_tags_for_resource(ResourceArn=project)["Tags"] == {"team": "north"}
    arn = lab.begin([image_entry(f"{PREFIX}1.jpg", "cat")], project=project)
    lab = crash()
    lab.wait_created(arn)
    lab.begin_update(arn, [image_entry(f"{PREFIX}2.jpg", "dog")])
    lab = crash()
    lab.wait_while(arn, "UPDATE_IN_PROGRESS")
    assert lab.stats(arn) == (2, 2, 2, 0)
    lab.api.delete_dataset(DatasetArn=arn)
    lab = crash()
    lab.wait_deleted(arn)
    lab.api.delete_project(ProjectArn=project)
    lab = crash()
    lab.wait_project_gone("birds")
    server.placard("fsck")


def test_an_attempt_that_crashed_with_progress_is_not_counted(start_server):
    """Ten kills, and the job still succeeds: each began where the last checkpoint stood."""
    server = start_server()
    region = fresh_region()
    lab = Lab(server, region)
    arn = lab.begin(many_lines(PREFIX, 120_000))
    for _ in range(10):
        time.sleep(0.3)
        server.kill()
        server.start()
        lab = Lab(server, region)
        if lab.status(arn) != "CREATE_IN_PROGRESS":
            break
    lab.wait_created(arn)
    assert lab.stats(arn) == (120_000, 120_000, 2, 0)
    server.placard("fsck")
