"""Makes fanin.json, the dashboard for Grafana 11: `.venv/bin/python deploy/grafana/dashboard.py`.

`panels.py` beside it says what is shown; this file says how.
"""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from string import ascii_uppercase

from grafana_foundation_sdk.builders import common as shared
from grafana_foundation_sdk.builders import dashboard as board
from grafana_foundation_sdk.builders import prometheus, stat, timeseries
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common
from grafana_foundation_sdk.models import dashboard as model
from panels import FIGURES, ROWS, Figure, Panel

TARGET = Path(__file__).with_name("fanin.json")
SOURCE = model.DataSourceRef(type_val="prometheus", uid="${datasource}")


def dashboard() -> model.Dashboard:
    """The whole dashboard."""
    built = (
        board.Dashboard("fanin")
        .uid("fanin")
        .description(
            "Queries behind each application request, what merged, what it cost. Made by deploy/grafana/dashboard.py."
        )
        .tags(["fanin", "postgrest"])
        .editable()
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .time("now-3h", "now")
        .refresh("30s")
        .with_variable(board.DatasourceVariable("datasource").label("Data source").type("prometheus"))
    )
    for name, label in {"job": "Job", "instance": "Sidecar", "route": "Route"}.items():
        built = built.with_variable(_variable(name, label))
    numbers = count(1)
    built = built.with_row(board.Row("At a glance").id(next(numbers)))
    for figure in FIGURES:
        built = built.with_panel(_figure(figure).id(next(numbers)))
    for row, panels in ROWS.items():
        built = built.with_row(board.Row(row).id(next(numbers)))
        for panel in panels:
            built = built.with_panel(_graph(panel).id(next(numbers)))
    return built.build()


def rendered() -> str:
    """What fanin.json holds."""
    return json.dumps(dashboard(), cls=JSONEncoder, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def _variable(name: str, label: str) -> board.QueryVariable:
    """A choice among the values of a label: all of them at first."""
    series = 'fanin_trace_queries_count{kind="explicit"}' if name == "route" else "fanin_upstream_up"
    everything = model.VariableOption(text="All", value="$__all", selected=True)
    return (
        board.QueryVariable(name)
        .label(label)
        .datasource(SOURCE)
        .query(f"label_values({series}, {name})")
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(everything)
    )


def _graph(panel: Panel) -> timeseries.Panel:
    built = (
        timeseries.Panel()
        .title(panel.title)
        .description(panel.says)
        .datasource(SOURCE)
        .unit(panel.unit)
        .axis_soft_min(0)
        .height(8)
        .span(12)
        .fill_opacity(8)
        .show_points(common.VisibilityMode.NEVER)
        .legend(shared.VizLegendOptions().show_legend(True).placement(common.LegendPlacement.BOTTOM))
        .tooltip(shared.VizTooltipOptions().mode(common.TooltipDisplayMode.MULTI).sort(common.SortOrder.DESCENDING))
    )
    if panel.shift:
        built = built.time_shift(panel.shift)
    for ref, (legend, query) in zip(ascii_uppercase, panel.queries.items(), strict=False):
        asked = prometheus.Dataquery().ref_id(ref).expr(query).legend_format(legend).range()
        built = built.with_target(asked.exemplar(True) if panel.exemplars else asked)
    return built


def _figure(figure: Figure) -> stat.Panel:
    built = (
        stat.Panel()
        .title(figure.title)
        .description(figure.says)
        .datasource(SOURCE)
        .unit(figure.unit)
        .height(4)
        .span(3)
        .reduce_options(shared.ReduceDataOptions().calcs(["lastNotNull"]))
        .graph_mode(common.BigValueGraphMode.AREA)
        .with_target(prometheus.Dataquery().ref_id("A").expr(figure.query).range())
    )
    if figure.bad is None:
        return built.color_mode(common.BigValueColorMode.NONE)
    below, above = ("red", "green") if figure.low else ("green", "red")
    steps = [model.Threshold(value=None, color=below), model.Threshold(value=figure.bad, color=above)]
    return built.thresholds(board.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps))


if __name__ == "__main__":
    TARGET.write_text(rendered(), encoding="utf-8")
