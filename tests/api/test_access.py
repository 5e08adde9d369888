"""Who may do what: accounts, users, policies, sessions, key management, and `--auth none` (spec F.2)."""
import time

import pytest

from harness.clients import CONTENT_TYPE, Wire, boto_client
from harness.lab import Lab, error_of, fresh_name
from harness.manifests import image_entry
from harness.server import run_placard
from harness.users import ALLOW_ALL, Users, parse_key

UNREADABLE = "Unable to get object metadata from S3. Check object key, region and/or access permissions."


def allow(*actions, resource="*", **more):
    return {"Effect": "Allow", "Action": list(actions), "Resource": resource, **more}


def deny(*actions, resource="*", **more):
    return {**allow(*actions, resource=resource, **more), "Effect": "Deny"}


def denied(call, *args, **kwargs):
    return error_of(call, *args, **kwargs)[0] == "AccessDeniedException"


@pytest.fixture
def other_account(lab, users):
    """The same region, another account's administrator."""
    return users.lab(lab.region, ALLOW_ALL, account="210987654321")


def test_accounts_do_not_see_each_other(lab, other_account):
    project = lab.project("birds")
    dataset = lab.create([image_entry(lab.bucket.image(1), "cat")], project=project)
    assert other_account.api.describe_projects()["ProjectDescriptions"] == []
    for call, arguments in (
            (other_account.describe, {"arn": dataset}), (other_account.lines, {"arn": dataset}),
            (other_account.labels, {"arn": dataset}), (other_account.begin_update, {"arn": dataset, "data": b"{}"}),
            (other_account.api.delete_dataset, {"DatasetArn": dataset}),
            (other_account.api.delete_project, {"ProjectArn": project}),
            (other_account.begin, {"project": project}),
            (other_account.api.tag_resource, {"ResourceArn": project, "Tags": {}})):
        assert error_of(call, **arguments)[0] in ("ResourceNotFoundException", "AccessDeniedException")
    assert "210987654321" in other_account.project("birds")
    assert lab.stats(dataset) == (1, 1, 1, 0)


def test_a_bucket_belongs_to_one_account(lab, other_account, users):
    source = lab.source([image_entry(lab.bucket.image(1), "cat")])
    project = other_account.project()
    wish = {"ProjectArn": project, "DatasetType": "TRAIN", "DatasetSource": source}
    assert error_of(other_account.api.create_dataset, **wish) == ("InvalidS3ObjectException", UNREADABLE)
    users.server.placard("buckets", "assign", lab.bucket.name, "210987654321")
    arn = other_account.api.create_dataset(**wish)["DatasetArn"]
    other_account.wait_created(arn)
    assert error_of(lab.begin, [image_entry(lab.bucket.image(1), "cat")])[0] == "InvalidS3ObjectException"


def test_default_is_deny(lab, users):
    lab.project("birds")
    nobody = users.lab(lab.region)
    assert denied(nobody.api.describe_projects)
    assert denied(nobody.project)


def test_one_action(lab, users):
    arn = lab.create()
    reader = users.lab(lab.region, allow("rekognition:DescribeDataset"))
    assert reader.status(arn) == "CREATE_COMPLETE"
    assert denied(reader.lines, arn)
    assert denied(reader.api.delete_dataset, DatasetArn=arn)


@pytest.mark.parametrize("actions, may_list, may_delete", [
    (["rekognition:*"], True, True), (["*"], True, True), (["rekognition:List*"], True, False),
    (["rekognition:*Dataset*"], True, True), (["REKOGNITION:listdatasetentries"], True, False),
    (["rekognition:ListDataset????ies"], True, False), (["s3:*"], False, False), (["rekognition:Delete*"], False, True),
])
def test_wildcards_in_actions(lab, users, actions, may_list, may_delete):
    arn = lab.create()
    user = users.lab(lab.region, allow(*actions))
    assert may_list == (not denied_or_done(user.lines, arn))
    assert may_delete == (not denied_or_done(user.api.delete_dataset, DatasetArn=arn))


def denied_or_done(call, *args, **kwargs):
    """Whether the call is denied; it may succeed instead."""
    try:
        call(*args, **kwargs)
    except Exception as refusal:  # botocore's class, by its code
        assert refusal.response["Error"]["Code"] == "AccessDeniedException"
        return True
    return False


def test_wildcards_in_resources(lab, users):
    ours, theirs = lab.create(project=lab.project("ours-1")), lab.create(project=lab.project("theirs-1"))
    user = users.lab(lab.region, allow("rekognition:*", resource=lab.arn("project/ours-*/dataset/*")))
    assert user.status(ours) == "CREATE_COMPLETE"
    assert denied(user.describe, theirs)
    exact = users.lab(lab.region, allow("rekognition:*", resource=[theirs]))
    assert exact.status(theirs) == "CREATE_COMPLETE"
    assert denied(exact.describe, ours)


