// fanin itself: its state, what it warns of, what it holds, how it is set.

import { ask } from "./ask.js";
import { badge, el, table, terms } from "./elements.js";
import { moment, number, times } from "./formats.js";

const GAUGES = [["Gauge"], ["Now", "num"], ["Limit", "num"], ["Share of it"], ["What it is"]];
const SETTINGS = [["Setting"], ["Value"], ["From"], ["What it does"]];

export async function health() {
  const [told, settings] = await Promise.all([ask("/api/health"), ask("/api/config")]);
  const { default: left = [], changed = [] } = Object.groupBy(settings, (one) => (one.source === "default" ? "default" : "changed"));
  return [
    el("h1", {}, `fanin ${told.version}`),
    el("p", {}, badges(told).flatMap((one) => [one, " "])),
    el("p", { class: "quiet" }, `Clients: ${told.base}. Upstream: ${told.upstream}.`),
    el("h2", {}, "Warnings"),
    told.warnings.length ? terms(told.warnings.map(warning), "reasons") : el("p", { class: "quiet" }, "None."),
    el("h2", {}, "Now"),
    table("Gauges", GAUGES, told.gauges.map((gauge) => gaugeRow(gauge, told.limits))),
    el("h2", {}, "Settings that are not as they come"),
    changed.length ? table("Settings", SETTINGS, changed.map(setting)) : el("p", { class: "quiet" }, "None."),
    el("details", { class: "folder", "data-key": "settings" }, el("summary", {}, `${number(left.length)} others`),
      table("Other settings", SETTINGS, left.map(setting))),
  ];
}

const badges = (told) => [
  badge(told.state, told.state === "ready" ? "high" : "bad"),
  badge(`mode ${told.mode}`),
  badge(told.upstream_up ? "upstream is up" : "upstream is down", told.upstream_up ? "" : "bad"),
  told.shows_values && badge("values are shown", "bad"),
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

const setting = (one) => el("tr", {},
  el("td", { class: "mono" }, one.name), el("td", { class: "mono" }, JSON.stringify(one.value)),
  el("td", { class: "quiet" }, one.source), el("td", { class: "quiet" }, one.help));
