"""Dockerfile, compose file and Kubernetes manifests: what can be told without running them.

That they hold against the tools' own schemas is tried by hand (docs/scaling.md): hadolint, `docker compose config`,
`kubernetes-validate --strict`.
"""

import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from backend.config.env import Env
from backend.doctor.keys import KEYS
from backend.errors import ConfigError
from backend.process.exposure import refuse_open
from backend.settings import load, read
from backend.version import VERSION
from tests.scale.cluster import ROOT, TEMPLATE

SCALE = ROOT / "deploy" / "scale"
DOCKERFILE = (SCALE / "Dockerfile").read_text("utf-8")
COMPOSE = yaml.safe_load((SCALE / "compose.yaml").read_text("utf-8"))
SERVERS = {name: service for name, service in COMPOSE["services"].items() if name.startswith("server-")}
OURS_NOWHERE_ELSE = {"POSTGRES_PASSWORD", "LVC_PORT", "LVC_ADDRESS", "LVC_NETWORK", "NGINX_LISTEN"}
CLOSING_S = 10.0
"""What a server needs after DRAIN_SECONDS, as docs/operations.md says."""


def instructions(stage: int) -> Iterator[list[str]]:
    """Of one stage, as words; lines that go on are joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE, flags=re.MULTILINE).replace("\\\n", " ")
    stages = re.split(r"^(?=FROM )", text, flags=re.MULTILINE)[1:]
    yield from (shlex.split(line) for line in stages[stage].splitlines() if line.strip())


def copied(stage: int) -> Iterator[tuple[list[str], str]]:
    """What a stage takes from the repository, and where it puts it."""
    for words in instructions(stage):
        if words[0] == "COPY" and not words[1].startswith("--from"):
            yield words[1:-1], words[-1]


def documents() -> Iterator[dict[str, Any]]:
    for path in sorted((SCALE / "kubernetes").glob("*.yaml")):
        yield from yaml.safe_load_all(path.read_text("utf-8"))


def of_kind(kind: str) -> dict[str, Any]:
    [found] = [document for document in documents() if document.get("kind") == kind]
    return found


def ingresses() -> dict[str, dict[str, Any]]:
    """By the path of each."""
    found = [document for document in documents() if document.get("kind") == "Ingress"]
    return {each["spec"]["rules"][0]["http"]["paths"][0]["path"]: each for each in found}


def pod() -> dict[str, Any]:
    spec: dict[str, Any] = of_kind("Deployment")["spec"]["template"]["spec"]
    return spec


def settings() -> set[str]:
    env = Env({})
    read(env)
    return set(env.names)


def ignored_by_docker() -> list[str]:
    lines = (SCALE / "Dockerfile.dockerignore").read_text("utf-8").splitlines()
    return [line for line in lines if line and not line.startswith("#")]


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """The last stage's working directory, as far as it comes from the repository."""
    for sources, target in copied(-1):
        for source in sources:
            shutil.copytree(ROOT / source, tmp_path / target, ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def test_the_image_holds_all_that_the_server_imports_and_reads(image: Path) -> None:
    """Run from what the Dockerfile copies, and from nothing else."""
    program = (
        "import backend.handler as handler, backend.store.migrate, emulator.__main__\n"
        "assert handler.__file__.startswith(__import__('os').getcwd()), handler.__file__\n"
        "from backend.persona.shelf import Shelf\n"
        "assert Shelf().all()  # each with its picture\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=image, env={"PATH": ""}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_what_the_dockerfile_copies_exists_and_reaches_the_build() -> None:
    sources = [source for stage in range(DOCKERFILE.count("\nFROM ")) for these, _ in copied(stage) for source in these]
    allowed = [line[1:] for line in ignored_by_docker() if line.startswith("!")]

    assert len(sources) >= 6
    for source in sources:
        assert (ROOT / source).exists(), source
        assert any(Path(source).is_relative_to(place) for place in allowed), f"{source} is ignored"


def test_no_key_and_no_conversation_gets_into_the_image() -> None:
    lines = ignored_by_docker()

    assert lines[0] == "*"
    assert not any(line.startswith(("!.env", "!data", "!.git", "!docs")) for line in lines)
    assert {"**/.env", "**/.env.*"} <= set(lines)


def test_the_image_is_no_roots_and_says_whether_it_is_well() -> None:
    last = {words[0]: words[1:] for words in instructions(-1)}

    assert re.fullmatch(r"[1-9]\d+:[1-9]\d+", last["USER"][0])
    assert "http://127.0.0.1:8080/healthz" in " ".join(last["HEALTHCHECK"])
    assert last["CMD"] == ["[python,", "-m,", "backend.handler]"]
    assert last["EXPOSE"] == [str(load({}).web_address.port), str(load({}).call_address.port)]


def test_the_image_installs_what_is_locked_with_the_tools_of_the_setup() -> None:
    setup = (ROOT / "scripts" / "setup").read_text("utf-8")
    versions = dict(re.findall(r"^(poetry|export)_version=(\S+)$", setup, re.MULTILINE))
    extras = re.search(r'^ARG EXTRAS="(.*)"$', DOCKERFILE, re.MULTILINE)
    assert extras is not None
    known = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]["optional-dependencies"]

    assert f"poetry=={versions['poetry']} poetry-plugin-export=={versions['export']}" in DOCKERFILE
    assert "--no-deps --require-hashes" in DOCKERFILE
    assert set(extras[1].split()) <= set(known)


def test_every_setting_of_the_manifests_is_one() -> None:
    used = set(SERVERS["server-1"]["environment"]) | set(of_kind("ConfigMap")["data"])
    used |= set(of_kind("Secret")["stringData"])
    example = re.findall(r"^([A-Z_]+)=", (SCALE / "example.env").read_text("utf-8"), re.MULTILINE)

    assert used | set(example) - OURS_NOWHERE_ELSE <= settings()
    assert set(example) >= OURS_NOWHERE_ELSE


def test_the_servers_of_the_manifests_start_with_the_keys_they_are_given() -> None:
    """What is example there is no key, but every value that stands has to be one that a server takes."""
    config = of_kind("ConfigMap")["data"] | of_kind("Secret")["stringData"] | {"VOLC_API_KEY": "k", "ARK_API_KEY": "k"}

    assert load(config).needs_emulator is False
    assert load(config).store.kind == "postgresql"


def test_no_shipped_file_has_a_secret_that_a_server_would_take() -> None:
    """Whoever forgets to fill one in has a server that does not start, and not one that everybody knows the key of."""
    secret = re.compile(rf"^[ \t#-]*({'|'.join(sorted(KEYS))}|POSTGRES_PASSWORD)[ \t]*[:=][ \t]*(.*)$", re.MULTILINE)
    found = [
        (path.name, name, value.strip().strip("'\""))
        for path in sorted((ROOT / "deploy").rglob("*"))
        if path.is_file()
        for name, value in secret.findall(path.read_text("utf-8"))
    ]
    filled_in = [each for each in found if each[2] and not each[2].startswith("${")]

    assert {("secret.example.yaml", "TOKEN_SECRET"), ("example.env", "ADMIN_TOKEN")} <= {each[:2] for each in found}
    assert not filled_in


def test_a_server_with_the_secrets_of_the_template_does_not_start() -> None:
    values = of_kind("ConfigMap")["data"] | of_kind("Secret")["stringData"] | {"VOLC_API_KEY": "k", "ARK_API_KEY": "k"}
    environment = dict(word.split("=", 1) for words in instructions(-1) if words[0] == "ENV" for word in words[1:])

    with pytest.raises(ConfigError, match="ACCESS_TOKEN or TOKEN_SECRET"):
        refuse_open(load(environment | values))


def test_compose_gives_nginx_every_name_of_its_file_and_every_server_in_it() -> None:
    nginx = COMPOSE["services"]["nginx"]["environment"]
    asked = set(re.findall(r"^[^#]*\$\{(\w+)\}", TEMPLATE.read_text("utf-8"), re.MULTILINE))

    assert asked <= set(nginx)
    for names, port in (("CALL_SERVERS", 8888), ("PAGE_SERVERS", 8080)):
        assert re.findall(r"server (\S+) ", nginx[names]) == [f"{name}:{port}" for name in SERVERS]
    assert len(SERVERS) == 3


def test_compose_lets_only_nginx_be_reached_and_trusts_it() -> None:
    assert [name for name, service in COMPOSE["services"].items() if "ports" in service] == ["nginx"]
    address = COMPOSE["services"]["nginx"]["networks"]["inside"]["ipv4_address"]
    assert all(server["environment"]["TRUSTED_PROXIES"] == address for server in SERVERS.values())
    own = [server["networks"]["inside"]["ipv4_address"] for server in SERVERS.values()]
    assert len({address, *own}) == 1 + len(own)


def test_who_ends_a_server_gives_it_the_time_to_drain() -> None:
    for server in SERVERS.values():
        grace_s = float(server["stop_grace_period"].removesuffix("s"))
        assert grace_s >= float(server["environment"]["DRAIN_SECONDS"]) + CLOSING_S
    [container] = pod()["containers"]
    sleep_s = float(container["lifecycle"]["preStop"]["exec"]["command"][1])
    drain_s = float(of_kind("ConfigMap")["data"]["DRAIN_SECONDS"])
    assert pod()["terminationGracePeriodSeconds"] >= sleep_s + drain_s + CLOSING_S


def test_every_proxy_that_is_shipped_sends_a_call_where_its_sid_points_and_proposes_one_for_who_names_none() -> None:
    """A client without cookies comes back to the server that knows what it has not heard yet."""
    controller = yaml.safe_load((SCALE / "kubernetes" / "controller.yaml").read_text("utf-8"))["data"]
    template = TEMPLATE.read_text("utf-8")
    rule = re.compile(r"map \$arg_sid \$lvc_sid \{\s+\"\"\s+(\S+);.*\s+default\s+\$arg_sid;\s+\}")
    own, clusters = rule.search(template), rule.search(controller["http-snippet"])
    annotations = ingresses()["/api/live_voice_call/chat"]["metadata"]["annotations"]
    servers = [*(server["environment"] for server in SERVERS.values()), of_kind("ConfigMap")["data"]]

    assert own is not None
    assert clusters is not None
    assert "hash $lvc_sid consistent;" in template
    assert f"proxy_set_header X-Request-ID {own[1]};" in template
    assert annotations["nginx.ingress.kubernetes.io/upstream-hash-by"] == "$lvc_sid"
    assert not [name for name in annotations if "cookie" in name or "affinity" in name]
    assert clusters[1] == "$req_id", "what ingress-nginx sends as X-Request-ID"
    assert [server["SID_HEADER"] for server in servers] == ["X-Request-ID"] * 4


def test_kubernetes_asks_the_right_port_whether_it_is_well_and_ready() -> None:
    [container] = pod()["containers"]
    ports = {port["name"]: port["containerPort"] for port in container["ports"]}
    probes = {name: container[name]["httpGet"] for name in ("startupProbe", "livenessProbe", "readinessProbe")}

    assert ports == {"page": load({}).web_address.port, "calls": load({}).call_address.port}
    assert {name: (probe["path"], probe["port"]) for name, probe in probes.items()} == {
        "startupProbe": ("/healthz", "page"),
        "livenessProbe": ("/healthz", "page"),
        "readinessProbe": ("/readyz", "page"),
    }


def test_kubernetes_runs_it_with_no_more_rights_than_it_needs() -> None:
    [container] = pod()["containers"]

    assert pod()["securityContext"]["runAsNonRoot"] is True
    assert f"USER {pod()['securityContext']['runAsUser']}:{pod()['securityContext']['runAsGroup']}" in DOCKERFILE
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def test_the_parts_of_the_manifests_name_each_other() -> None:
    labels = of_kind("Deployment")["spec"]["template"]["metadata"]["labels"]
    service = of_kind("Service")
    rules = [rule for each in ingresses().values() for rule in each["spec"]["rules"]]
    paths = {path["path"]: path["backend"]["service"] for rule in rules for path in rule["http"]["paths"]}
    [container] = pod()["containers"]
    sources = {source[kind]["name"] for source in container["envFrom"] for kind in source}

    assert of_kind("Deployment")["spec"]["selector"]["matchLabels"] == labels
    assert of_kind("PodDisruptionBudget")["spec"]["selector"]["matchLabels"] == labels
    assert service["spec"]["selector"] == labels
    assert {path: place["port"]["name"] for path, place in paths.items()} == {
        "/api/live_voice_call/chat": "calls",
        "/": "page",
    }
    assert {place["name"] for place in paths.values()} == {service["metadata"]["name"]}
    assert sources == {of_kind("ConfigMap")["metadata"]["name"], of_kind("Secret")["metadata"]["name"]}
    kustomization = of_kind("Kustomization")
    assert all((SCALE / "kubernetes" / name).is_file() for name in kustomization["resources"])
    assert [(image["name"], image["newTag"]) for image in kustomization["images"]] == [(container["image"], VERSION)]
