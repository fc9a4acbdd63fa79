"""The manifests: by the public schemas, and as the service needs them."""

import shutil
import subprocess
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from consumer.setting_sources import secret_fields
from consumer.settings import Settings, variable_of
from tests.deploy.expressions import faults_of
from tests.support.compose import ROOT

KUBERNETES = ROOT / "deploy" / "kubernetes"
BASE = KUBERNETES / "base"
PRODUCTION = KUBERNETES / "overlays" / "production"
LOCKED = KUBERNETES / "overlays" / "locked"
OURS = "escalation-consumer"
VARIABLES = {variable_of(field) for field in Settings.model_fields}


def documents(file: Path) -> list[dict[str, Any]]:
    return [document for document in yaml.safe_load_all(file.read_text(encoding="utf-8")) if document]


def composed(folder: Path) -> list[dict[str, Any]]:
    """The resources that a kustomization names, those of the folders it builds on included; patches are not applied."""
    resources = []
    for name in documents(folder / "kustomization.yaml")[0]["resources"]:
        path = (folder / name).resolve()
        assert path.exists(), f"{folder.name} names {name}, which does not exist"
        resources += composed(path) if path.is_dir() else documents(path)
    return resources


RESOURCES = {(resource["kind"], resource["metadata"]["name"]): resource for resource in composed(BASE)}
STATEFUL_SET = RESOURCES["StatefulSet", OURS]
JOB = RESOURCES["Job", f"{OURS}-prepare"]
PODS = [STATEFUL_SET["spec"]["template"], JOB["spec"]["template"]]
CONTAINER = STATEFUL_SET["spec"]["template"]["spec"]["containers"][0]
SCALER = documents(PRODUCTION / "scaledobject.yaml")[0]


@pytest.mark.parametrize("folder", [BASE, PRODUCTION, LOCKED], ids=["base", "production", "locked"])
def test_every_file_of_a_folder_is_named(folder: Path) -> None:
    kustomization = documents(folder / "kustomization.yaml")[0]
    named = {name for name in kustomization["resources"] if name.endswith(".yaml")}
    named |= {patch["path"] for patch in kustomization.get("patches", ())}
    assert {file.name for file in folder.iterdir()} == named | {"kustomization.yaml"}


@pytest.mark.parametrize("resource", RESOURCES.values(), ids=lambda resource: resource["kind"])
def test_a_resource_fits_the_public_schema(resource: dict[str, Any]) -> None:
    kubernetes_validate.validate(resource, "1.31", strict=True)


