"""docs/metrics.md, made from the table of metrics. `python -m tests.support.metric_docs` writes it."""

import sys
from pathlib import Path

from consumer.flows.operation.meters import Meter
from consumer.flows.operation.metric import LabelSet

DOC = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
_HEAD = """# Metrics

`/metrics` shows these figures in the text format of Prometheus. This page is made from the table in
`consumer/flows/operation/meters.py`; `/metrics`, `deploy/grafana` and `deploy/prometheus` are held against it.

- A counter or histogram is there from the start, for every value of its labels: `rate()` sees the first count.
- A gauge is there while its value is known: **unknown is absent, not zero**. What is read from the tables is absent
  while PostgreSQL is away, what Kafka tells while Kafka is.
- The values of labels are closed sets: no tenant, no session, no text of a record. `other` stands for a value that is
  in none of them.
- Gauges of the tables are the same on every replica: take `max`, not `sum`, over replicas.
- Beside these there are the usual `process_…` figures.
"""


def page() -> str:
    lines = [_HEAD, "| metric | type | unit | labels | meaning | what to do |", "| --- | --- | --- | --- | --- | --- |"]
    for meter in Meter:
        metric = meter.value
        cells = (f"`{metric.name}`", metric.kind, metric.unit, _labels(metric.labels), metric.meaning, metric.act)
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _labels(labels: LabelSet) -> str:
    if not labels.values:
        return f"{', '.join(f'`{name}`' for name in labels.names)}: {labels.meaning}"
    return "; ".join(
        f"`{name}`: {', '.join(dict.fromkeys(values[place] for values in labels.values))}"
        for place, name in enumerate(labels.names)
    )


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(0 if DOC.read_text(encoding="utf-8") == page() else f"{DOC.name} is not current: make generate")
    DOC.parent.mkdir(exist_ok=True)
    DOC.write_text(page(), encoding="utf-8")
