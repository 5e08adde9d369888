"""`@aws-sdk/client-rekognition`, unmodified: main_flow.mjs says what it does."""
import shutil
import subprocess
from pathlib import Path

from harness.manifests import image_entry, manifest
from harness.server import environment

HERE = Path(__file__).resolve().parent


def test_main_flow(lab):
    entries = [image_entry(lab.bucket.image(number), ("cat", "dog")[number % 2]) for number in range(20)]
    lab.bucket.put("train.manifest", manifest(entries))
    run = subprocess.run(
        [shutil.which("node"), HERE / "main_flow.mjs"], cwd=HERE, capture_output=True, text=True, timeout=120, check=False,
        env=environment(ENDPOINT=lab.server.url, REGION=lab.region, BUCKET=lab.bucket.name,
                        AWS_ACCESS_KEY_ID=lab.key.access, AWS_SECRET_ACCESS_KEY=lab.key.secret,
                        AWS_CONFIG_FILE="/dev/null", AWS_SHARED_CREDENTIALS_FILE="/dev/null"))
    assert (run.returncode, run.stdout) == (0, "done\n"), run.stderr
