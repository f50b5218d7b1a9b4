// The waterfall of a trace: one line per upstream call, with the requests that it answered.

import { read, write } from "./address.js";
import { badge, el, unseen } from "./elements.js";
import { many, ms, number } from "./formats.js";
import { bar, inside, isFailed } from "./line.js";
import { minimap } from "./minimap.js";
import { queries } from "./queries.js";

const FOLD = 12; // of more alike lines than this, a button hides some
const FIRST = 60; // lines that are drawn at once; the others follow, a few in each frame, so that the page is there early
const MARKS = { first: 0, early: 0.25, middle: 0.5, late: 0.75, last: 1 };
const KINDS = {
  all: ["all", () => true],
  finding: ["with a finding", (span, scale) => scale.findings.has(span.fingerprint)],
  bypassed: ["not merged", (span) => Boolean(span.missed)],
  fallback: ["merged, answer not used", (span) => Boolean(span.fallback_reason)],
  failed: ["failed", isFailed],
};

// `own` is the path of its page, where filters and zoom are written.
export function waterfall(detail, own) {
  const groups = groupsOf(detail);
  const given = read();
  const total = groups.reduce((end, group) => Math.max(end, endOf(group)), Math.max(detail.summary.ms, 0.001));
  const shown = { from: Number(given.get("from")) || 0, to: Number(given.get("to")) || total };
  const scale = {
    shown,
    reasons: byName([...detail.reasons, ...detail.passed]),
    fallbacks: byName(detail.fallbacks),
    findings: byFingerprint(detail.findings),
    code: detail.code,
  };
  const unfolded = new Set();
  let selected = given.get("query"); // the only fingerprint to show
  let drawn = 0; // number of the latest drawing: what is left of an older one is discarded
  const redraw = () => draw();
  const text = el("input", {
    type: "search", placeholder: "a query, a caller, a status", autocomplete: "off", input: redraw, value: given.get("filter"),
  });
  const kind = el("select", { change: redraw }, Object.entries(KINDS).map(([name, [label]]) => el("option", { value: name }, label)));
  const count = el("span", { class: "quiet", role: "status" });
  const lines = el("div", { class: "lines" });
  const marks = axis();
  if (Object.hasOwn(KINDS, given.get("show") ?? "")) kind.value = given.get("show");

  function draw(first = FIRST) {
    shown.from = rounded(shown.from); // as in the address, so that a link to it shows the same part
    if (shown.to < total) shown.to = rounded(shown.to);
    write(own, {
      filter: text.value, show: kind.value === "all" ? "" : kind.value, query: selected,
      from: shown.from > 0 && shown.from, to: shown.to < total && shown.to,
    });
    marks.show(shown);
    const [, isWanted] = KINDS[kind.value];
    const has = (span) => (selected ?? span.fingerprint) === span.fingerprint && searched(span).includes(text.value.toLowerCase());
    const isInside = (group) => endOf(group) >= shown.from && beginOf(group) <= shown.to;
    const wanted = groups.filter((group) => isInside(group) && group.spans.some((span) => has(span) && isWanted(span, scale)));
    count.textContent = wanted.length === groups.length ? "" : `${number(wanted.length)} of ${many(groups.length, "line")}`;
    const items = folded(wanted, unfolded);
    lines.replaceChildren(...items.slice(0, first).map(asLine));
    follow(items.slice(first), ++drawn);
    if (!wanted.length) lines.append(el("p", { class: "empty" }, "No line matches the filter."));
  }

  const asLine = (item) => (item.rest ? rest(item, scale, unfold) : line(item, scale));

  function follow(items, number) {
    if (items.length) requestAnimationFrame(() => setTimeout(() => {
      if (number !== drawn) return;
      lines.append(...items.slice(0, FIRST).map(asLine));
      follow(items.slice(FIRST), number);
    }));
  }

  function unfold({ like, at }) {
    unfolded.add(like);
    draw(Infinity);
    lines.children[at].querySelector("summary").focus();
  }

  function only(fingerprint) {
    selected = selected === fingerprint ? null : fingerprint;
    draw();
    return selected;
  }

  draw();
  return el("div", {},
    queries(detail.spans, scale.findings, only, selected),
    el("div", { class: "tools" }, el("label", {}, "Filter", text), el("label", {}, "Show", kind), count, legend()),
    groups.length > 1 ? minimap(detail.spans, total, shown, redraw) : null,
    el("div", { class: "waterfall" }, marks.element, lines));
}

const rounded = (ms) => Number(ms.toFixed(3));

const byName = (reasons) => new Map(reasons.map((reason) => [reason.reason, reason]));

const legend = () => el("div", { class: "legend" },
  el("span", {}, el("i"), "time that the client waited"),
  el("span", {}, el("i", { class: "call" }), "upstream call"),
  el("span", {}, el("i", { class: "ahead" }), "answered from rows fetched ahead"),
  el("span", {}, el("i", { class: "kept" }), "answered from the cache"),
  el("span", {}, el("i", { class: "failed" }), "failed"));

