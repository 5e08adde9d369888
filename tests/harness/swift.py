"""OpenStack Swift with its s3api, on loopback, in a temporary directory: an S3 server that many know, written by others.

One storage node with one device and one replica behind a proxy: four processes of Debian's python3-swift, no service of
the system. `with Swift(folder) as swift:` gives `url`, `access` and `secret`; what it started it stops by its pid.
"""
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

PYTHON = "/usr/bin/python3"  # Debian's packages are for this one
ACCOUNT, USER, SECRET = "test", "tester", "testing"
SERVERS = ["account", "container", "object", "proxy"]
READY_SECONDS = 60
# What Debian's scripts of these names do.
SERVE = ("import sys; from swift.common import utils; utils.set_swift_dir(sys.argv[3]); "
         "from swift.common.wsgi import run_wsgi; sys.exit(run_wsgi(sys.argv[1], sys.argv[2] + '-server', {'verbose': False}))")
BUILD_RING = "import sys; from swift.cli.ringbuilder import main; sys.argv[0] = 'ring'; main(sys.argv)"

COMMON = """[DEFAULT]
bind_ip = 127.0.0.1
bind_port = {port}
swift_dir = {folder}
workers = 0
log_address = {folder}/no-syslog
log_level = ERROR
"""
STORAGE = COMMON + """devices = {folder}/devices
mount_check = false
disable_fallocate = true
[pipeline:main]
pipeline = {kind}-server
[app:{kind}-server]
use = egg:swift#{kind}
"""
PROXY = COMMON + """[pipeline:main]
pipeline = catch_errors gatekeeper healthcheck cache listing_formats s3api tempauth copy slo proxy-server
[app:proxy-server]
use = egg:swift#proxy
account_autocreate = true
[filter:s3api]
use = egg:swift#s3api
location = us-east-1
storage_domain = localhost
[filter:tempauth]
use = egg:swift#tempauth
user_{account}_{user} = {secret} .admin
[filter:cache]
use = egg:swift#memcache
memcache_servers = 127.0.0.1:{nobody}
[filter:catch_errors]
use = egg:swift#catch_errors
[filter:gatekeeper]
use = egg:swift#gatekeeper
[filter:healthcheck]
use = egg:swift#healthcheck
[filter:listing_formats]
use = egg:swift#listing_formats
[filter:copy]
use = egg:swift#copy
[filter:slo]
use = egg:swift#slo
"""


def free_ports(count):
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(count)]
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Swift:
    access, secret = f"{ACCOUNT}:{USER}", SECRET

    def __init__(self, folder):
        self.folder = folder
        self.running = []
        *ports, self.nobody = free_ports(len(SERVERS) + 1)
        self.ports = dict(zip(SERVERS, ports))

    @property
    def url(self):
        return f"http://127.0.0.1:{self.ports['proxy']}"

    def log(self):
        return "".join(f"== {kind}\n{(self.folder / (kind + '.log')).read_text(errors='replace')}" for kind in SERVERS)

    def run(self, *arguments):
        done = subprocess.run([PYTHON, *map(str, arguments)], capture_output=True, text=True, check=False)
        assert done.returncode in (0, 1), done.stdout + done.stderr  # 1: the ring builder's word for a warning

    def make_rings(self):
        for kind in SERVERS[:3]:
            builder = self.folder / f"{kind}.builder"
            self.run("-c", BUILD_RING, builder, "create", 4, 1, 0)
            self.run("-c", BUILD_RING, builder, "add", f"r1z1-127.0.0.1:{self.ports[kind]}/device", 1)
            self.run("-c", BUILD_RING, builder, "rebalance")

    def start(self, kind):
        text = (PROXY if kind == "proxy" else STORAGE).format(
            kind=kind, port=self.ports[kind], folder=self.folder, account=ACCOUNT, user=USER, secret=SECRET,
            nobody=self.nobody)
        file = self.folder / f"{kind}.conf"
        file.write_text(text)
        with open(self.folder / f"{kind}.log", "wb") as log:
            self.running.append(subprocess.Popen([PYTHON, "-c", SERVE, file, kind, self.folder], stdin=subprocess.DEVNULL,
                                                 stdout=log, stderr=log, env={"PATH": "/usr/bin:/bin"}))

    def await_ready(self):
        deadline = time.monotonic() + READY_SECONDS
        while True:
            try:
                urllib.request.urlopen(self.url + "/healthcheck", timeout=5).close()
                return
            except (urllib.error.URLError, OSError):
                ended = [run.args[-2] for run in self.running if run.poll() is not None]
                if ended or time.monotonic() > deadline:
                    raise AssertionError(f"Swift does not start ({ended}):\n{self.log()}") from None
                time.sleep(0.1)

    def __enter__(self):
        (self.folder / "devices" / "device").mkdir(parents=True)
        (self.folder / "swift.conf").write_text("[swift-hash]\nswift_hash_path_suffix = placard\n")
        try:
            self.make_rings()
            for kind in SERVERS:
                self.start(kind)
            self.await_ready()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for run in self.running:
            run.send_signal(signal.SIGTERM)
        for run in self.running:
            try:
                run.wait(10)
            except subprocess.TimeoutExpired:
                run.kill()
                run.wait()
        self.running = []


if __name__ == "__main__":
    sys.exit("a part of tests/object/real-s3")
