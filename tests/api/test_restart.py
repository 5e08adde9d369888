"""What a server keeps over SIGTERM and start, in whatever zone and locale it runs."""
import re

import pytest

from harness.lab import Lab, error_of
from harness.manifests import box, box_entry, image_entry, many_lines
from harness.server import run_placard


def everything(lab, arns):
    """All that clients can see of these datasets and the projects of the region."""
    seen = lab.wire.ask("DescribeProjects", {})
    for arn in arns:
        seen[arn] = (lab.wire.ask("DescribeDataset", {"DatasetArn": arn}), lab.lines(arn), lab.labels(arn),
                     lab.wire.ask("ListTagsForResource", {"ResourceArn": arn}))
    return seen


def test_everything_is_there_again(start_server):
    own = start_server()
    lab = Lab(own)
    project = lab.project("birds")
    train = lab.create([image_entry(lab.bucket.image(number), "cat", "dog") for number in range(300)]
                       + [box_entry(lab.bucket.image(number), ["emu"], [box(), box(left=-1)]) for number in (998, 999)],
                       project=project)
    test = lab.create(project=project, kind="TEST")
    lab.update(train, [image_entry(lab.bucket.image(number), "fox") for number in (7, 8)])
    lab.distribute(train, test)
    lab.api.tag_resource(ResourceArn=train, Tags={"team": "north"})
    failed = lab.begin(b"")
    lab.wait_created(failed, "CREATE_FAILED")
    deleted = lab.create()
    lab.api.delete_dataset(DatasetArn=deleted)
    lab.wait_deleted(deleted)
    before, bucket = everything(lab, [train, test]), lab.bucket
    assert lab.stats(train)[0] + lab.stats(test)[0] == 302

    for _ in range(2):
        own.restart()
        lab = Lab(own, lab.region)
        assert everything(lab, [train, test]) == before
        assert lab.status(failed) == "CREATE_FAILED"
        assert error_of(lab.describe, deleted)[0] == "ResourceNotFoundException"
    lab.update(train, [image_entry(bucket.image(1000), "gnu")])
    assert "gnu" in lab.labels(train)


def test_identifiers_stay_increasing(start_server):
    own = start_server()
    lab = Lab(own)
    before = lab.project()
    own.restart()
    after = Lab(own, lab.region).project()
    assert int(after.rsplit("/", 1)[1]) > int(before.rsplit("/", 1)[1])


@pytest.mark.slow
def test_a_job_goes_on_after_sigterm(start_server):
    own = start_server()
    lab = Lab(own)
    arn = lab.begin(many_lines("s3://images/", 60_000))
    assert lab.status(arn) == "CREATE_IN_PROGRESS"
    own.restart()
    lab = Lab(own, lab.region)
    lab.wait_created(arn)
    assert lab.stats(arn) == (60_000, 60_000, 2, 0)


def test_zone_and_locale_change_nothing(start_server, tmp_path):
    data = tmp_path / "data"
    seen = []
    region = None
    for zone, locale in (("UTC", "C"), ("Pacific/Kiritimati", "de_DE.UTF-8"), ("America/St_Johns", "tr_TR.UTF-8")):
        own = start_server(data=data, env={"TZ": zone, "LC_ALL": locale, "LANG": locale})
        lab = Lab(own, region)
        if region is None:
            region = lab.region
            arn = lab.create([image_entry(lab.bucket.image(1), "cat")])
        body = lab.wire.post("DescribeDataset", {"DatasetArn": arn}).body
        assert re.search(rb'"CreationTimestamp":\d+\.?\d*[,}]', body)
        seen.append(everything(lab, [arn]))
        own.stop()
    assert seen[0] == seen[1] == seen[2]


def test_a_second_server_on_the_directory_refuses(start_server):
    own = start_server()
    run = run_placard("serve", "--data", own.data, "--listen", "127.0.0.1:0", check=False)
    assert run.returncode != 0
    assert run.stderr.strip()
    Lab(own).project()


def test_port_taken(start_server, tmp_path):
    own = start_server()
    run = run_placard("serve", "--data", tmp_path / "other", "--listen", f"127.0.0.1:{own.port}", check=False)
    assert run.returncode != 0
    assert str(own.port) in run.stderr
