"""PutProjectPolicy, ListProjectPolicies, DeleteProjectPolicy (spec B.7). What a policy does: test_version_copy.py."""
import json
import re
import time

import pytest

from harness.lab import Lab, error_of, fresh_name
from harness.users import ALLOW_ALL

OTHER = "210987654321"
V_ARN = "arn:aws:rekognition:us-east-1:123456789012:project/birds/version/one/1627045542080"


def statement(**changes):
    """A sound statement; a value of None takes the member out."""
    members = {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "rekognition:CopyProjectVersion",
               "Resource": V_ARN, **changes}
    return {name: value for name, value in members.items() if value is not None}


def document(*statements, **members):
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements) or [statement()], **members})


@pytest.fixture
def project(lab):
    return lab.project()


def put(lab, project, name="copy", text=None, revision=None):
    wish = {"ProjectArn": project, "PolicyName": name, "PolicyDocument": text or document()}
    if revision is not None:
        wish["PolicyRevisionId"] = revision
    return lab.api.put_project_policy(**wish)["PolicyRevisionId"]


def listed(lab, project, **page):
    pages = lab.api.get_paginator("list_project_policies").paginate(ProjectArn=project, **page)
    return [policy for answer in pages for policy in answer["ProjectPolicies"]]


def test_attach_update_delete(lab, project):
    text = document()
    first = put(lab, project, text=text)
    assert re.fullmatch("[0-9a-f]{32}", first)
    (policy,) = listed(lab, project)
    assert (policy["ProjectArn"], policy["PolicyName"], policy["PolicyRevisionId"], policy["PolicyDocument"]) \
        == (project, "copy", first, text)
    assert policy["CreationTimestamp"] == policy["LastUpdatedTimestamp"]
    time.sleep(0.01)
    second = put(lab, project, text=document(statement(Resource="*")), revision=first)
    assert second != first
    (updated,) = listed(lab, project)
    assert updated["PolicyRevisionId"] == second and '"*"' in updated["PolicyDocument"]
    assert updated["CreationTimestamp"] == policy["CreationTimestamp"] < updated["LastUpdatedTimestamp"]
    assert lab.api.delete_project_policy(ProjectArn=project, PolicyName="copy", PolicyRevisionId=second)
    assert listed(lab, project) == []


def test_the_document_comes_back_as_it_was(lab, project):
    text = ' {\t"Statement":\r\n' + json.dumps(statement(Sid="ü ÿ"), ensure_ascii=False) + "}\n"
    put(lab, project, text=text)
    assert listed(lab, project)[0]["PolicyDocument"] == text


def test_a_stale_revision_is_refused(lab, project):
    first = put(lab, project)
    second = put(lab, project, revision=first)
    for revision in (first, "0" * 32, "f"):
        assert error_of(put, lab, project, revision=revision)[0] == "InvalidPolicyRevisionIdException"
        assert error_of(lab.api.delete_project_policy, ProjectArn=project, PolicyName="copy",
                        PolicyRevisionId=revision)[0] == "InvalidPolicyRevisionIdException"
    assert listed(lab, project)[0]["PolicyRevisionId"] == second
    put(lab, project, revision=second.upper())


def test_a_revision_of_no_policy(lab, project):
    assert error_of(put, lab, project, revision="a" * 32)[0] == "InvalidPolicyRevisionIdException"
    assert listed(lab, project) == []


def test_a_taken_name_needs_its_revision(lab, project):
    put(lab, project)
    code, message = error_of(put, lab, project)
    assert code == "ResourceAlreadyExistsException" and "PolicyRevisionId" in message


def test_delete_needs_no_revision(lab, project):
    put(lab, project)
    assert set(lab.api.delete_project_policy(ProjectArn=project, PolicyName="copy")) == {"ResponseMetadata"}
    assert error_of(lab.api.delete_project_policy, ProjectArn=project,
                    PolicyName="copy")[0] == "ResourceNotFoundException"


def test_names_are_free_again(lab, project):
    put(lab, project)
    lab.api.delete_project_policy(ProjectArn=project, PolicyName="copy")
    put(lab, project)


def test_five_at_most(lab, project):
    for number in range(5):
        put(lab, project, f"policy-{number}")
    code, message = error_of(put, lab, project, "one-more")
    assert code == "ServiceQuotaExceededException" and "5" in message
    first = listed(lab, project)[0]
    put(lab, project, first["PolicyName"], revision=first["PolicyRevisionId"])
    lab.api.delete_project_policy(ProjectArn=project, PolicyName="policy-3")
    put(lab, project, "one-more")
    put(lab, lab.project())


def test_the_quota_can_be_set(start_server):
    lab = Lab(start_server("--limit", "project-policies=1"))
    project = lab.project()
    put(lab, project, "a")
    assert error_of(put, lab, project, "b")[0] == "ServiceQuotaExceededException"
    lab = Lab(start_server("--limit", "project-policies=none"))
    project = lab.project()
    for number in range(12):
        put(lab, project, f"policy-{number}")
    assert [policy["PolicyName"] for policy in listed(lab, project)] == [f"policy-{number}" for number in range(12)]


