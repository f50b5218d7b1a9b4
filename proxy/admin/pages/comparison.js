// The page that compares two traces, such as those of one route before and after a change.

import { ask } from "./ask.js";
import { badge, el, table } from "./elements.js";
import { moment, ms, number } from "./formats.js";

const HEADS = [
  ["Query"], ["Change"], ["Requests", "num", "Before → after"], ["Calls", "num", "Upstream calls that answered them, before → after"],
  ["Waited", "num", "Sum of the times that clients waited, before → after"], ["Rows", "num", "Before → after"],
];
const NOTABLE = 0.2; // a mean time that changes by less than this share is not told

// `which` is the numbers of two traces with a comma between them.
export async function comparison(which) {
  const [before, after] = await Promise.all(which.split(",", 2).map((one) => ask(`/api/traces/${encodeURIComponent(one)}`)));
  const [olds, news] = [before, after].map(usages);
  const rows = [...new Set([...olds.keys(), ...news.keys()])].map((fingerprint) => ({
    fingerprint, old: olds.get(fingerprint) ?? NONE, now: news.get(fingerprint) ?? NONE,
  }));
  rows.sort((a, b) => Math.abs(b.now.requests - b.old.requests) - Math.abs(a.now.requests - a.old.requests) || b.old.waited - a.old.waited);
  const route = after.summary.route || after.summary.id;
  const page = [
    el("p", {}, el("a", { href: `#/trace/${after.summary.number}` }, "← Trace")),
    el("h1", {}, route),
    el("p", { class: "quiet" }, named("Before", before.summary), "; ", named("after", after.summary), ". ",
      el("a", { href: `#/compare/${which.split(",").reverse().join(",")}` }, "The other way round")),
    el("div", { class: "figures" },
      figure("queries", before.summary.queries, after.summary.queries), figure("upstream calls", before.summary.calls, after.summary.calls),
      figure("from first to last", before.summary.ms, after.summary.ms, ms), figure("failed", before.summary.failed, after.summary.failed)),
    ...codes(before, after),
    el("h2", {}, "Queries"),
    table("Queries", HEADS, rows.map(row)),
  ];
  page.title = `${route}, compared`;
  return page;
}

const NONE = { requests: 0, calls: 0, waited: 0, rows: 0 };

function usages({ spans }) {
  return new Map([...Map.groupBy(spans, (span) => span.fingerprint)].map(([fingerprint, own]) => [fingerprint, {
    requests: own.length,
    calls: new Set(own.map((span) => span.call).filter(Boolean)).size,
    waited: own.reduce((sum, span) => sum + span.ms, 0),
    rows: own.reduce((sum, span) => sum + Math.max(0, span.rows), 0),
  }]));
}

const named = (word, summary) => [`${word}: `, el("a", { href: `#/trace/${summary.number}` }, summary.id), `, closed ${moment(summary.ended)}`];
const change = (before, after, show = number) => (before === after ? show(after) : `${show(before)} → ${show(after)}`);
const figure = (label, before, after, show = number) => el("div", {}, el("b", {}, change(before, after, show)), el("span", {}, label));

function row({ fingerprint, old, now }) {
  return el("tr", {},
    el("td", { class: "name mono" }, fingerprint), el("td", {}, changes(old, now).map(([text, kind]) => [badge(text, kind), " "])),
    el("td", { class: "num" }, change(old.requests, now.requests)), el("td", { class: "num" }, change(old.calls, now.calls)),
    el("td", { class: "num" }, change(old.waited, now.waited, ms)), el("td", { class: "num" }, change(old.rows, now.rows)));
}

function changes(old, now) {
  if (!old.requests) return [["new", "bad"]];
  if (!now.requests) return [["gone", "high"]];
  const found = [];
  if (now.requests !== old.requests) found.push(now.requests > old.requests ? ["more", "bad"] : ["fewer", "high"]);
  const [before, after] = [old.waited / old.requests, now.waited / now.requests];
  if (after > before * (1 + NOTABLE)) found.push(["slower", "bad"]);
  if (after < before * (1 - NOTABLE)) found.push(["faster", "high"]);
  return found;
}

// The rules that found something in one of the two only.
function codes(before, after) {
  const [olds, news] = [before, after].map((detail) => new Set(detail.summary.findings.map(({ code }) => code)));
  const [gone, came] = [[...olds.difference(news)], [...news.difference(olds)]];
  const list = (text, own, kind) => own.length ? el("p", {}, text, own.map((name) => [" ", badge(name, kind)])) : null;
  return [list("Findings that are gone:", gone, "high"), list("New findings:", came, "bad")];
}