def test_the_check_by_schema_sees_a_misspelt_field() -> None:
    wrong = {**STATEFUL_SET, "spec": {**STATEFUL_SET["spec"], "replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(wrong, "1.31", strict=True)


@pytest.mark.parametrize("folder", [BASE, PRODUCTION, LOCKED], ids=["base", "production", "locked"])
def test_kustomize_renders_it(folder: Path) -> None:
    kustomize, kubectl = shutil.which("kustomize"), shutil.which("kubectl")
    if kustomize is None and kubectl is None:
        pytest.skip("neither kustomize nor kubectl is installed: the other tests here read the files themselves")
    command = [kustomize, "build"] if kustomize else [str(kubectl), "kustomize"]
    done = subprocess.run([*command, str(folder)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rendered = [document for document in yaml.safe_load_all(done.stdout) if document]
    assert {(each["kind"], each["metadata"]["name"]) for each in rendered} >= set(RESOURCES)
    for resource in rendered:
        if resource["kind"] != "ScaledObject":
            kubernetes_validate.validate(resource, "1.31", strict=True)
        for pod in [resource["spec"]["template"]] if resource["kind"] in {"StatefulSet", "Job"} else ():
            assert all(":" in container["image"] for container in pod["spec"]["containers"]), "kustomize sets the tag"


def test_variables_are_settings() -> None:
    given = set(RESOURCES["ConfigMap", OURS]["data"]) | {entry["name"] for entry in CONTAINER["env"]}
    given |= set(documents(PRODUCTION / "configmap.yaml")[0]["data"])
    assert given <= VARIABLES
    for pod in PODS:
        assert pod["spec"]["enableServiceLinks"] is False, "ESCALATION_CONSUMER_SERVICE_HOST is no setting"


def test_no_secret_stands_in_a_file() -> None:
    assert not [kind for kind, _ in RESOURCES if kind == "Secret"]
    secret = {variable_of(name) for name, field in Settings.model_fields.items() if "Secret" in str(field.annotation)}
    in_the_open = set(RESOURCES["ConfigMap", OURS]["data"]) - {"REDIS_URL"}  # an address without a password here
    assert not in_the_open & secret
    sources = [source for pod in PODS for source in pod["spec"]["containers"][0]["envFrom"]]
    assert {next(iter(source.values()))["name"] for source in sources} == {OURS}


def test_secrets_of_the_locked_overlay_come_from_files_that_are_mounted() -> None:
    secret = {variable_of(name) for name in secret_fields(Settings)}
    common = documents(LOCKED / "configmap.yaml")[0]["data"]
    for file in ("statefulset.yaml", "prepare.yaml"):
        pod = documents(LOCKED / file)[0]["spec"]["template"]["spec"]
        (container,) = pod["containers"]
        given = {name: value for name, value in common.items() if value}
        given |= {entry["name"]: entry["value"] for entry in container["env"]}
        files = {name: path for name, path in given.items() if name.endswith("_FILE")}
        assert {name.removesuffix("_FILE") for name in files} <= secret
        assert not set(given) & secret, "a secret stands in the open"
        assert set(given) - set(files) <= VARIABLES
        mounts = {mount["mountPath"]: mount for mount in container["volumeMounts"]}
        assert {str(Path(path).parent) for path in (*files.values(), given["ESCALATION_KAFKA_SSL_CAFILE"])} <= set(
            mounts
        )
        assert not any("subPath" in mount for mount in mounts.values()), "such a file is never replaced"
        assert {mount["name"] for mount in mounts.values()} <= {volume["name"] for volume in pod["volumes"]}
        assert [set(source) for source in container["envFrom"]] == [{"configMapRef"}]


def test_names_that_are_referred_to_exist() -> None:
    assert ("Service", STATEFUL_SET["spec"]["serviceName"]) in RESOURCES
    assert RESOURCES["Service", STATEFUL_SET["spec"]["serviceName"]]["spec"]["clusterIP"] == "None"
    assert all(("ServiceAccount", pod["spec"]["serviceAccountName"]) in RESOURCES for pod in PODS)
    pod = STATEFUL_SET["spec"]["template"]["metadata"]["labels"].items()
    selectors = [
        STATEFUL_SET["spec"]["selector"]["matchLabels"],
        RESOURCES["PodDisruptionBudget", OURS]["spec"]["selector"]["matchLabels"],
        RESOURCES["NetworkPolicy", OURS]["spec"]["podSelector"]["matchLabels"],
        *(resource["spec"]["selector"] for (kind, _), resource in RESOURCES.items() if kind == "Service"),
    ]
    assert all(selector.items() <= pod for selector in selectors)
    behind_the_policy = RESOURCES["NetworkPolicy", OURS]["spec"]["podSelector"]["matchLabels"].items()
    assert behind_the_policy <= JOB["spec"]["template"]["metadata"]["labels"].items()


def test_a_replica_keeps_its_name() -> None:
    (entry,) = CONTAINER["env"]
    assert entry["name"] == "ESCALATION_INSTANCE_ID"
    assert entry["valueFrom"]["fieldRef"]["fieldPath"] == "metadata.name"
    assert STATEFUL_SET["spec"]["template"]["spec"]["terminationGracePeriodSeconds"] == 30


def test_no_outage_of_a_server_kills_a_replica() -> None:
    assert CONTAINER["livenessProbe"]["httpGet"]["path"] == "/livez"
    assert CONTAINER["startupProbe"]["httpGet"]["path"] == "/livez"
    assert CONTAINER["readinessProbe"]["httpGet"]["path"] == "/readyz"
    port = CONTAINER["ports"][0]["containerPort"]
    assert str(port) == RESOURCES["ConfigMap", OURS]["data"]["ESCALATION_HTTP_PORT"]


@pytest.mark.parametrize("pod", PODS, ids=["service", "prepare"])
def test_a_pod_has_no_more_rights_than_it_needs(pod: dict[str, Any]) -> None:
    security = pod["spec"]["securityContext"]
    assert security["runAsNonRoot"] is True
    assert security["seccompProfile"] == {"type": "RuntimeDefault"}
    assert pod["spec"]["automountServiceAccountToken"] is False
    (container,) = pod["spec"]["containers"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert {"cpu", "memory"} <= set(container["resources"]["requests"])
    assert "memory" in container["resources"]["limits"]


def test_the_scaler_asks_for_the_oldest_waiting_work() -> None:
    """Held against the fields that KEDA documents for a ScaledObject and its Prometheus trigger: no schema at hand."""
    spec = SCALER["spec"]
    assert (SCALER["apiVersion"], SCALER["kind"]) == ("keda.sh/v1alpha1", "ScaledObject")
    assert set(spec) <= {
        *("scaleTargetRef", "pollingInterval", "cooldownPeriod", "initialCooldownPeriod", "idleReplicaCount"),
        *("minReplicaCount", "maxReplicaCount", "fallback", "advanced", "triggers"),
    }
    target = spec["scaleTargetRef"]
    assert (target["kind"], target["name"]) == ("StatefulSet", OURS)
    assert set(spec["fallback"]) == {"failureThreshold", "replicas"}
    assert 1 <= spec["minReplicaCount"] <= spec["fallback"]["replicas"] <= spec["maxReplicaCount"]
    (trigger,) = spec["triggers"]
    assert (trigger["type"], trigger["metricType"]) == ("prometheus", "Value"), "a time is no sum over replicas"
    assert set(trigger["metadata"]) <= {
        *("serverAddress", "query", "threshold", "activationThreshold", "namespace", "ignoreNullValues"),
        *("authModes", "unsafeSsl", "customHeaders", "queryParameters", "timeout"),
    }
    assert all(isinstance(value, str) for value in trigger["metadata"].values())
    assert "escalation_oldest_waiting_seconds" in trigger["metadata"]["query"]
    assert faults_of(trigger["metadata"]["query"]) == []


def test_the_scaler_alone_says_how_many_replicas_there_are() -> None:
    assert documents(PRODUCTION / "statefulset.yaml")[0]["spec"] == {"replicas": None}