function axis() {
  const marks = Object.entries(MARKS).map(([place, part]) => {
    const mark = el("span", { class: place });
    mark.style.left = `${100 * part}%`;
    return [mark, part];
  });
  const element = el("div", { class: "axis" }, el("span", {}, "Query"), el("div", { class: "track" }, marks.map(([mark]) => mark)),
    el("span", {}, "Outcome"));
  const show = ({ from, to }) => marks.forEach(([mark, part]) => (mark.textContent = ms(from + part * (to - from))));
  return { element, show };
}

const isAhead = (span) => span.outcome === "prefetched";

// Upstream calls with the requests that waited for them, and the other requests, by start.
function groupsOf(detail) {
  const spans = new Map(detail.spans.map((span) => [span.number, span]));
  const groups = detail.calls.map((call) => ({ call, spans: call.spans.map((at) => spans.get(at)) }));
  for (const span of detail.spans) if (!span.call || isAhead(span)) groups.push({ call: null, spans: [span] });
  return groups.sort((a, b) => a.spans[0].start - b.spans[0].start);
}

function byFingerprint(findings) {
  const grouped = new Map();
  for (const { finding } of findings) {
    if (finding.fingerprint) grouped.set(finding.fingerprint, [...(grouped.get(finding.fingerprint) ?? []), finding]);
  }
  return grouped;
}

// The lines; of many alike lines, such as those of a loop, only the first ones and one for the rest: { like, at, rest }.
function folded(groups, unfolded) {
  const alike = Map.groupBy(groups, likeness);
  const shown = [];
  for (const group of groups) {
    const like = likeness(group);
    const own = alike.get(like);
    const at = own.indexOf(group);
    if (own.length <= FOLD || at < FOLD / 2 || unfolded.has(like)) shown.push(group);
    else if (at === FOLD / 2) shown.push({ like, at: shown.length, rest: own.slice(at) });
  }
  return shown;
}

function likeness({ spans: [first, ...others] }) {
  return [first.fingerprint, first.outcome, first.bypass_reason ?? "", isFailed(first), others.length > 0].join("\n");
}

function rest(run, scale, unfold) {
  const [first] = run.rest[0].spans;
  const length = Math.max(...run.rest.map(endOf)) - first.start;
  const open = el("button", { type: "button", class: "pick", click: () => unfold(run) }, `${number(run.rest.length)} more like these`);
  return el("div", { class: "rest" },
    el("span", { class: "what", title: first.fingerprint }, open, ` ${first.fingerprint}`),
    el("div", { class: "track" }, el("div", { class: "bars" }, bar(kindOf(run.rest[0]), first.start, length, scale.shown))),
    el("span", { class: "became" }, status(run.rest[0]), `in ${ms(length)}`, marks(scale.findings.get(first.fingerprint))));
}

function line(group, scale) {
  const [first] = group.spans;
  const begin = beginOf(group);
  const bars = el("div", { class: "bars" }, bar(kindOf(group), begin, endOf(group) - begin, scale.shown),
    group.call ? bar("call", group.call.start, group.call.ms, scale.shown) : null);
  const row = el("details", { class: "row", toggle: () => row.open && row.children.length === 1 && row.append(inside(group, scale)) },
    el("summary", { class: "pick" },
      el("span", { class: "what", title: first.fingerprint }, first.target ? `${first.method} ${first.target}` : first.fingerprint),
      el("div", { class: "track" }, bars),
      el("span", { class: "became" }, status(group), `${outcome(group)}, ${ms(endOf(group) - first.start)}`, marks(scale.findings.get(first.fingerprint)))));
  return row;
}

const BARS = { prefetched: "client ahead", cached: "client kept" };
const kindOf = ({ spans }) => (spans.some(isFailed) ? "client failed" : BARS[spans[0].outcome] ?? "client");

function status(group) {
  const failed = group.spans.find(isFailed);
  return failed ? el("b", { class: "bad" }, failed.status || "no answer", " ") : null;
}

function outcome({ spans }) {
  const [first] = spans;
  if (isAhead(first)) return `prefetched by call ${first.call}`;
  if (first.outcome === "cached") return first.status === 304 ? "cached: not modified" : "cached";
  if (isMergedWrite(first)) return mergedWrite(spans);
  if (spans.length > 1) return `${number(spans.length)} ${first.outcome} into 1`;
  if (first.shared > 1) return `${first.outcome} with ${number(first.shared - 1)} of other traces`;
  return first.bypass_reason ? `${first.outcome}: ${first.bypass_reason}` : first.outcome;
}

const isMergedWrite = (span) => span.outcome === "merged" && !["GET", "HEAD"].includes(span.method);

function mergedWrite({ length, 0: first }) {
  const own = `${many(length, "write")} merged into 1 ${first.method} (FAN004)`;
  return first.shared > length ? `${own}, with ${number(first.shared - length)} of other traces` : own;
}

const marks = (findings) => [...new Set((findings ?? []).map((finding) => finding.code))].map((name) => {
  const { impact, title } = findings.find((finding) => finding.code === name);
  const mark = badge(name, impact.toLowerCase());
  mark.title = title;
  return [" ", mark, unseen(` ${impact}`)];
});

const beginOf = (group) => Math.min(...group.spans.map((span) => span.start));
const endOf = (group) => Math.max(...group.spans.map((span) => span.start + span.ms));

const searched = (span) =>
  [span.fingerprint, span.target, span.caller, span.outcome, span.bypass_reason, span.status].join("\n").toLowerCase();
