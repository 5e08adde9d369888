"""What a client and an operator see of a whole server, as plain values that can be kept and compared."""
import datetime
import json

DROPPED = ("ResponseMetadata",)


def plain(value):
    """Times as text; dicts and lists through and through."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if key not in DROPPED}
    if isinstance(value, list):
        return [plain(item) for item in value]
    return value.astimezone(datetime.timezone.utc).isoformat() if isinstance(value, datetime.datetime) else value


def view_of_dataset(lab, arn):
    description = lab.describe(arn)
    view = {"description": plain(description), "tags": lab.api.list_tags_for_resource(ResourceArn=arn)["Tags"],
            "rejected": [json.loads(line) for line in lab.server.placard("rejected", arn).stdout.splitlines()]}
    if description["Status"] != "CREATE_FAILED":
        view["entries"] = lab.lines(arn)
        view["labels"] = {name: list(counts) for name, counts in lab.labels(arn).items()}
    return view


def view_of(lab):
    projects = [row for page in lab.api.get_paginator("describe_projects").paginate()
                for row in page["ProjectDescriptions"]]
    return {
        "projects": [{"row": plain(row), "tags": lab.api.list_tags_for_resource(ResourceArn=row["ProjectArn"])["Tags"],
                      "datasets": [view_of_dataset(lab, dataset["DatasetArn"]) for dataset in row["Datasets"]]}
                     for row in projects],
        "keys": [json.loads(line) for line in lab.server.placard("keys", "list", "--json").stdout.splitlines()],
        "buckets": lab.server.placard("buckets", "list").stdout.splitlines(),
    }