def test_pages(lab, project):
    for number in range(5):
        put(lab, project, f"policy-{number}")
    names = [f"policy-{number}" for number in range(5)]
    for size in (1, 2, 5):
        assert [policy["PolicyName"] for policy in listed(lab, project, PaginationConfig={"PageSize": size})] == names
    page = lab.api.list_project_policies(ProjectArn=project, MaxResults=2)
    assert len(page["ProjectPolicies"]) == 2
    other = lab.project()
    assert error_of(lab.api.list_project_policies, ProjectArn=other,
                    NextToken=page["NextToken"]) == ("InvalidPaginationTokenException", "Invalid Pagination Token")
    assert error_of(lab.api.list_project_policies, ProjectArn=project, NextToken="x")[0] \
        == "InvalidPaginationTokenException"
    assert "NextToken" not in lab.api.list_project_policies(ProjectArn=project, NextToken="")
    assert lab.wire.post("ListProjectPolicies", {"ProjectArn": project, "MaxResults": 6}).type == "ValidationException"


def test_a_new_project_has_none(lab, project):
    assert lab.api.list_project_policies(ProjectArn=project)["ProjectPolicies"] == []


def test_of_no_project(lab):
    nowhere = lab.arn("project/nowhere/1690000000000")
    for call, arguments in ((put, (lab, nowhere)), (listed, (lab, nowhere))):
        assert error_of(call, *arguments)[0] == "ResourceNotFoundException"
    assert error_of(lab.api.delete_project_policy, ProjectArn=nowhere,
                    PolicyName="copy")[0] == "ResourceNotFoundException"


def test_they_go_with_their_project(lab):
    name = fresh_name("project")
    project = lab.project(name)
    put(lab, project)
    lab.api.delete_project(ProjectArn=project)
    assert error_of(listed, lab, project)[0] == "ResourceNotFoundException"
    assert listed(lab, lab.project(name)) == []


def test_they_are_not_another_accounts(lab, users, project):
    other = users.lab(lab.region, ALLOW_ALL, account=OTHER)
    put(lab, project)
    assert error_of(listed, other, project)[0] == "ResourceNotFoundException"
    assert error_of(put, other, project, "x")[0] == "ResourceNotFoundException"
    assert error_of(other.api.delete_project_policy, ProjectArn=project,
                    PolicyName="copy")[0] == "ResourceNotFoundException"
    assert len(listed(lab, project)) == 1


@pytest.mark.parametrize("action, call", [
    ("PutProjectPolicy", lambda lab, project: put(lab, project, "x")),
    ("ListProjectPolicies", listed),
    ("DeleteProjectPolicy", lambda lab, project: lab.api.delete_project_policy(ProjectArn=project, PolicyName="copy")),
])
def test_who_may(lab, users, project, action, call):
    put(lab, project)
    others = {"PutProjectPolicy", "ListProjectPolicies", "DeleteProjectPolicy"} - {action}
    denied = users.lab(lab.region, {"Effect": "Allow", "Action": [f"rekognition:{name}" for name in others],
                                    "Resource": "*"})
    code, message = error_of(call, denied, project)
    assert code == "AccessDeniedException"
    assert message.endswith(f"is not authorized to perform: rekognition:{action} on resource: {project}")
    call(users.lab(lab.region, {"Effect": "Allow", "Action": f"rekognition:{action}", "Resource": project}), project)


SOUND = {
    "one statement, no array": json.dumps({"Statement": statement()}),
    "several": document(statement(), statement(Effect="Deny", Resource="*")),
    "old version": document(**{"Version": "2008-10-17"}),
    "an id and a sid": document(statement(Sid="x"), Id="y"),
    "actions in an array": document(statement(Action=["rekognition:CopyProjectVersion"])),
    "case of the action": document(statement(Action="Rekognition:copyprojectversion")),
    "root": document(statement(Principal={"AWS": f"arn:aws:iam::{OTHER}:root"})),
    "a user": document(statement(Principal={"AWS": f"arn:aws:iam::{OTHER}:user/anna"})),
    "a role with a path": document(statement(Principal={"AWS": f"arn:aws:iam::{OTHER}:role/a/b"})),
    "several principals": document(statement(Principal={"AWS": [OTHER, f"arn:aws:iam::{OTHER}:user/anna"]})),
    "any version": document(statement(Resource="*")),
    "wildcards": document(statement(Resource="arn:aws:rekognition:*:123456789012:project/birds/version/*")),
    "several resources": document(statement(Resource=[V_ARN, "*"])),
    "a condition": document(statement(Condition={"StringEquals": {"aws:ResourceTag/stage": "prod"}})),
    "at its longest": document(statement(Sid="x" * (2000 - len(document(statement(Sid="")))))),
}


