"""The PostgreSQL driver alone: postgres_driver.c against a real server."""
import subprocess

from harness import postgres
from harness.server import BINARY, SANITIZER, environment


def test_driver():
    run = subprocess.run([BINARY.parent / "tests" / "nodes" / "postgres_driver", postgres.shared().database()],
                         capture_output=True, text=True, env=environment(), timeout=120, check=False)
    assert run.returncode == 0 and not SANITIZER.search(run.stderr), run.stdout + run.stderr
