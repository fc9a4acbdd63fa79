"""Dashboard, alerts and the scaler are about metrics that exist."""

import json
import re
import shutil
import subprocess
from typing import Any

import pytest
import yaml

from consumer.flows.operation.meters import Meter
from consumer.flows.operation.metric import MetricKind
from tests.deploy.expressions import faults_of, meters_of
from tests.support.compose import ROOT

DEPLOY = ROOT / "deploy"
DASHBOARD = json.loads((DEPLOY / "grafana" / "dashboards" / "escalation.json").read_text(encoding="utf-8"))
ALERTS = yaml.safe_load((DEPLOY / "prometheus" / "alerts.yaml").read_text(encoding="utf-8"))
ALERT_TESTS = yaml.safe_load((DEPLOY / "prometheus" / "alerts_test.yaml").read_text(encoding="utf-8"))
RULES: list[dict[str, Any]] = [rule for group in ALERTS["groups"] for rule in group["rules"]]
SHOWN: list[str] = [target["expr"] for panel in DASHBOARD["panels"] for target in panel.get("targets", ())]
NOT_SHOWN: dict[Meter, str] = {}
"""Metrics that the dashboard leaves out, with the reason."""


def test_the_check_of_expressions_sees_what_is_wrong() -> None:
    assert faults_of("sum(escalation_nothing_total)") == ["no metric escalation_nothing_total"]
    assert faults_of("up") == ["no metric"]
    assert faults_of("sum by (tenant) (escalation_records_total)") == ["no label tenant"]
    assert faults_of('escalation_records_total{tenant="x"}') == ["escalation_records_total has no label tenant"]
    assert faults_of('escalation_records_total{outcome=~"stored|x"}') == ["escalation_records_total has no outcome x"]
    assert faults_of("escalation_outcome_seconds") == ["no metric escalation_outcome_seconds"], "it has buckets"
    assert faults_of('rate(escalation_records_total{outcome="stored"}[5m])') == []


@pytest.mark.parametrize("expression", SHOWN)
def test_the_dashboard_asks_for_what_exists(expression: str) -> None:
    assert faults_of(expression) == []


def test_the_dashboard_shows_every_metric_or_says_why_not() -> None:
    shown = {meter for expression in SHOWN for meter in meters_of(expression)}
    assert shown | set(NOT_SHOWN) == set(Meter)
    assert not shown & set(NOT_SHOWN)


@pytest.mark.parametrize("expression", [*SHOWN, *(rule["expr"] for rule in RULES)])
def test_counters_are_read_as_rates(expression: str) -> None:
    counters = [meter.value.name for meter in meters_of(expression) if meter.value.kind is MetricKind.COUNTER]
    assert all(re.search(rf"(rate|increase)\({name}", expression) for name in counters)


def test_panels_stand_beside_each_other() -> None:
    cells = [
        (x, y)
        for panel in DASHBOARD["panels"]
        for place in [panel["gridPos"]]
        for x in range(place["x"], place["x"] + place["w"])
        for y in range(place["y"], place["y"] + place["h"])
    ]
    assert len(set(cells)) == len(cells)
    assert max(x for x, _ in cells) == 23
    ids = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(ids)) == len(ids)


def test_grafana_finds_dashboard_and_source() -> None:
    provisioning = DEPLOY / "grafana" / "provisioning"
    source = yaml.safe_load((provisioning / "datasources" / "prometheus.yaml").read_text(encoding="utf-8"))
    named = {panel["datasource"]["uid"] for panel in DASHBOARD["panels"] if "datasource" in panel}
    assert named == {source["datasources"][0]["uid"]}


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_an_alert_says_how_bad_what_and_what_to_do(rule: dict[str, Any]) -> None:
    assert faults_of(rule["expr"]) == []
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    assert rule["annotations"]["summary"].endswith(".")
    page, _, anchor = rule["annotations"]["runbook"].partition("#")
    headings = re.findall(r"^## (.+)$", (ROOT / page).read_text(encoding="utf-8"), flags=re.MULTILINE)
    assert anchor in {heading.lower() for heading in headings}
    assert f"`{rule['expr']}`" in (ROOT / page).read_text(encoding="utf-8"), "the page shows another expression"


def test_the_page_of_alerts_has_no_other_alert() -> None:
    text = (ROOT / "docs" / "alerts.md").read_text(encoding="utf-8")
    assert re.findall(r"^## (.+)$", text, flags=re.MULTILINE) == [rule["alert"] for rule in RULES]


def test_each_alert_is_tried_firing_and_silent() -> None:
    tried = {
        (case["alertname"], bool(case["exp_alerts"]))
        for test in ALERT_TESTS["tests"]
        for case in test["alert_rule_test"]
    }
    assert tried == {(rule["alert"], fires) for rule in RULES for fires in (True, False)}


@pytest.mark.parametrize(
    "command",
    [
        ("check", "config", "prometheus.yaml"),
        ("check", "rules", "alerts.yaml"),
        ("test", "rules", "alerts_test.yaml"),
    ],
)
def test_promtool_agrees(command: tuple[str, ...]) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed: it comes with Prometheus (Debian: apt-get install prometheus)")
    done = subprocess.run([promtool, *command], cwd=DEPLOY / "prometheus", capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
