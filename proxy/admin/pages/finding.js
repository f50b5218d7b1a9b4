// The element of a finding, for the page of a trace and the page of findings.

import { ask } from "./ask.js";
import { code, copyText, el, terms, unseen } from "./elements.js";
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
    ["Hand over", prompt(key, finding.code)],
    ["Confidence", finding.confidence],
    !ignored && ["Mute with", code("fanin.toml", ignore(key))],
    count && ["Seen", [`${times(count)}, first ${moment(first)}, last ${moment(last)}`, trace && [" in ", link(trace)]]],
  ].filter(Boolean);
}

// Prompts that were asked for, by the key of the finding: they stay when the page is drawn again.
const prompts = new Map();

function prompt(key, name) {
  const box = el("div", {}, code("prompt", prompts.get(key)));
  const status = el("span", { role: "status" });
  const copy = el("button", { type: "button", click: () => copyPrompt(key, box, status) }, "Copy as prompt", unseen(` ${name}`));
  return [el("div", {}, copy, " ", status), box];
}

async function copyPrompt(key, box, status) {
  try {
    if (!prompts.has(key)) prompts.set(key, (await ask(`/api/prompt?key=${encodeURIComponent(key)}`)).prompt);
    box.replaceChildren(code("prompt", prompts.get(key)));
    await copyText(box.querySelector("pre"), status);
  } catch (error) {
    status.textContent = error.message;
  }
}

const link = (trace) => el("a", { href: `#/id/${encodeURIComponent(trace)}` }, trace);

const ignore = (key) => `[[ignore]]\nfinding = ${toml(key)}\nreason = "why it is accepted"`;

// A basic string of TOML (https://toml.io/en/v1.0.0#string): like JSON, but DEL must be escaped too.
const toml = (text) => JSON.stringify(text).replaceAll("\x7f", "\\u007f");
