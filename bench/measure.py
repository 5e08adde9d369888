"""What the programs of bench/ share: servers, the load generator, manifests, and the table at the end.

Servers listen on free ports of 127.0.0.1 and are stopped by process id. Everything is written below one folder:
$PLACARD_BENCH_DIR, else placard-bench in the folder for temporary files; manifests are kept there for the next run.
"""
import contextlib
import http.client
import json
import os
import platform
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
os.environ.setdefault("PLACARD_BINARY", str(ROOT / "build" / "placard"))
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]

from harness.clients import Wire  # noqa: E402
from harness.server import BINARY, ROOT_KEY, Server  # noqa: E402
from make_manifest import write_manifest  # noqa: E402

FOLDER = Path(os.environ.get("PLACARD_BENCH_DIR", Path(tempfile.gettempdir()) / "placard-bench"))
LOAD = Path(os.environ.get("PLACARD_LOAD", BINARY.parent / "bench" / "load"))
BARE = LOAD.with_name("bare")
REGION = "us-east-1"
BUCKET = "bench"
READY_SECONDS = 30
POLL_SECONDS = 0.01
DISTURBANCE = 0.05
CLOCK_ERROR_SECONDS = 0.03
PATIENCE_SECONDS = float(os.environ.get("PLACARD_BENCH_PATIENCE", 60))


# --- manifests and servers -------------------------------------------------------------------------------------------

def manifest(lines):
    """The path of a manifest of so many lines, made when it is not there yet."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    path = FOLDER / f"{lines}.manifest"
    if not path.exists():
        write_manifest(path, lines)
    return path


@contextlib.contextmanager
def serving(*flags):
    """A server over an empty data directory."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="run-", dir=FOLDER))
    server = Server(folder / "data", flags)
    try:
        server.start()
        yield server
        server.stop()
    finally:
        if server.process is not None:
            server.kill()
        shutil.rmtree(folder, ignore_errors=True)


