"""What must be true of a server that is killed again and again: a plain model of projects, datasets and model versions.

A `World` is what one client owns. It holds the *final* state of everything acknowledged: a job that is promised counts
as done, for it will be. A call that was under way when the server died leaves two worlds, before and after, and the
server must show one of them. `observe` reads the server into the same shape; `differences` compares.
"""
import collections
import copy
import json
import time

SETTLE_SECONDS = 120
IN_PROGRESS = ("CREATE_IN_PROGRESS", "UPDATE_IN_PROGRESS", "DELETE_IN_PROGRESS")
MOVING = ("TRAINING_IN_PROGRESS", "COPYING_IN_PROGRESS", "STARTING", "STOPPING", "DELETING")
WITH_MODEL = ("TRAINING_COMPLETED", "COPYING_COMPLETED", "RUNNING", "STOPPED")


class Wrong(AssertionError):
    """The server shows what it must not."""


class Dataset:
    """`entries` maps a source-ref to its label (None: unlabelled). `status` is the settled one, or those that may be."""

    def __init__(self, arn, entries, statuses, tags=None):
        self.arn = arn
        self.entries = entries
        self.statuses = statuses
        self.tags = tags or {}

    def stats(self):
        labels = {label for label in self.entries.values() if label}
        return (len(self.entries), sum(1 for label in self.entries.values() if label), len(labels), 0)

    def label_counts(self):
        return dict(collections.Counter(label for label in self.entries.values() if label))


class Version:
    """A model version: `statuses` as above. Its name says what it sees: all that begin alike, to the dot, see alike."""

    def __init__(self, arn, statuses, tags=None):
        self.arn = arn
        self.statuses = statuses
        self.tags = tags or {}

    def has_model(self):
        return set(self.statuses) <= set(WITH_MODEL)


class Project:
    def __init__(self, arn, tags):
        self.arn = arn
        self.tags = tags
        self.datasets = {}  # "TRAIN", "TEST" -> Dataset
        self.versions = {}  # name -> Version
        self.policies = {}  # name -> (document, revision; None: nobody heard it)
        self.distributed = False  # a distribution was promised; which fifth it takes is not known yet

    def union(self):
        return {source: label for dataset in self.datasets.values() for source, label in dataset.entries.items()}


class World:
    def __init__(self):
        self.projects = {}  # name -> Project

    def copy(self):
        return copy.deepcopy(self)


# --- what the server shows --------------------------------------------------------------------------------------------

def stats_of(description):
    stats = description["DatasetStats"]
    return stats["TotalEntries"], stats["LabeledEntries"], stats["TotalLabels"], stats["ErrorEntries"]


def entries_of(api, arn):
    """All entries through the paginator; a source-ref twice is Wrong."""
    entries = {}
    for page in api.get_paginator("list_dataset_entries").paginate(DatasetArn=arn):
        for line in page["DatasetEntries"]:
            entry = json.loads(line)
            if entry["source-ref"] in entries:
                raise Wrong(f"{arn} has {entry['source-ref']} twice")
            metadata = entry.get("attribute-0-metadata")
            entries[entry["source-ref"]] = metadata["class-name"] if metadata else None
    return entries


def labels_of(api, arn):
    pages = api.get_paginator("list_dataset_labels").paginate(DatasetArn=arn)
    return {row["LabelName"]: row["LabelStats"]["EntryCount"]
            for page in pages for row in page["DatasetLabelDescriptions"]}