def test_creates_are_judged_by_the_arn_to_be(lab, users):
    user = users.lab(lab.region, allow("rekognition:CreateProject", resource=lab.arn("project/ours-*/*")))
    user.project("ours-2")
    assert denied(user.project, "theirs-2")


def test_describe_projects_needs_the_star(lab, users):
    user = users.lab(lab.region, allow("rekognition:DescribeProjects", resource=lab.arn("project/*")))
    assert denied(user.api.describe_projects)


def test_explicit_deny_wins(lab, users):
    arn = lab.create()
    user = users.lab(lab.region, ALLOW_ALL, deny("rekognition:Delete*"))
    assert user.status(arn) == "CREATE_COMPLETE"
    assert denied(user.api.delete_dataset, DatasetArn=arn)


def test_not_action_and_not_resource(lab, users):
    ours, theirs = lab.create(project=lab.project("ours-3")), lab.create(project=lab.project("theirs-3"))
    user = users.lab(lab.region, {"Effect": "Allow", "NotAction": ["rekognition:Delete*"], "Resource": "*"})
    assert user.status(ours) == "CREATE_COMPLETE"
    assert denied(user.api.delete_dataset, DatasetArn=ours)
    user = users.lab(lab.region, {"Effect": "Allow", "Action": "*", "NotResource": lab.arn("project/ours-*")})
    assert denied(user.describe, ours)
    assert user.status(theirs) == "CREATE_COMPLETE"


def test_resource_tags(lab, users):
    tagged, other = lab.create(), lab.create()
    lab.api.tag_resource(ResourceArn=tagged, Tags={"team": "north"})
    lab.api.tag_resource(ResourceArn=other, Tags={"team": "south"})
    equals = users.lab(lab.region, allow("*", Condition={"StringEquals": {"aws:ResourceTag/team": "north"}}))
    like = users.lab(lab.region, allow("*", Condition={"StringLike": {"aws:ResourceTag/team": ["s*", "x"]}}))
    assert equals.status(tagged) == "CREATE_COMPLETE" and denied(equals.describe, other)
    assert like.status(other) == "CREATE_COMPLETE" and denied(like.describe, tagged)


def test_request_tags(lab, users):
    user = users.lab(lab.region, allow("*", Condition={"StringEquals": {"aws:RequestTag/team": "north"}}))
    assert user.wire.post("CreateProject", {"ProjectName": "a", "Tags": {"team": "north"}}).status == 200
    assert user.wire.post("CreateProject", {"ProjectName": "b", "Tags": {"team": "south"}}).type \
        == "AccessDeniedException"
    assert user.wire.post("CreateProject", {"ProjectName": "c"}).type == "AccessDeniedException"


def test_tags_at_creation_need_tag_resource_too(lab, users):
    user = users.lab(lab.region, allow("rekognition:CreateProject"))
    assert user.wire.post("CreateProject", {"ProjectName": "a", "Tags": {"a": "b"}}).type == "AccessDeniedException"
    assert user.wire.post("CreateProject", {"ProjectName": "a"}).status == 200


def test_a_copy_needs_list_entries_on_its_source(lab, users):
    source, project = lab.create(), lab.project()
    user = users.lab(lab.region, allow("rekognition:CreateDataset"))
    wish = {"ProjectArn": project, "DatasetType": "TRAIN", "DatasetSource": {"DatasetArn": source}}
    assert denied(user.api.create_dataset, **wish)
    user = users.lab(lab.region, allow("rekognition:CreateDataset"),
                     allow("rekognition:ListDatasetEntries", resource=source))
    user.api.create_dataset(**wish)


def test_distribute_needs_both(lab, users):
    project = lab.project()
    train = lab.create([image_entry(lab.bucket.image(n), "cat") for n in range(5)], project=project)
    test = lab.create(project=project, kind="TEST")
    user = users.lab(lab.region, allow("rekognition:DistributeDatasetEntries", resource=train))
    assert denied(user.api.distribute_dataset_entries, Datasets=[{"Arn": train}, {"Arn": test}])


def test_objects_are_read_with_the_callers_policy(lab, users):
    source = lab.source([image_entry(lab.bucket.image(1), "cat")])
    project = lab.project()
    wish = {"ProjectArn": project, "DatasetType": "TRAIN", "DatasetSource": source}
    user = users.lab(lab.region, allow("rekognition:*"))
    assert error_of(user.api.create_dataset, **wish) == ("InvalidS3ObjectException", UNREADABLE)
    user = users.lab(lab.region, allow("rekognition:*"),
                     allow("s3:GetObject", resource=f"arn:aws:s3:::{lab.bucket.name}/other/*"))
    assert error_of(user.api.create_dataset, **wish)[0] == "InvalidS3ObjectException"
    user = users.lab(lab.region, allow("rekognition:*"),
                     allow("s3:GetObject", resource=f"arn:aws:s3:::{lab.bucket.name}/*"))
    user.wait_created(user.api.create_dataset(**wish)["DatasetArn"])


