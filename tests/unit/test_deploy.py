"""What ``deploy/`` says fits the program; images cannot be built here."""

import re
import shlex
import shutil
import subprocess
import sys
from collections import Counter
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from check_jsonschema.builtin_schemas import get_builtin_schema
from jsonschema import Draft202012Validator
from packaging.requirements import Requirement

from cli.main import build_parser
from domain.redis_url import parse_redis_url
from settings import Settings
from storage.redis_report import advice, redis_report, remark
from tests.helpers.redis_server import running_redis

ROOT = Path(__file__).resolve().parents[2]
DEPLOY = ROOT / "deploy"
COMPOSE = DEPLOY / "compose" / "compose.yaml"
DOCKERFILES = sorted((DEPLOY / "docker").glob("*.Dockerfile"))
#: Variables in ``environment`` that are others'.
FOREIGN = ("POSTGRES_USER", "POSTGRES_DB", "POSTGRES_PASSWORD", "POSTGRES_INITDB_ARGS", "REDISCLI_AUTH")
_VARIABLE = re.compile(r"\$\{(\w+)(:[-?])?")


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    return yaml.safe_load(COMPOSE.read_text())


def instructions(dockerfile: Path) -> list[tuple[str, str]]:
    text = re.sub(r"\\\n\s*", "", dockerfile.read_text())
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return [(name, rest) for name, _, rest in (line.partition(" ") for line in lines)]


def copied(dockerfile: Path) -> list[tuple[str, str]]:
    """What of the project comes into the image: source and target."""
    found = [rest.split() for name, rest in instructions(dockerfile) if name == "COPY" and "--from" not in rest]
    return [(source, target) for *sources, target in found for source in sources]


def test_the_compose_file_is_one(compose: dict[str, Any]) -> None:
    schema = get_builtin_schema("vendor.compose-spec")
    assert [error.message for error in Draft202012Validator(schema).iter_errors(compose)] == []


def test_what_services_refer_to_is_there(compose: dict[str, Any]) -> None:
    services = compose["services"]
    used_volumes: set[str] = set()
    for name, service in services.items():
        for other, wanted in service.get("depends_on", {}).items():
            healthy = "healthcheck" in services[other] or "build" in services[other]
            assert wanted["condition"] != "service_healthy" or healthy, (name, other)
        assert set(service["networks"]) <= set(compose["networks"]), name
        for volume in service.get("volumes", ()):
            source = volume.split(":")[0]
            if source.startswith("."):
                assert (COMPOSE.parent / source).is_file(), source
            else:
                used_volumes.add(source)
        if "build" in service:
            context = (COMPOSE.parent / service["build"]["context"]).resolve()
            assert (context, (context / service["build"]["dockerfile"]) in DOCKERFILES) == (ROOT, True)
        assert ":" in service["image"] and not service["image"].endswith(":latest"), f"{name} is not pinned"
        assert service["restart"] in ("unless-stopped", "no")
    assert used_volumes == set(compose["volumes"])


def test_every_variable_is_a_setting_and_every_value_has_a_source(compose: dict[str, Any]) -> None:
    settings = {f"ASR_{name.upper()}" for name in Settings.model_fields}
    for name, service in compose["services"].items():
        unknown = set(service.get("environment", ())) - settings - set(FOREIGN)
        assert not unknown, f"{name}: {unknown}"
    asked = {name for name, _ in _VARIABLE.findall(COMPOSE.read_text())}
    example = (COMPOSE.parent / ".env.example").read_text()
    told = dict(line.split("=", 1) for line in example.splitlines() if line and not line.startswith("#"))
    assert asked == set(told)
    secrets = {name for name in told if name.endswith(("PASSWORD", "TOKEN", "SECRET"))}
    assert {told[name] for name in secrets} == {""}, "an example is no secret"
    for name in {*secrets, "LAN_ADDRESS"}:
        assert f"${{{name}:?" in COMPOSE.read_text(), f"nobody says that {name} is missing"


