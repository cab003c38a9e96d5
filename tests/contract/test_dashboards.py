"""The Grafana dashboard and the alert rules ask only for what both services really export."""
import json
import pathlib
import re

import pytest
import yaml

from event_handler import running_handler
from service_under_test import ROOT, running_service

CONFIG = pathlib.Path(__file__).resolve().parent / "contract_challenges.json"
DASHBOARD = ROOT / "deploy" / "grafana" / "challenge-backend.json"
ALERTS = ROOT / "deploy" / "prometheus" / "alerts.yml"
TARGET_LABELS = {"job", "instance"}  # of every scraped series
SELECTOR = re.compile(r"\b((?:challenge|grpc|process)_\w+|up)\b(?:\{([^}]*)\})?")
MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*"([^"]*)"')


def dashboard_queries():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    return [(panel["title"], target["expr"]) for panel in panels for target in panel.get("targets", [])]


def alert_queries():
    groups = yaml.safe_load(ALERTS.read_text())["groups"]
    return [(rule["alert"], rule["expr"]) for group in groups for rule in group["rules"]]


@pytest.fixture(scope="module")
def pages(database):
    """job -> its metrics page, from both services after some traffic."""
    with running_service(database, CONFIG, OTEL_EXPORTER_ZIPKIN_ENDPOINT="http://127.0.0.1:9/api/v2/spans") as service:
        service.request("POST", "/v1/challenges/initialize", {}, "ann")
        service.request("GET", "/v1/challenges", user="ann")
        service.put_row("ann", "rung-1", "ladder", "completed", 1)
        service.request("POST", "/v1/challenges/ladder/goals/rung-1/claim", None, "ann")
        jobs = {"challenge-service": service.metrics()}
        with running_handler(service, CONFIG) as handler:
            jobs["challenge-event-handler"] = handler.metrics()
        return jobs


@pytest.fixture(scope="module")
def exported(pages):
    """job -> series name -> list of its label sets."""
    return {job: series_of(text) for job, text in pages.items()}


@pytest.mark.parametrize("job", ["challenge-service", "challenge-event-handler"])
def test_metrics_page_keeps_what_promtool_check_metrics_asks(pages, job):
    text, helps, types, seen, wrong = pages[job], {}, {}, set(), []
    assert text.endswith("\n")
    for line in text.splitlines():
        if comment := re.fullmatch(r"# (HELP|TYPE) (\S+) (.+)", line):
            kept = helps if comment[1] == "HELP" else types
            wrong += [f"{line}: a second one"] if comment[2] in kept else []
            kept[comment[2]] = comment[3]
            continue
        sample = re.fullmatch(r"([a-zA-Z_:][\w:]*)(?:\{((?:\w+=\"(?:[^\"\\\\\n]|\\\\.)*\",?)*)\})? (\S+)", line)
        assert sample, line
        name, labels = sample[1], sorted(re.findall(r'(\w+)="((?:[^"\\]|\\.)*)"', sample[2] or ""))
        assert float(sample[3]) is not None
        family = re.sub(r"_(bucket|sum|count)$", "", name) if name not in types else name
        wrong += [f"{line}: no HELP and TYPE before it"] if family not in types or family not in helps else []
        wrong += [f"{line}: twice"] if (name, str(labels)) in seen else []
        wrong += [f"{line}: a label twice"] if len(dict(labels)) != len(labels) else []
        wrong += [f"{line}: {label} is a histogram's label" for label in {"le", "quantile"} & set(dict(labels)) if types.get(family) != "histogram"]
        seen.add((name, str(labels)))
    for name, kind in types.items():
        words = name.split("_")
        wrong += [f"{name}: a counter ends with _total"] if (kind == "counter") != (words[-1] == "total") else []
        wrong += [f"{name}: not snake case"] if not re.fullmatch(r"[a-z][a-z0-9_]*", name) else []
        wrong += [f"{name}: the type is in the name"] if {"counter", "gauge", "histogram", "summary"} & set(words) else []
        wrong += [f"{name}: base units are seconds and bytes"] if {"ms", "milliseconds", "us", "ns", "minutes", "hours", "kb", "mb", "s", "sec"} & set(words) else []
        wrong += [f"{name}: {word} is for histograms"] if (word := words[-1]) in {"bucket", "sum", "count"} else []
        wrong += [f"{name}: no help"] if not helps.get(name, "").strip() else []
    assert not wrong, "\n".join(wrong)
    assert len(types) > 10 and set(types) == set(helps)