class Caller:
    """Signed calls by one client, not for timing; finish() is made to disturb little."""

    def __init__(self, server):
        self.server = server
        self.wire = Wire(server, REGION)

    def __call__(self, operation, **body):
        return self.wire.ask(operation, body)

    def lend(self, path):
        """The manifest as an S3Object of the server's bucket: another name of the same file."""
        bucket = self.server.bucket_folder(BUCKET)
        bucket.mkdir(parents=True, exist_ok=True)
        if not (bucket / path.name).exists():
            os.link(path, bucket / path.name)
        return {"S3Object": {"Bucket": BUCKET, "Name": path.name}}

    def project(self, name):
        return self("CreateProject", ProjectName=name)["ProjectArn"]

    def create(self, project, path):
        """CreateDataset from a manifest; does not wait."""
        return self("CreateDataset", ProjectArn=project, DatasetType="TRAIN",
                    DatasetSource={"GroundTruthManifest": self.lend(path)})["DatasetArn"]

    def finish(self, arn, each=lambda: None, stop=lambda: False):
        """
        Waits for the end of a dataset's creation, or until `stop`; `each` runs at every look. One request, signed
        once, through one connection.
        """
        body = json.dumps({"DatasetArn": arn}).encode()
        headers = dict(self.wire.signed("DescribeDataset", body).headers.items())
        with contextlib.closing(http.client.HTTPConnection("127.0.0.1", self.server.port)) as connection:
            while not stop():
                connection.request("POST", "/", body=body, headers=headers)
                description = json.load(connection.getresponse())["DatasetDescription"]
                if description["Status"] != "CREATE_IN_PROGRESS":
                    assert description["Status"] == "CREATE_COMPLETE", description
                    return description
                each()
                time.sleep(POLL_SECONDS)
        return None

    def drain(self):
        """Until no dataset is being created."""
        for project in self("DescribeProjects", MaxResults=100)["ProjectDescriptions"]:
            for dataset in project.get("Datasets", []):
                self.finish(dataset["DatasetArn"])

    def metrics(self):
        """{name with its labels: value}"""
        answer = self.wire.send("GET", "/metrics", {}, b"")
        assert answer.status == 200, answer
        lines = (line.rsplit(" ", 1) for line in answer.body.decode().splitlines() if not line.startswith("#"))
        return {name: float(value) for name, value in lines}

    def cpu_seconds(self):
        """User and system time of the server since its start."""
        fields = Path(f"/proc/{self.server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


class Ingest:
    """`with Ingest(...)`: creates one dataset after the other, so that an ingest runs all the time."""

    def __init__(self, server, path):
        self.caller = Caller(server)
        self.path = path
        self.ending = threading.Event()
        self.begun = threading.Event()
        self.thread = threading.Thread(target=self._run)
        self.finished = 0
        self.failure = None

    def _begin(self):
        return self.caller.create(self.caller.project(f"ingest-{time.time_ns()}"), self.path)

    def _run(self):
        try:
            arn = self._begin()
            while not self.ending.is_set():
                following = self._begin()  # promised before the one before it ends: the runner never idles
                self.begun.set()
                if self.caller.finish(arn, stop=self.ending.is_set):
                    self.finished += 1
                arn = following
        except Exception as failure:  # told by __exit__, in the thread that asked for the ingest
            self.failure = failure
            self.begun.set()

    def __enter__(self):
        self.thread.start()
        self.begun.wait()
        return self

    def __exit__(self, *_):
        self.ending.set()
        self.thread.join()
        if self.failure:
            raise self.failure


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


def wait_for_port(port, process):
    deadline = time.monotonic() + READY_SECONDS
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return
        except OSError:
            assert process.poll() is None and time.monotonic() < deadline, "nginx did not start"
            time.sleep(0.0005)


NGINX = """
daemon off; worker_processes {workers}; pid {folder}/pid; error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
    access_log off; keepalive_requests 1000000000; keepalive_timeout 600s;
    client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy; fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi; scgi_temp_path {folder}/scgi;
    default_type application/x-amz-json-1.1;
    server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{body}'; }} }}
}}
"""


@contextlib.contextmanager
def nginx(length, workers=2):
    """nginx answering everything with `length` bytes; gives (port, pid of the master)."""
    folder = Path(tempfile.mkdtemp(prefix="nginx-"))
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(NGINX.format(folder=folder, port=port, workers=workers, body="x" * length))
    folder.chmod(0o755)
    command = [shutil.which("nginx", path=os.environ["PATH"] + ":/usr/sbin"), "-c", config, "-e", folder / "error.log"]
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        wait_for_port(port, process)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()
        shutil.rmtree(folder, ignore_errors=True)


@contextlib.contextmanager
def bare(length, pool_bytes):
    """libmicrohttpd alone, answering `length` bytes with so much memory a connection; gives (port, pid)."""
    process = subprocess.Popen([BARE, str(length), str(pool_bytes)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE)
    try:
        yield int(process.stdout.readline()), process.pid
    finally:
        process.terminate()
        process.wait()


# --- the load generator, processes -----------------------------------------------------------------------------------

def load(port, key, operation, body, **flags):
    """Runs bench/load; its JSON. No answer may be wrong."""
    command = [LOAD, "--port", port, "--key", key.access, "--secret", key.secret, "--region", REGION, "--operation",
               operation, "--body", body if isinstance(body, str) else json.dumps(body)]
    for name, value in flags.items():
        command += ["--" + name.replace("_", "-"), value]
    run = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False)
    assert run.returncode == 0, run.stderr
    result = json.loads(run.stdout)
    assert result["errors"] == 0, f"{result['errors']} wrong answers: {run.stderr}"
    return result


def memory_mib(pid, name):
    """VmHWM, VmRSS and their like."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(name + ":"):
            return int(line.split()[1]) / 1024
    raise KeyError(name)


def data_bytes(server):
    """Bytes of the data directory's files, buckets left out."""
    total = 0
    for folder, names, files in os.walk(server.data):
        if Path(folder) == server.data and "buckets" in names:
            names.remove("buckets")
        for name in files:
            with contextlib.suppress(FileNotFoundError):
                total += os.lstat(os.path.join(folder, name)).st_size
    return total


# --- a machine of one's own ------------------------------------------------------------------------------------------

def _machine_seconds():
    """CPU seconds of all processes, those that other guests of the host took included."""
    fields = Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:]
    user, nice, system, _, _, _, _, steal = (int(field) for field in fields[:8])
    return (user + nice + system + steal) / os.sysconf("SC_CLK_TCK")