def test_each_node_has_a_gpu_a_port_and_an_address_of_its_own(compose: dict[str, Any]) -> None:
    nodes = [service for service in compose["services"].values() if service["image"].startswith("asr-node")]
    gpus = [device for node in nodes for device in node["deploy"]["resources"]["reservations"]["devices"]]
    assert all((gpu["driver"], gpu["capabilities"], len(gpu["device_ids"])) == ("nvidia", ["gpu"], 1) for gpu in gpus)
    assert len({gpu["device_ids"][0] for gpu in gpus}) == len(nodes) == 2
    for node in nodes:
        [published] = node["ports"]
        address, port, inner = published.rsplit(":", 2)
        assert (node["environment"]["ASR_NODE_URL"], inner) == (f"http://{address}:{port}", "7861")
    published = Counter(port.rsplit(":", 1)[0] for it in compose["services"].values() for port in it.get("ports", ()))
    assert set(published.values()) == {1}


def test_replicas_are_where_nginx_looks_for_them(compose: dict[str, Any]) -> None:
    replicas = [compose["services"][name] for name in ("webui-1", "webui-2")]
    addresses = [it["networks"]["asr"]["ipv4_address"] for it in replicas]
    assert replicas[0]["environment"]["ASR_REPLICAS"] == ",".join(f"http://{it}:7860" for it in addresses)


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=lambda path: path.stem)
def test_an_image_has_all_that_its_entry_point_needs(dockerfile: Path, tmp_path: Path) -> None:
    ignored = (ROOT / ".dockerignore").read_text().splitlines()
    for source, target in copied(dockerfile):
        assert f"!{source.rstrip('/')}" in ignored, f"{source} does not reach the builder"
        if source.endswith("/"):
            (tmp_path / target).parent.mkdir(exist_ok=True)
            (tmp_path / target.rstrip("/")).symlink_to(ROOT / source)
        else:
            shutil.copy(ROOT / source, tmp_path / target)
    steps = dict(instructions(dockerfile))
    [python, program, command] = [*yaml.safe_load(steps["ENTRYPOINT"]), *yaml.safe_load(steps["CMD"])]
    assert (python, program, steps["USER"]) == ("python", "app.py", "asr")
    build_parser().parse_args([command])
    assert yaml.safe_load(steps["HEALTHCHECK"].partition("CMD ")[2])[0] == "python"
    code = {
        "serve": "import app, webui.server; from cli import nginx; nginx._template('web.conf')",
        "node": "import app, engine.node_server",
    }[command]
    settings = {"ASR_CONFIG": "/dev/null", "ASR_DATA_DIR": str(tmp_path / "data"), "PATH": "/usr/bin:/bin"}
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, env=settings, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_the_image_of_the_web_ui_has_no_torch() -> None:
    [pip] = [rest for name, rest in instructions(DEPLOY / "docker" / "webui.Dockerfile") if "pip install" in rest]
    assert shlex.split(pip)[-2:] == ["-r", "requirements/web.txt"]
    lines = (ROOT / "requirements" / "web.txt").read_text().splitlines()
    found: set[str] = set()
    wanted = [Requirement(line) for line in lines if line and not line.startswith(("#", "-"))]
    while wanted:
        requirement = wanted.pop()
        if requirement.name.lower() in found:
            continue
        found.add(requirement.name.lower())
        for line in metadata.requires(requirement.name) or ():
            inner = Requirement(line)
            extras = [*requirement.extras, ""]
            if inner.marker is None or any(inner.marker.evaluate({"extra": extra}) for extra in extras):
                wanted.append(inner)
    assert len(found) > 40 and not found & {"torch", "funasr", "transformers", "modelscope"}


@pytest.mark.parametrize("role", ["coordination", "cache"])
async def test_redis_is_set_up_as_doctor_wants_it(role: str) -> None:
    options = [
        line.split(" ", 1) for line in (DEPLOY / "redis" / f"{role}.conf").read_text().splitlines() if line[0] != "#"
    ]
    with running_redis(*(word for name, value in options for word in (f"--{name}", value.strip('"')))) as server:
        report = await redis_report(parse_redis_url(server.url()))
    coordinates = role == "coordination"
    assert (
        advice(report, coordinates=coordinates, caches=not coordinates) + remark(report, coordinates=coordinates) == ""
    )
    assert report.max_bytes == (1 if coordinates else 4) * 2**30
