"""The files of deploy/: each is what its reader takes, by that reader or by a linter, and each node's settings are ours."""
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from harness.server import BINARY, ROOT, environment

HERE = Path(__file__).resolve().parent
DEPLOY = ROOT / "deploy"
SYSTEMD = DEPLOY / "systemd"
COMPOSE = DEPLOY / "compose.yaml"
KUBERNETES = DEPLOY / "kubernetes" / "placard.yaml"
DOCKERFILE = DEPLOY / "Dockerfile"
STORE = "postgres://placard:secret@postgres/placard"


def run(*command, **more):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, check=False, **more)


def check(kind, file):
    done = run("node", HERE / "check.mjs", kind, file)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def configuration(*flags, **variables):
    """What `check-config` says of a node's settings."""
    done = run(BINARY, "check-config", *flags, env=environment(**variables))
    assert done.returncode == 0, done.stderr
    return run(BINARY, "print-config", *flags, env=environment(**variables)).stdout


def placard_variables(values):
    return {name: value for name, value in values.items() if name.startswith("PLACARD_")}


# Read from the environment alone, and so no settings.
KEYS = {"PLACARD_ACCESS_KEY_ID", "PLACARD_SECRET_ACCESS_KEY", "PLACARD_S3_ACCESS_KEY_ID", "PLACARD_S3_SECRET_ACCESS_KEY"}


def expect_taken(variables):
    """Each variable is a key, or a setting that arrives: a name that is misspelt would be ignored without a word."""
    said = configuration(**variables)
    for name in set(variables) - KEYS:
        setting = name.removeprefix("PLACARD_").lower().replace("_", "-")
        assert re.search(rf"^# \[environment\] .*\n{setting} = .", said, re.M), (name, said)


# --- systemd -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["front", "back"])
def test_a_nodes_configuration_is_one(name):
    said = configuration("--config", SYSTEMD / f"{name}.conf", PLACARD_STORE=STORE)
    assert "models = bucket:placard-models" in said


def test_every_role_is_somebodys():
    text = "".join((SYSTEMD / f"{name}.conf").read_text() for name in ("front", "back"))
    assert sorted(re.findall(r"^roles = (\w+)", text, re.M)) == ["api", "detect", "ingest", "train"]


@pytest.mark.parametrize("name", ["front", "back"])
def test_the_unit_is_one(name, tmp_path):
    """As systemd reads it, with a program and a manual page that are there."""
    text = (SYSTEMD / "placard@.service").read_text(encoding="utf-8")
    (tmp_path / "placard@.service").write_text(text.replace("/usr/local/bin/placard", "/bin/true").replace(
        "Documentation=man:placard(1)\n", ""))
    done = run("systemd-analyze", "verify", tmp_path / f"placard@{name}.service")
    assert (done.returncode, [line for line in done.stderr.splitlines() if "placard@" in line]) == (0, [])


def test_the_unit_confines_as_the_single_one_does():
    def settings(file):
        lines = file.read_text(encoding="utf-8").splitlines()
        return {line for line in lines if "=" in line and not line.startswith("#")}
    single = settings(ROOT / "packaging" / "placard.service")
    differ = single ^ settings(SYSTEMD / "placard@.service")
    assert {line.split("=")[0] for line in differ} == {"Description", "ExecStart", "EnvironmentFile", "Restart",
                                                       "StateDirectory"}


# --- YAML ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("file", [COMPOSE, KUBERNETES], ids=lambda file: file.name)
def test_the_yaml_is_clean(file):
    done = run("yamllint", "--strict", "-c", HERE / "yamllint.yaml", file)
    assert done.returncode == 0, done.stdout


# --- compose -------------------------------------------------------------------------------------------------------


def lint_compose(folder):
    return run("node", HERE / "node_modules" / ".bin" / "dclint", "-c", HERE / "dclint.json", "--max-warnings", "0",
               folder)


def test_compose_is_taken():
    done = lint_compose(DEPLOY)
    assert done.returncode == 0, done.stdout


def test_the_compose_linter_sees_faults(tmp_path):
    (tmp_path / "compose.yaml").write_text(COMPOSE.read_text().replace("restart: unless-stopped", "restart: [1]", 1))
    assert lint_compose(tmp_path).returncode != 0


