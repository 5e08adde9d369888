"""The operator of a server that is killed again and again: keys, buckets, trainings by the program's own commands.

A command that exits with 0 is a promise. One that does not may have done its work or not, and is the last one until the
server's next start.
"""
import json
import threading
import urllib.error
import urllib.request

from crash.torture_model import Wrong

KEYS_MOST = 6
ACCOUNT = "000000000042"
MADE = "made by a command that did not come back"


class Operator(threading.Thread):
    def __init__(self, rng, server):
        super().__init__(daemon=True)
        self.rng = rng
        self.server = server
        self.state = ({}, {})  # key id -> whether it is enabled; bucket -> account
        self.maybe = None
        self.calls = 0
        self.wrong = None
        self.favourite = None
        self.ends = threading.Event()

    def successor(self):
        other = Operator(self.rng, self.server)
        other.state, other.calls = self.state, self.calls
        return other

    def head_for(self, point):
        self.favourite = {"key_add": "create", "key_set_disabled": "turn", "key_delete": "delete",
                          "session_add": "session", "bucket_assign": "assign", "store_ping": "ask",
                          "job_cancel": "cancel"}.get(point)

    def run(self):
        try:
            while not self.ends.wait(0.02) and self.maybe is None:
                likely = [self.favourite] * 5 if self.favourite and self.state[0] else []
                move = self.rng.choice(["create", "create", "turn", "delete", "session", "assign", "ask", "cancel"]
                                       + likely)
                getattr(self, move)()
        except Exception as wrong:  # reported by the epoch, with the seed
            self.wrong = wrong

    def command(self, after, *arguments):
        """`after`: the state once it is done. What it printed; None where it may not be done."""
        run = self.server.placard(*arguments, check=False)
        if run.returncode != 0:
            self.maybe = after
            return None
        self.state = after
        self.calls += 1
        return run.stdout

    def create(self):
        keys, buckets = self.state
        if len(keys) >= KEYS_MOST:
            return self.delete()
        said = self.command(({**keys, MADE: True}, buckets), "keys", "create", "--account", ACCOUNT, "--json")
        if said is not None:
            self.state = ({**keys, json.loads(said)["AccessKeyId"]: True}, buckets)

    def any_key(self):
        return self.rng.choice(sorted(self.state[0])) if self.state[0] else None

    def turn(self):
        keys, buckets = self.state
        key = self.any_key()
        if key:
            enable = not keys[key]
            self.command(({**keys, key: enable}, buckets), "keys", "enable" if enable else "disable", key)

    def delete(self):
        keys, buckets = self.state
        key = self.any_key()
        if key:
            self.command(({other: on for other, on in keys.items() if other != key}, buckets), "keys", "delete", key)

    def session(self):
        key = self.any_key()
        if key and self.state[0][key]:
            self.command(self.state, "keys", "session", key)

    def assign(self):
        keys, buckets = self.state
        bucket, account = f"bucket{self.rng.randint(0, 3)}", f"{self.rng.randint(1, 9):012}"
        self.command((keys, {**buckets, bucket: account}), "buckets", "assign", bucket, account)

    def ask(self):
        """/readyz writes a row of its own."""
        try:
            urllib.request.urlopen(self.server.url + "/readyz", timeout=30).close()
        except (urllib.error.URLError, ConnectionError):
            self.ends.wait(0.1)

    def cancel(self):
        """A training that nobody counts on: `long` in its version's name. It may have ended just now."""
        run = self.server.placard("jobs", "--json", check=False)
        rows = [json.loads(line) for line in run.stdout.splitlines()] if run.returncode == 0 else []
        for row in rows:
            if "/version/long" in row.get("version", "") and row["kind"] == "train":
                self.server.placard("jobs", "cancel", str(row["id"]), check=False)
                self.calls += 1

    def verify(self):
        rows = [json.loads(line) for line in self.server.placard("keys", "list", "--json").stdout.splitlines()]
        keys = {row["AccessKeyId"]: row["Enabled"] for row in rows}
        lines = [line.split() for line in self.server.placard("buckets", "list").stdout.splitlines()]
        buckets = {bucket: account for account, bucket, *more in lines if not more}
        for known, assigned in [self.state] + ([self.maybe] if self.maybe else []):
            strangers = [key for key in keys if key not in known]
            if MADE in known and len(strangers) == 1:
                known = {strangers[0] if key == MADE else key: on for key, on in known.items()}
            if (keys, buckets) == (known, assigned):
                self.state, self.maybe = (keys, buckets), None
                return
        raise Wrong(f"the operator sees {keys} {buckets}, not {self.state} or {self.maybe}")
