"""More users and accounts of a running server, made with `placard keys`."""
import json
import os
import re
import tempfile

from harness.lab import Lab, fresh_name
from harness.server import ACCOUNT, Key

ALLOW_ALL = {"Effect": "Allow", "Action": "*", "Resource": "*"}


def parse_key(text, account):
    """The key in what `placard keys` printed, which is in the form of AWS's credentials file."""
    def value(name):
        match = re.search(rf"^{name}\s*=\s*(\S+)$", text, re.M)
        return match.group(1) if match else None
    key = Key(value("aws_access_key_id"), value("aws_secret_access_key"), value("aws_session_token"), account)
    assert key.access and key.secret, text
    return key


class Users:
    def __init__(self, server):
        self.server = server

    def key(self, *statements, account=ACCOUNT, user=None):
        """A new user's key with these policy statements; with none, the user has no policy at all."""
        arguments = ["--account", account, "--user", user or fresh_name("user")]
        if not statements:
            return parse_key(self.server.placard("keys", "create", *arguments).stdout, account)
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as policy:
            json.dump({"Version": "2012-10-17", "Statement": list(statements)}, policy)
            policy.flush()
            os.chmod(policy.name, 0o644)
            return parse_key(self.server.placard("keys", "create", *arguments, "--policy", policy.name).stdout, account)

    def session(self, key, ttl_seconds):
        """Temporary credentials of a key."""
        run = self.server.placard("keys", "session", key.access, "--ttl", str(ttl_seconds))
        return parse_key(run.stdout, key.account)

    def lab(self, region, *statements, **who):
        return Lab(self.server, region, self.key(*statements, **who))