def test_compose_nodes_have_settings_of_ours():
    services = yaml.safe_load(COMPOSE.read_text())["services"]
    nodes = {name: service for name, service in services.items() if service["image"] == "placard"}
    assert sorted(nodes) == ["back", "front-1", "front-2"]
    for service in nodes.values():
        variables = {name: re.sub(r"\$\{[^}]*\}", "secret", value)
                     for name, value in placard_variables(service["environment"]).items()}
        expect_taken(variables)
    roles = {role for service in nodes.values() for role in service["environment"]["PLACARD_ROLES"].split(",")}
    assert roles == {"api", "ingest", "train", "detect"}


# --- Kubernetes ----------------------------------------------------------------------------------------------------


def test_kubernetes_takes_the_manifest():
    assert check("kubernetes", KUBERNETES) == []


@pytest.mark.parametrize("old, new", [("maxReplicas: 20", "maxReplicas: many"), ("containerPort: 8790", "port: 8790"),
                                      ("failureThreshold: 6", "failureThreshold: six")])
def test_the_kubernetes_schemas_see_faults(tmp_path, old, new):
    file = tmp_path / "placard.yaml"
    file.write_text(KUBERNETES.read_text().replace(old, new, 1))
    assert check("kubernetes", file)


def objects(kind):
    return [row for row in yaml.safe_load_all(KUBERNETES.read_text()) if row["kind"] == kind]


def test_kubernetes_nodes_have_settings_of_ours():
    common = objects("ConfigMap")[0]["data"]
    secret = re.findall(r"--from-literal=(\w+)=", KUBERNETES.read_text())
    assert set(secret) == KEYS | {"PLACARD_STORE"}
    for row in objects("Deployment"):
        container, = row["spec"]["template"]["spec"]["containers"]
        own = {variable["name"]: variable["value"] for variable in container["env"]}
        expect_taken({**common, **own, "PLACARD_STORE": STORE})
        probes = {container[name]["httpGet"]["path"] for name in ("livenessProbe", "startupProbe")}
        assert probes == {"/healthz"} and container["readinessProbe"]["httpGet"]["path"] == "/readyz"
        assert container["ports"][0]["containerPort"] == 8790  # the image listens there


def test_kubernetes_parts_find_each_other():
    for row in objects("Deployment"):
        labels = row["spec"]["template"]["metadata"]["labels"]
        assert row["spec"]["selector"]["matchLabels"].items() <= labels.items()
    fronts = next(row for row in objects("Deployment") if row["metadata"]["name"] == "placard-front")
    labels = fronts["spec"]["template"]["metadata"]["labels"]
    assert objects("Service")[0]["spec"]["selector"].items() <= labels.items()
    budgets = [row["spec"]["selector"]["matchLabels"]["app.kubernetes.io/component"]
               for row in objects("PodDisruptionBudget")]
    assert sorted(budgets) == ["back", "front"]
    scaled = objects("HorizontalPodAutoscaler")[0]["spec"]["scaleTargetRef"]
    assert (scaled["kind"], scaled["name"]) == ("Deployment", "placard-front")


# --- the image -----------------------------------------------------------------------------------------------------


def test_the_dockerfile_is_one():
    assert check("dockerfile", DOCKERFILE) == []


def test_the_dockerfile_linter_sees_faults(tmp_path):
    file = tmp_path / "Dockerfile"
    file.write_text(DOCKERFILE.read_text().replace("EXPOSE 8790", "EXPOSE eight"))
    assert check("dockerfile", file)


BESIDE = {"libc6", "libgcc-s1", "libasan8", "libubsan1", "libtsan2"}  # always there, or of this build alone


def test_the_image_has_the_libraries_of_the_program():
    """Each library that the program here was linked with is in a package that the image installs."""
    if not shutil.which("dpkg"):
        pytest.skip("not a Debian system")
    packages = set(re.findall(r"[a-z0-9][a-z0-9.+-]+", DOCKERFILE.read_text()))
    alike = {"libopenblas0-pthread": "libopenblas0", "libopenblas0-openmp": "libopenblas0"}
    needed = set(re.findall(r"NEEDED\s+(\S+)", run("objdump", "-p", BINARY).stdout))
    found = dict(re.findall(r"(\S+) => (/\S+)", run("ldd", BINARY).stdout))
    assert len(needed & set(found)) > 10
    for library in needed & set(found):
        path = Path(found[library]).resolve()  # below /usr, where the package may know it below /
        package = run("dpkg", "-S", f"*/{path.parent.name}/{path.name}").stdout.split(":", 1)[0]
        assert alike.get(package, package) in packages or package in BESIDE, (library, package)
