"""Fixtures of all suites. A test takes `lab` (its own region of the shared server) or `start_server` (its own server)."""
import os
import signal

import pytest

from harness.clients import close_clients
from harness.lab import Lab, fresh_name, fresh_region
from harness.models import ModelLab, model_flags
from harness.postgres import close_shared
from harness.server import Server
from harness.users import Users

# boto3 in this process: nothing of the user's own configuration.
for variable in [name for name in os.environ if name.startswith("AWS_")]:
    del os.environ[variable]
os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull, AWS_EC2_METADATA_DISABLED="true")

# A shell starts what it puts into the background with SIGINT ignored, and so would every program under test ignore it:
# a test that interrupts one would wait for ever.
signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture(scope="session", autouse=True)
def postgres_of_this_process():
    """Ends it behind all servers; one is only started where a test asks for it."""
    yield
    close_shared()


def pytest_collection_modifyitems(items):
    for item in items:
        if "model_server" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.trains)


@pytest.fixture(scope="session")
def server(tmp_path_factory):
    """One server with default settings for all tests of a worker process."""
    shared = Server(tmp_path_factory.mktemp("shared") / "data")
    shared.start()
    yield shared
    shared.ensure_stopped()


@pytest.fixture
def start_server(tmp_path):
    """Starts servers with flags of the test's own; stops them after it."""
    started = []

    def start(*flags, **options):
        options.setdefault("data", tmp_path / fresh_name("data"))
        own = Server(flags=flags, **options)
        started.append(own)
        return own.start()

    yield start
    for own in started:
        own.ensure_stopped()


@pytest.fixture(autouse=True)
def closed_clients():
    yield
    close_clients()


@pytest.fixture
def lab(server):
    return Lab(server)


@pytest.fixture
def users(server):
    return Users(server)


@pytest.fixture(scope="session")
def model_server(tmp_path_factory):
    """Likewise, one that can train: it has a backbone."""
    shared = Server(tmp_path_factory.mktemp("models") / "data", flags=model_flags())
    shared.start()
    yield shared
    shared.ensure_stopped()


@pytest.fixture(scope="session")
def model_region():
    """Of what is trained: a version can be copied within its region only."""
    return fresh_region()


@pytest.fixture
def models(model_server, model_region):
    return ModelLab(model_server, model_region)


@pytest.fixture(scope="session")
def model(model_server, model_region):
    """A trained version that nobody changes; `own_model` is a copy for a test of its own."""
    arn = ModelLab(model_server, model_region).train()
    close_clients()
    return arn


@pytest.fixture
def own_model(models, model):
    return models.copy_version(model)


@pytest.fixture
def model_users(model_server):
    return Users(model_server)
