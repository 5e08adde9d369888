#!/usr/bin/python3
"""ListDatasetEntries: a page of 100 near the beginning and near the end, filtered pages, and what they cost.

    bench/pages.py [--lines 250000] [--seconds 3] [--rounds 3]

One connection, closed loop, every request signed; the tokens are those of a walk through all pages. Both places
alternate.
"""
import argparse
import statistics
import sys
import time

from measure import Caller, Report, load, manifest, serving, spread, undisturbed

DEPTH_BAR = 1.2
PAGE = 100
NEAR = 100


def walk(caller, arn, far, **filters):
    """The tokens that lead to the entries NEAR and `far`, seconds and pages of the walk, and entries found."""
    tokens, found, pages, token, begun = {}, 0, 0, None, time.perf_counter()
    while True:
        more = {"NextToken": token} if token else {}
        answer = caller("ListDatasetEntries", DatasetArn=arn, MaxResults=PAGE, **filters, **more)
        found += len(answer["DatasetEntries"])
        pages += 1
        token = answer.get("NextToken")
        if not token:
            return tokens, time.perf_counter() - begun, pages, found
        if found in (NEAR, far):
            tokens[found] = token


def page(server, body, given):
    return undisturbed(lambda: load(server.port, server.root_key, "ListDatasetEntries", body, connections=1,
                                    seconds=given.seconds, warmup_seconds=0.3, pid=server.process.pid))


def near_and_far(report, server, arn, tokens, far, given):
    runs = {NEAR: [], far: []}
    for _ in range(given.rounds):
        for place in runs:
            body = {"DatasetArn": arn, "MaxResults": PAGE, "NextToken": tokens[place]}
            runs[place].append(page(server, body, given))
    for place, all_of in runs.items():
        report.note(f"{PAGE} entries from {place} on: p50; p99; CPU, us", "; ".join(
            spread([run[name] for run in all_of], "{:.0f}") for name in ("p50_us", "p99_us", "cpu_us_per_request")))
    ratios = [deep["p50_us"] / first["p50_us"] for first, deep in zip(runs[NEAR], runs[far])]
    report.bar(f"p50 at {far} / p50 at {NEAR}", spread(ratios), statistics.median(ratios), DEPTH_BAR)


def filtered(report, server, caller, arn, given):
    """First pages of filters that match some, few and none; none is the losing case: every block has to be passed."""
    for what, filters in (("a label that an entry in 20 has", {"ContainsLabels": ["gear"]}),
                          ("a source-ref that one entry has", {"SourceRefContains": "IMG_00200000"}),
                          ("entries with errors: none", {"HasErrors": True}),
                          ("a label that none has", {"ContainsLabels": ["nowhere"]}),
                          ("a source-ref that none has", {"SourceRefContains": "nowhere"})):
        run = page(server, {"DatasetArn": arn, "MaxResults": PAGE, **filters}, given)
        _, seconds, pages, found = walk(caller, arn, 0, **filters)
        report.note(f"{what}: first page p50, us; all pages", f"{run['p50_us']:.0f}; {found} entries on {pages} "
                    f"pages in {seconds * 1000:.0f} ms")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--lines", type=int, default=250000)
    parser.add_argument("--seconds", type=float, default=3)
    parser.add_argument("--rounds", type=int, default=3)
    given = parser.parse_args()
    far = given.lines * 4 // 5 // PAGE * PAGE
    report = Report(f"ListDatasetEntries over {given.lines} entries")
    with serving("--limits", "none") as server:
        caller = Caller(server)
        arn = caller.create(caller.project("listed"), manifest(given.lines))
        caller.finish(arn)
        tokens, seconds, pages, found = walk(caller, arn, far)
        assert found == given.lines, found
        report.note("a walk through all pages, by one Python client", f"{pages} pages in {seconds:.1f} s")
        near_and_far(report, server, arn, tokens, far, given)
        filtered(report, server, caller, arn, given)
    return report.end()


if __name__ == "__main__":
    sys.exit(main())