@pytest.mark.parametrize("name", SOUND)
def test_sound_documents(lab, project, name):
    put(lab, project, text=SOUND[name])
    assert listed(lab, project)[0]["PolicyDocument"] == SOUND[name]


# The document, and what the message must name.
MALFORMED = {
    "not JSON": ("no", "policy"),
    "an array": ("[]", "object"),
    "a text": ('"x"', "object"),
    "cut short": (document()[:-1], "policy"),
    "empty": ("{}", "Statement"),
    "no statements": (json.dumps({"Statement": []}), "statement"),
    "a statement that is a text": (json.dumps({"Statement": ["x"]}), "statement 1"),
    "an unknown version": (document(**{"Version": "2020-01-01"}), "Version"),
    "an unknown member": (document(Extra="x"), "Extra"),
    "no effect": (document(statement(Effect=None)), "Effect"),
    "another effect": (document(statement(Effect="Maybe")), "Effect"),
    "no principal": (document(statement(Principal=None)), "Principal"),
    "no action": (document(statement(Action=None)), "Action"),
    "no resource": (document(statement(Resource=None)), "Resource"),
    "the second statement": (document(statement(), statement(Resource=None)), "statement 2"),
    "another action": (document(statement(Action="rekognition:DetectCustomLabels")), "CopyProjectVersion"),
    "any action": (document(statement(Action="*")), "CopyProjectVersion"),
    "a wildcard in the action": (document(statement(Action="rekognition:Copy*")), "CopyProjectVersion"),
    "one action too many": (document(statement(Action=["rekognition:CopyProjectVersion", "s3:GetObject"])),
                            "s3:GetObject"),
    "no action in the array": (document(statement(Action=[])), "Action"),
    "NotAction": (document(statement(Action=None, NotAction="rekognition:CopyProjectVersion")), "NotAction"),
    "NotResource": (document(statement(Resource=None, NotResource="*")), "NotResource"),
    "NotPrincipal": (document(statement(Principal=None, NotPrincipal={"AWS": OTHER})), "NotPrincipal"),
    "NotPrincipal beside Principal": (document(statement(NotPrincipal={"AWS": OTHER})), "NotPrincipal"),
    "a principal that is a text": (document(statement(Principal=OTHER)), "Principal"),
    "everybody": (document(statement(Principal="*")), "Principal"),
    "every account": (document(statement(Principal={"AWS": "*"})), "Principal"),
    "a service": (document(statement(Principal={"Service": "ec2.amazonaws.com"})), "Principal"),
    "a service beside": (document(statement(Principal={"AWS": OTHER, "Service": "x"})), "Principal"),
    "eleven digits": (document(statement(Principal={"AWS": OTHER[1:]})), "Principal"),
    "a group": (document(statement(Principal={"AWS": f"arn:aws:iam::{OTHER}:group/x"})), "Principal"),
    "a user without a name": (document(statement(Principal={"AWS": f"arn:aws:iam::{OTHER}:user/"})), "Principal"),
    "no principal in the array": (document(statement(Principal={"AWS": []})), "Principal"),
    "a number": (document(statement(Principal={"AWS": 210987654321})), "Principal"),
    "a project": (document(statement(Resource="arn:aws:rekognition:us-east-1:1:project/birds/1")), "resource"),
    "a bucket": (document(statement(Resource="arn:aws:s3:::bucket/project/x/version/y")), "resource"),
    "a word": (document(statement(Resource="birds")), "resource"),
    "an unknown condition": (document(statement(Condition={"IpAddress": {"aws:SourceIp": "1.2.3.4"}})), "IpAddress"),
    "Effect twice": ('{"Statement":{"Effect":"Allow","Effect":"Deny","Principal":{"AWS":"210987654321"},'
                     '"Action":"rekognition:CopyProjectVersion","Resource":"*"}}', "twice"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_documents(lab, project, name):
    text, named = MALFORMED[name]
    code, message = error_of(put, lab, project, text=text)
    assert code == "MalformedPolicyDocumentException"
    assert named in message
    assert listed(lab, project) == []


@pytest.mark.parametrize("member, value, constraint", [
    ("PolicyName", "a b", "pattern"), ("PolicyName", "x" * 129, "length less"), ("PolicyName", "", "length greater"),
    ("PolicyRevisionId", "xyz", "pattern"), ("PolicyRevisionId", "a" * 65, "length less"),
    ("PolicyDocument", "x" * 2001, "length less"), ("PolicyDocument", "", "length greater"),
    ("PolicyDocument", "Ā", "pattern"), ("PolicyDocument", "\x01", "pattern"), ("PolicyDocument", None, "null"),
    ("PolicyName", None, "null"), ("ProjectArn", "arn:aws:rekognition:us-east-1:123456789012:project/x", "pattern"),
])
def test_constraints(lab, project, member, value, constraint):
    answer = lab.wire.post("PutProjectPolicy", {"ProjectArn": project, "PolicyName": "copy",
                                                "PolicyDocument": document(), member: value})
    assert answer.type == "ValidationException"
    assert constraint in answer.message
