// The page of fanin's health: state, warnings, gauges and settings.

import { ask } from "./ask.js";
import { badge, el, table, terms } from "./elements.js";
import { moment, number, times } from "./formats.js";

const GAUGES = [["Gauge"], ["Now", "num"], ["Limit", "num"], ["Share of limit"], ["Description"]];
const SETTINGS = [["Setting"], ["Value"], ["Source"], ["Description"]];

export async function health() {
  const [health, settings] = await Promise.all([ask("/api/health"), ask("/api/config")]);
  const groups = Object.groupBy(settings, (setting) => (setting.source === "default" ? "defaults" : "changed"));
  const { defaults = [], changed = [] } = groups;
  return [
    el("h1", {}, `fanin ${health.version}`),
    el("p", {}, badges(health).flatMap((each) => [each, " "])),
    el("p", { class: "quiet" }, `Clients: ${health.base}. Upstream: ${health.upstream}.`),
    el("h2", {}, "Warnings"),
    health.warnings.length ? terms(health.warnings.map(warning), "reasons") : el("p", { class: "quiet" }, "None."),
    el("h2", {}, "Now"),
    table("Gauges", GAUGES, health.gauges.map((gauge) => gaugeRow(gauge, health.limits))),
    el("h2", {}, "Changed settings"),
    changed.length ? table("Settings", SETTINGS, changed.map(settingRow)) : el("p", { class: "quiet" }, "None."),
    el("details", { class: "folder", "data-key": "settings" }, el("summary", {}, `${number(defaults.length)} defaults`),
      table("Other settings", SETTINGS, defaults.map(settingRow))),
  ];
}

const badges = (health) => [
  badge(health.state, health.state === "ready" ? "high" : "bad"),
  badge(`mode ${health.mode}`),
  health.write_notifications === "lost" && badge("notifications of writes are lost: no answer is kept", "bad"),
  badge(health.upstream_up ? "upstream is up" : "upstream is down", health.upstream_up ? "" : "bad"),
  health.shows_values && badge("values are shown", "bad"),
];

const warning = ({ what, remedy, count, last }) =>
  [what, [remedy, el("span", { class: "quiet" }, ` ${times(count)}, last ${moment(last)}`)]];

function gaugeRow({ name, value, help }, limits) {
  const setting = /bounded by ([\w.]+\w)/.exec(help)?.[1] ?? "";
  const limit = Object.hasOwn(limits, setting) ? limits[setting] : null;
  const isFull = limit !== null && value >= limit;
  return el("tr", {},
    el("td", { class: "mono" }, name),
    el("td", { class: isFull ? "num bad" : "num" }, number(value), isFull ? " (full)" : ""),
    el("td", { class: "num quiet" }, limit === null ? "" : `of ${number(limit)}`),
    el("td", {}, limit === null ? null : el("meter", { min: 0, max: limit, value, "aria-label": `${name} of ${setting}`, title: setting })),
    el("td", { class: "quiet" }, help));
}

const settingRow = (setting) => el("tr", {},
  el("td", { class: "mono" }, setting.name), el("td", { class: "mono" }, JSON.stringify(setting.value)),
  el("td", { class: "quiet" }, setting.source), el("td", { class: "quiet" }, setting.help));