def series_of(text):
    series = {"up": [{}]}  # Prometheus's own
    for line in text.splitlines():
        if found := re.match(r"([a-z_]+)(?:\{(.*)\})? ", line):
            series.setdefault(found[1], []).append(dict(re.findall(r'(\w+)="([^"]*)"', found[2] or "")))
    return series


@pytest.mark.parametrize("title,expression", dashboard_queries() + alert_queries(), ids=lambda value: value[:40])
def test_query_names_only_what_is_exported(exported, title, expression):
    selectors = SELECTOR.findall(re.sub(r"\bby \([^)]*\)", "", expression))
    assert selectors, expression
    grouped = {label.strip() for labels in re.findall(r"\bby \(([^)]*)\)", expression) for label in labels.split(",")}
    known = set(TARGET_LABELS)
    for name, matchers in selectors:
        wanted = MATCHER.findall(matchers)
        job = dict((label, value) for label, _, value in wanted)["job"]  # every query says whose metric it means
        jobs = [each for each in exported if re.fullmatch(job, each)]
        assert jobs, f"{title}: no job {job}"
        for each in jobs:
            assert name in exported[each], f"{title}: {each} exports no {name}"
            labels = set().union(*exported[each][name])
            known |= labels
            for label, operator, value in wanted:
                assert label in labels | TARGET_LABELS, f"{title}: {name} has no label {label}"
                if operator == "=" and label in labels:
                    assert any(one.get(label) == value for one in exported[each][name]), f"{title}: no {name} with {label}={value}"
    assert grouped <= known, f"{title}: grouped by {grouped - known}"


@pytest.mark.parametrize("job, name, labels", [
    ("challenge-service", "challenge_api_request_duration_seconds_count", {"method", "path", "status_code"}),
    ("challenge-event-handler", "challenge_event_processing_duration_seconds_count", {"event_type", "status"}),
    ("challenge-event-handler", "challenge_buffer_flush_duration_seconds_count", {"buffer_type", "status"}),
    ("challenge-event-handler", "challenge_buffer_size", {"buffer_type"}),
])
def test_metric_of_the_contract_has_the_labels_that_dashboards_of_the_earlier_services_ask_for(exported, job, name, labels):
    assert {frozenset(series) for series in exported[job][name]} == {frozenset(labels)}


def test_every_metric_of_the_contract_is_exported(exported):
    both = set(exported["challenge-service"]) | set(exported["challenge-event-handler"])
    for name in ["grpc_server_started_total", "grpc_server_handled_total", "process_cpu_seconds_total", "process_resident_memory_bytes"]:
        assert name in both


def test_dashboard_panels_do_not_overlap_and_have_ids_of_their_own():
    panels = json.loads(DASHBOARD.read_text())["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    cells = [(x, y) for panel in panels for x in range(panel["gridPos"]["x"], panel["gridPos"]["x"] + panel["gridPos"]["w"])
             for y in range(panel["gridPos"]["y"], panel["gridPos"]["y"] + panel["gridPos"]["h"])]
    assert len(set(cells)) == len(cells)


def test_alerts_say_what_is_wrong():
    for group in yaml.safe_load(ALERTS.read_text())["groups"]:
        for rule in group["rules"]:
            assert rule["annotations"]["summary"] and rule["labels"]["severity"] in {"page", "warn", "info"}
