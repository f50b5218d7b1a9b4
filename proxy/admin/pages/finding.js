// The element of a finding, for the page of a trace and the page of findings.

import { code, el, terms } from "./elements.js";
import { moment, times } from "./formats.js";

export function card(stored) {
  const { key, finding } = stored;
  return el("details", { class: "finding", "data-key": key },
    el("summary", { class: "pick" },
      el("span", { class: finding.impact.toLowerCase() }, `[${finding.impact}: ${finding.code}]`), ` ${finding.title}`,
      el("span", { class: "where" }, where(finding))),
    terms(details(stored)));
}

const where = ({ fingerprint, route, caller }) =>
  [fingerprint, route && `route ${route}`, caller && `called from ${caller}`].filter(Boolean).join(", ") || "all traces";

function details({ key, finding, first, last, count, trace, ignored }) {
  const { fix } = finding;
  return [
    ignored && ["Ignored", [ignored.reason, ignored.owner && ` (${ignored.owner})`, ignored.until && `, until ${ignored.until}`]],
    ["Location", where(finding)],
    ["Current performance", finding.current],
    ["Problem", finding.problem],
    ["Evidence", finding.evidence.map((text) => el("p", {}, text))],
    (fix.sql || fix.supabase_js || fix.supabase_py || fix.settings) &&
      ["Fix", [code("SQL", fix.sql), code("supabase-js", fix.supabase_js), code("supabase-py", fix.supabase_py),
        code("fanin.toml", fix.settings)]],
    fix.reason && ["No fix", fix.reason],
    ["Expected improvement", finding.expected],
    ["Risk", finding.risk],
    ["Confidence", finding.confidence],
    !ignored && ["Mute with", code("fanin.toml", ignore(key))],
    count && ["Seen", [`${times(count)}, first ${moment(first)}, last ${moment(last)}`, trace && [" in ", link(trace)]]],
  ].filter(Boolean);
}

const link = (trace) => el("a", { href: `#/id/${encodeURIComponent(trace)}` }, trace);

const ignore = (key) => `[[ignore]]\nfinding = ${toml(key)}\nreason = "why it is accepted"`;

// A basic string of TOML (https://toml.io/en/v1.0.0#string): like JSON, but DEL must be escaped too.
const toml = (text) => JSON.stringify(text).replaceAll("\x7f", "\\u007f");
