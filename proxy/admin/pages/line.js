// The details of a line of the waterfall: bypass reason, upstream call, requests, and code to copy.

import { badge, code, el, table } from "./elements.js";
import { many, ms, number, size } from "./formats.js";

const HEADS = [
  ["#", "num"], ["Status", "num"], ["Rows", "num"], ["Size", "num"], ["Began", "num"], ["Took", "num"],
  ["Upstream", "num", "The part of this time that upstream took"], ["When"], ["Called from"],
];
const ALONE = "It has no bypass reason: no similar request came at the same time, or the mode or the level of a rule prevents merging.";
const CACHED = "The answer to an equal request had been kept (FAN006 at level rewrite).";
const AHEAD = "The loop was expected to ask for it (FAN002 at level rewrite).";
const NONE = { curl: "", supabase_js: "" };

export const isFailed = (span) => span.status >= 400 || !span.status;

// A bar in the part { from, to } of the trace that is shown; what is outside is cut off.
export function bar(kind, start, length, { from, to }) {
  const element = el("div", { class: `bar ${kind}`, title: `${ms(length)}, from ${ms(start)}` });
  const place = (at) => (100 * (Math.min(to, Math.max(from, at)) - from)) / (to - from);
  element.style.left = `${place(start)}%`;
  element.style.width = `${place(start + length) - place(start)}%`;
  return element;
}

export function inside(group, scale) {
  const [first] = group.spans;
  const own = Object.hasOwn(scale.code, first.fingerprint) ? scale.code[first.fingerprint] : NONE;
  return el("div", { class: "inside" },
    el("p", { class: "mono" }, first.fingerprint),
    (scale.findings.get(first.fingerprint) ?? []).map((finding) =>
      el("p", {}, badge(finding.code, finding.impact.toLowerCase()), ` ${finding.impact}: ${finding.title}`)),
    why(first, scale),
    group.call ? callOf(group.call, first.shared) : null,
    table("Requests", HEADS, group.spans.map((span) => request(span, scale.shown))),
    code("curl", first.curl || own.curl), code("supabase-js", own.supabase_js));
}

function why(span, scale) {
  if (span.fallback_reason) return because("Merged, answer not used", scale.fallbacks.get(span.fallback_reason));
  if (span.outcome === "cached") return el("p", {}, el("b", {}, "Answered from the cache. "), CACHED);
  if (span.bypass_reason) return because(span.missed ? "Not merged" : "Passed on", scale.reasons.get(span.bypass_reason));
  if (span.outcome === "prefetched") return el("p", {}, el("b", {}, `Fetched ahead with upstream call ${span.call}. `), AHEAD);
  return span.outcome === "passed" && el("p", {}, el("b", {}, "Passed on: alone. "), ALONE);
}

const because = (title, { reason, why, remedy }) =>
  el("p", {}, el("b", {}, `${title}: ${reason}. `), why, " ", el("span", { class: "quiet" }, remedy));

const callOf = (call, shared) => el("p", { class: "quiet" },
  `Upstream call ${call.call}: about ${ms(call.ms)}, ${call.parts > 1 ? `in ${call.parts} chunks, ` : ""}for ${many(shared, "request")}`);

function request(span, shown) {
  return el("tr", {},
    el("td", { class: "num" }, span.number), el("td", { class: isFailed(span) ? "num bad" : "num" }, span.status || "none"),
    el("td", { class: "num" }, span.rows < 0 ? "–" : number(span.rows)), el("td", { class: "num" }, size(span.bytes)),
    el("td", { class: "num" }, `+${ms(span.start)}`), el("td", { class: "num" }, ms(span.ms)),
    el("td", { class: "num" }, ms(span.upstream)),
    el("td", {}, el("div", { class: "bars small" }, bar("client", span.start, span.ms, shown))),
    el("td", { class: "name" }, span.caller ?? "", span.retry ? " (a retry)" : "", span.target ? el("code", {}, ` ${span.target}`) : null));
}