def _own_seconds():
    """CPU seconds of this process and all its descendants, the ended ones included."""
    parents, seconds = {}, {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            fields = path.read_text().rsplit(")", 1)[1].split()
            parents[int(path.parent.name)] = int(fields[1])
            seconds[int(path.parent.name)] = sum(map(int, fields[11:15])) / os.sysconf("SC_CLK_TCK")

    def is_own(pid):
        while pid and pid != os.getpid():
            pid = parents.get(pid, 0)
        return bool(pid)
    return sum(took for pid, took in seconds.items() if is_own(pid))


def undisturbed(run):
    """
    The result of run(), taken while others had at most DISTURBANCE of one core: otherwise it is thrown away and taken
    again, after PATIENCE_SECONDS at the latest it counts all the same. `undisturbed.thrown` and `.dirty` count both.
    """
    deadline = time.monotonic() + PATIENCE_SECONDS
    while True:
        begun, machine_before, own_before = time.monotonic(), _machine_seconds(), _own_seconds()
        result = run()
        foreign = _machine_seconds() - machine_before - (_own_seconds() - own_before)
        if foreign <= DISTURBANCE * (time.monotonic() - begun) + CLOCK_ERROR_SECONDS:
            return result
        if time.monotonic() > deadline:
            undisturbed.dirty += 1
            return result
        undisturbed.thrown += 1
        time.sleep(2)


undisturbed.thrown = undisturbed.dirty = 0


# --- the report ------------------------------------------------------------------------------------------------------

def machine():
    model = next((line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
                  if line.startswith("model name")), "unknown processor")
    memory = int(Path("/proc/meminfo").read_text().split()[1]) / 1024 / 1024
    return (f"{model}, {os.cpu_count()} cores, {memory:.0f} GiB; {platform.system()} {platform.release()}; "
            f"files on {filesystem(FOLDER)}")


def filesystem(path):
    path.mkdir(parents=True, exist_ok=True)
    run = subprocess.run(["stat", "-f", "-c", "%T", path], capture_output=True, text=True, check=False)
    return run.stdout.strip() or "an unknown file system"


def spread(values, form="{:.2f}"):
    """The median, and the extremes where there are several."""
    middle = form.format(statistics.median(values))
    if len(values) == 1:
        return middle
    return f"{middle} ({form.format(min(values))} to {form.format(max(values))})"


class Report:
    """Rows of figure, measured, bar and verdict. A row without a bar is there to be known."""

    def __init__(self, title):
        self.title = title
        self.rows = []
        self.missed = 0

    def bar(self, figure, shown, value, most):
        passed = value <= most
        self.missed += not passed
        self.rows.append((figure, shown, f"at most {most:g}", "PASS" if passed else "MISSED"))

    def at_least(self, figure, shown, value, least):
        passed = value >= least
        self.missed += not passed
        self.rows.append((figure, shown, f"at least {least:g}", "PASS" if passed else "MISSED"))

    def note(self, figure, shown):
        self.rows.append((figure, shown, "", ""))

    def end(self):
        """Prints the table; the exit status."""
        head = ("figure", "measured", "bar", "")
        widths = [max(len(row[place]) for row in [head, *self.rows]) for place in range(4)]
        print(f"\n{self.title}\n{machine()}\n")
        for row in [head, ["-" * width for width in widths], *self.rows]:
            print("| " + " | ".join(cell.ljust(width) for cell, width in zip(row, widths)) + " |")
        if undisturbed.thrown or undisturbed.dirty:
            print(f"\nOther processes disturbed: {undisturbed.thrown} runs were thrown away and taken again, "
                  f"{undisturbed.dirty} count although they were disturbed.")
        return 1 if self.missed else 0
