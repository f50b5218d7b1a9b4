// The page of routes: how long their traces took in the last hour, minute by minute.

import { ask } from "./ask.js";
import { drawing, el, table } from "./elements.js";
import { ms, number } from "./formats.js";

const HEADS = [
  ["Route"], ["Traces", "num", "Traces that closed in the last hour"], ["p50 ≤", "num", "Half of them took at most this time"],
  ["p95 ≤", "num", "95 % of them took at most this time"], ["Queries", "num", "Requests for PostgREST in a trace, on average"],
  ["The last hour", null, "p50 and p95 of each minute: the line and the edge of the area"],
];
const [WIDTH, HEIGHT] = [240, 36];

export async function routes() {
  const { routes: all, minutes } = await ask("/api/routes");
  return [
    el("h1", { class: "unseen" }, "Routes"),
    all.length ? table("Routes", HEADS, all.map((route) => row(route, minutes))) : el("p", { class: "empty" }, "No trace has closed in the last hour."),
  ];
}

function row(route, minutes) {
  const name = route.route || "without a name";
  const link = route.route ? el("a", { class: "pick", href: `#/traces?route=${encodeURIComponent(route.route)}`, "data-key": `route ${name}` }, name) : name;
  return el("tr", {},
    el("td", { class: "name" }, link),
    el("td", { class: "num" }, number(route.traces)), el("td", { class: "num" }, ms(route.p50)), el("td", { class: "num" }, ms(route.p95)),
    el("td", { class: "num" }, (route.queries / route.traces).toLocaleString("en", { maximumFractionDigits: 1 })),
    el("td", {}, plot(name, route.minutes, minutes)));
}

// `own` is what each minute with a trace had: { ago, p50, p95 }, the oldest first.
function plot(name, own, minutes) {
  const most = Math.max(...own.map(({ p95 }) => p95));
  const x = ({ ago }) => ((WIDTH * (minutes - 1 - ago)) / (minutes - 1)).toFixed(1);
  const y = (value) => (HEIGHT - 1 - ((HEIGHT - 2) * value) / most).toFixed(1);
  const high = own.map((minute) => `${x(minute)},${y(minute.p95)}`);
  const middle = own.map((minute) => `${x(minute)},${y(minute.p50)}`);
  const told = `${name}: p95 of a minute at most ${ms(most)}`;
  const dots = own.length > 1 ? [] : own.map((minute) => drawing("circle", { class: "middle", cx: x(minute), cy: y(minute.p50), r: 2 }));
  return drawing("svg", { class: "plot", viewBox: `0 0 ${WIDTH} ${HEIGHT}`, width: WIDTH, height: HEIGHT, role: "img", "aria-label": told },
    drawing("polygon", { class: "area", points: [`${x(own[0])},${HEIGHT}`, ...high, `${x(own.at(-1))},${HEIGHT}`].join(" ") }),
    drawing("polyline", { class: "middle", points: middle.join(" ") }), ...dots);
}