def wait_settled(api, arn, during=None):
    """The description once no job is at work, None once it is deleted; statistics under way must be among `during`."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        try:
            description = api.describe_dataset(DatasetArn=arn)["DatasetDescription"]
        except api.exceptions.ResourceNotFoundException:
            return None
        if description["Status"] not in IN_PROGRESS:
            return description
        if during is not None and description["Status"] != "DELETE_IN_PROGRESS" \
                and stats_of(description) not in during:
            raise Wrong(f"{arn} is {description['Status']} and shows {stats_of(description)}, not one of {during}")
        if time.monotonic() > deadline:
            raise Wrong(f"{arn} is still {description['Status']} after {SETTLE_SECONDS} s")
        time.sleep(0.02)


def versions_of(api, arn):
    """{name: description} once none of them moves any more."""
    deadline = time.monotonic() + SETTLE_SECONDS
    while True:
        pages = api.get_paginator("describe_project_versions").paginate(ProjectArn=arn)
        found = [version for page in pages for version in page["ProjectVersionDescriptions"]]
        moving = [(version["ProjectVersionArn"], version["Status"]) for version in found if version["Status"] in MOVING]
        if not moving:
            return {version["ProjectVersionArn"].split("/")[3]: version for version in found}
        if time.monotonic() > deadline:
            raise Wrong(f"still moving after {SETTLE_SECONDS} s: {moving}")
        time.sleep(0.05)


def observe_versions(api, project_arn):
    return {name: Version(description["ProjectVersionArn"], (description["Status"],),
                          api.list_tags_for_resource(ResourceArn=description["ProjectVersionArn"])["Tags"])
            for name, description in versions_of(api, project_arn).items()}


def observe_policies(api, project_arn):
    pages = api.get_paginator("list_project_policies").paginate(ProjectArn=project_arn)
    return {policy["PolicyName"]: (policy["PolicyDocument"], policy["PolicyRevisionId"])
            for page in pages for policy in page["ProjectPolicies"]}


def observe(api, prefix):
    """The world of the projects whose names begin so, when everything has settled."""
    world = World()
    for page in api.get_paginator("describe_projects").paginate():
        for row in page["ProjectDescriptions"]:
            arn = row["ProjectArn"]
            name = arn.split("/")[1]
            if not name.startswith(prefix):
                continue
            project = world.projects[name] = Project(arn, api.list_tags_for_resource(ResourceArn=arn)["Tags"])
            project.policies = observe_policies(api, arn)
            project.versions = observe_versions(api, arn)
            for listed in row.get("Datasets", []):
                description = wait_settled(api, listed["DatasetArn"])
                if description is not None:
                    project.datasets[listed["DatasetType"]] = observe_dataset(api, listed["DatasetArn"], description)
    return world


def observe_dataset(api, arn, description):
    tags = api.list_tags_for_resource(ResourceArn=arn)["Tags"]
    failed = description["Status"] == "CREATE_FAILED"
    dataset = Dataset(arn, {} if failed else entries_of(api, arn), (description["Status"],), tags)
    if stats_of(description) != dataset.stats():
        raise Wrong(f"{arn} says {stats_of(description)} and lists {dataset.stats()}")
    if not failed and labels_of(api, arn) != dataset.label_counts():
        raise Wrong(f"{arn}: labels {labels_of(api, arn)}, its entries say {dataset.label_counts()}")
    return dataset


# --- the comparison ---------------------------------------------------------------------------------------------------

def differences(expected, seen):
    """What is wrong with `seen`, as sentences."""
    said = []
    for name in sorted(set(expected.projects) | set(seen.projects)):
        want, have = expected.projects.get(name), seen.projects.get(name)
        if not want or not have:
            said.append(f"the project {name} is {'there, and was deleted or never made' if have else 'lost'}")
            continue
        if want.tags != have.tags:
            said.append(f"{name}: tags {have.tags}, not {want.tags}")
        said += policy_differences(name, want, have) + version_differences(name, want, have)
        if set(want.datasets) != set(have.datasets):
            said.append(f"{name}: datasets {sorted(have.datasets)}, not {sorted(want.datasets)}")
            continue
        said += project_differences(name, want, have)
    return said


def policy_differences(name, want, have):
    same = set(want.policies) == set(have.policies)
    same = same and all(document == have.policies[policy][0] and revision in (None, have.policies[policy][1])
                        for policy, (document, revision) in want.policies.items())
    return [] if same else [f"{name}: policies {have.policies}, not {want.policies}"]


def version_differences(name, want, have):
    if set(want.versions) != set(have.versions):
        return [f"{name}: versions {sorted(have.versions)}, not {sorted(want.versions)}"]
    said = []
    for version, expected in want.versions.items():
        seen = have.versions[version]
        if expected.arn and expected.arn != seen.arn:
            said.append(f"{name} {version} is {seen.arn}, not {expected.arn}")
        if seen.statuses[0] not in expected.statuses:
            said.append(f"{name} {version} is {seen.statuses[0]}, not one of {expected.statuses}")
        if seen.tags != expected.tags:
            said.append(f"{name} {version}: tags {seen.tags}, not {expected.tags}")
    return said


def project_differences(name, want, have):
    said = []
    if want.distributed:
        said += distribution_differences(name, want, have)
    for kind, dataset in want.datasets.items():
        other = have.datasets[kind]
        if dataset.tags != other.tags:
            said.append(f"{name} {kind}: tags {other.tags}, not {dataset.tags}")
        if not want.distributed and dataset.statuses and other.statuses[0] not in dataset.statuses:
            said.append(f"{name} {kind} is {other.statuses[0]}, not one of {dataset.statuses}")
        if not want.distributed and dataset.entries != other.entries:
            lost = dataset.entries.items() - other.entries.items()
            more = other.entries.items() - dataset.entries.items()
            said.append(f"{name} {kind}: {len(lost)} entries lost, {len(more)} not known: "
                        f"{sorted(map(str, lost))[:3]} {sorted(map(str, more))[:3]}")
    return said


def distribution_differences(name, want, have):
    """A stratified fifth has moved, or nothing at all where a label cannot be on both sides."""
    union, train, test = want.union(), have.datasets["TRAIN"], have.datasets["TEST"]
    if train.statuses != test.statuses:
        return [f"{name}: one half of a distribution is {train.statuses[0]}, the other {test.statuses[0]}"]
    if set(train.entries) & set(test.entries):
        return [f"{name}: {len(set(train.entries) & set(test.entries))} entries are on both sides"]
    if have.union() != union:
        return [f"{name}: the two sides have {len(have.union())} entries, not the {len(union)} there were"]
    if train.statuses[0] == "UPDATE_FAILED":
        return [] if not test.entries else [f"{name}: a failed distribution has moved {len(test.entries)} entries"]
    fifth = (2 * len(union) + 5) // 10
    labels = len({label for label in union.values() if label})  # each may need one entry more on its smaller side
    if train.statuses[0] != "UPDATE_COMPLETE" or abs(len(test.entries) - fifth) > labels:
        return [f"{name}: {train.statuses[0]}, {len(test.entries)} of {len(union)} moved, not {fifth}"]
    return []
