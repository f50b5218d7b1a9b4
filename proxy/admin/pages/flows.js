// The page of flows: which list feeds which loop, and how much of what was fetched ahead was used.

import { ask } from "./ask.js";
import { badge, drawing, el, table } from "./elements.js";
import { number, share } from "./formats.js";

const HEADS = [
  ["List"], ["Column", null, "The column of the list that has the values"], ["Loop"], ["Route"],
  ["Traces", "num", "Traces in a row in which the loop followed the list"],
  ["Share", "num", "How much of the list the loop reads, on average"],
  ["Fetched", "num", "Keys that were fetched ahead"], ["Hit ratio", "num", "How many of them the loop asked for"], ["State"],
];
const STATES = {
  certain: "The first read of the loop fetches ahead",
  learning: "The second read of the loop fetches ahead",
  paused: "Nothing is fetched ahead for a while: less than half of it was used",
};
const [WIDTH, STEP, MOST] = [900, 28, 20];

export async function flows() {
  const { flows: all, level } = await ask("/api/flows");
  return [
    el("h1", { class: "unseen" }, "Flows"),
    el("p", { class: "quiet" }, "A flow is a list whose rows a loop reads one by one. ", level === "rewrite"
      ? "fanin fetches the answers of the next iterations ahead."
      : `rules.fan002 is ${level}: flows are learned only where an override sets it to rewrite.`),
    all.length ? graph(all.slice(0, MOST)) : null,
    all.length ? table("Flows", HEADS, all.map(row)) : el("p", { class: "empty" }, "No flow has been learned."),
  ];
}

const ratio = (flow) => (flow.hit_ratio === null ? "–" : share(flow.hit_ratio, 1));

function row(flow) {
  const state = badge(flow.state);
  state.title = STATES[flow.state];
  return el("tr", {},
    el("td", { class: "name" }, flow.list), el("td", {}, flow.column), el("td", { class: "name" }, flow.loop),
    el("td", {}, flow.route || "without a name"), el("td", { class: "num" }, number(flow.held)),
    el("td", { class: "num" }, share(flow.share, 1)), el("td", { class: "num" }, number(flow.fetched)),
    el("td", { class: "num" }, ratio(flow)), el("td", {}, state));
}

// Lists on the left, loops on the right; a line is the wider the more of what was fetched ahead was used.
function graph(all) {
  const source = (flow) => `${relation(flow.list)}.${flow.column}`;
  const target = (flow) => `${relation(flow.loop)}.${flow.key}`;
  const [left, right] = [source, target].map((name) => [...new Set(all.map(name))]);
  const y = (names, name) => STEP * (names.indexOf(name) + 0.75);
  const pairs = Map.groupBy(all, (flow) => `${source(flow)} ${target(flow)}`);
  const lines = [...pairs.values()].map(([first, ...others]) => {
    const [from, to, middle] = [y(left, source(first)), y(right, target(first)), WIDTH / 2];
    const path = drawing("path", {
      class: "flow", d: `M 300 ${from - 4} C ${middle} ${from - 4}, ${middle} ${to - 4}, 600 ${to - 4}`,
      "stroke-width": (1 + 5 * Math.max(...[first, ...others].map((flow) => flow.hit_ratio ?? 0))).toFixed(1),
    });
    const label = [first, ...others].map(ratio).join(", ");
    const told = drawing("title", {}, `${source(first)} feeds ${target(first)}: ${label}`);
    path.append(told);
    return path;
  });
  const labels = [
    ...left.map((name) => drawing("text", { x: 290, y: y(left, name), "text-anchor": "end" }, name)),
    ...right.map((name) => drawing("text", { x: 610, y: y(right, name) }, name)),
  ];
  const height = STEP * (Math.max(left.length, right.length) + 0.5);
  return el("div", { class: "wide", role: "region", "aria-label": "Graph of flows", tabindex: 0 },
    drawing("svg", { class: "flows", viewBox: `0 0 ${WIDTH} ${height}`, width: WIDTH, height, role: "img",
      "aria-label": [...pairs.values()].map(([flow]) => `${source(flow)} feeds ${target(flow)}: ${ratio(flow)}`).join("; ") },
    ...lines, ...labels));
}

// The relation of a fingerprint: "GET videos?select=*" reads videos.
const relation = (fingerprint) => fingerprint.replace(/^\S+ /, "").split("?")[0];