def test_denied_before_not_found(lab, users):
    user = users.lab(lab.region, allow("rekognition:DescribeProjects"))
    assert denied(user.describe, lab.arn("project/p/dataset/train/1690476084535"))


def test_sessions(lab, users):
    arn = lab.create()
    key = users.key(allow("rekognition:DescribeDataset"))
    session = users.session(key, 3600)
    assert session.token
    user = Lab(lab.server, lab.region, session)
    assert user.status(arn) == "CREATE_COMPLETE"
    assert denied(user.lines, arn), "a session can do what its key can"
    for token in (None, session.token[:-1], session.token + "x", "x"):
        answer = Wire(lab.server, lab.region, session._replace(token=token)).post("DescribeProjects", {})
        assert (answer.status, answer.type) == (400, "UnrecognizedClientException")
        assert answer.message.startswith("The security token included in the request is invalid")


def test_sessions_expire(lab, users):
    session = users.session(users.key(ALLOW_ALL), 1)
    deadline = time.monotonic() + 20
    while True:
        answer = Wire(lab.server, lab.region, session).post("DescribeProjects", {})
        if answer.status != 200 or time.monotonic() > deadline:
            break
        time.sleep(0.05)
    assert (answer.status, answer.type) == (400, "ExpiredTokenException")
    assert answer.message == "The security token included in the request is expired"


def test_disabled_and_deleted_keys(lab, users):
    for verb in ("disable", "delete"):
        key = users.key(ALLOW_ALL)
        user = Lab(lab.server, lab.region, key)
        user.api.describe_projects()
        lab.server.placard("keys", verb, key.access)
        assert error_of(user.api.describe_projects)[0] == "UnrecognizedClientException"


def test_keys_are_listed_without_secrets(lab, users):
    name = fresh_name("lister")
    key = users.key(ALLOW_ALL, user=name)
    listed = lab.server.placard("keys", "list").stdout
    assert key.access in listed and name in listed
    assert key.secret not in listed


@pytest.mark.parametrize("policy", ["", "{", "[]", '{"Statement":[{"Effect":"Maybe","Action":"*","Resource":"*"}]}',
                                    '{"Statement":[{"Effect":"Allow","Resource":"*"}]}',
                                    '{"Statement":[{"Effect":"Allow","Action":"*","Resource":"*",'
                                    '"Condition":{"IpAddress":{"aws:SourceIp":"10.0.0.0/8"}}}]}'])
def test_policies_that_are_none(lab, tmp_path, policy):
    (tmp_path / "policy.json").write_text(policy, encoding="utf-8")
    run = lab.server.placard("keys", "create", "--account", "123456789012", "--user", fresh_name("user"),
                             "--policy", tmp_path / "policy.json", check=False)
    assert run.returncode != 0
    assert run.stderr.strip() and "aws_secret" not in run.stdout


def test_keys_outlive_a_restart(start_server):
    own = start_server()
    users = Users(own)
    key = users.key(ALLOW_ALL)
    session = users.session(key, 3600)
    own.restart()
    for who in (key, session):
        boto_client(own, "us-east-1", who).describe_projects()


def test_root_key_is_made_and_written(start_server):
    own = start_server(root_key=None)
    path = own.data / "credentials"
    assert path.stat().st_mode & 0o777 == 0o600
    text = path.read_text(encoding="utf-8")
    assert "[default]" in text and "region" in text
    key = parse_key(text, "123456789012")
    boto_client(own, "us-east-1", key).describe_projects()
    own.restart()
    assert path.read_text(encoding="utf-8") == text
    boto_client(own, "us-east-1", key).describe_projects()


def test_another_default_account(start_server):
    lab = Lab(start_server("--account", "111122223333"))
    assert ":111122223333:project/" in lab.project()


def unsigned(server, headers):
    return Wire(server, "us-east-1").send("POST", "/", headers, b"{}")


def test_auth_none(start_server):
    own = start_server("--auth", "none")
    headers = {"Content-Type": CONTENT_TYPE, "X-Amz-Target": "RekognitionService.DescribeProjects"}
    assert unsigned(own, headers).json == {"ProjectDescriptions": []}
    boto_client(own, "us-east-1").create_project(ProjectName="birds")
    for host in (f"localhost:{own.port}", f"127.0.0.1:{own.port}", f"[::1]:{own.port}"):
        assert unsigned(own, {**headers, "Host": host}).status == 200, host
    for host in ("example.com", f"evil.example:{own.port}", "127.0.0.1.example.com"):
        assert unsigned(own, {**headers, "Host": host}).status != 200, host
    for content_type in ("text/plain", "application/json", "application/x-www-form-urlencoded"):
        assert unsigned(own, {**headers, "Content-Type": content_type}).status != 200, content_type


def test_auth_none_only_on_loopback(tmp_path):
    run = run_placard("serve", "--data", tmp_path / "data", "--listen", "0.0.0.0:0", "--auth", "none", check=False)
    assert run.returncode != 0
    assert "loopback" in run.stderr
