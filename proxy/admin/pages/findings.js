// The page of findings: by rule, the worst first, with the documents of the rules; ignored findings are separate.

import { ask } from "./ask.js";
import { badge, el } from "./elements.js";
import { card } from "./finding.js";
import { number } from "./formats.js";

const IMPACTS = ["CRITICAL", "HIGH", "MEDIUM", "LOW"];

export async function findings() {
  const { findings: all, rules, notes } = await ask("/api/findings");
  const worst = all.toSorted((a, b) => IMPACTS.indexOf(a.finding.impact) - IMPACTS.indexOf(b.finding.impact) || b.count - a.count);
  const ignored = worst.filter((stored) => stored.ignored);
  const open = Map.groupBy(worst.filter((stored) => !stored.ignored), (stored) => stored.finding.code);
  const quiet = rules.filter((rule) => !open.has(rule.code));
  return [
    el("h1", { class: "unseen" }, "Findings"),
    notes.map(({ what, remedy }) => el("p", { class: "note" }, el("b", {}, `${what}. `), remedy)),
    open.size || notes.length ? null : nothing(ignored.length),
    ...[...open].map(([code, own]) => section(rules.find((rule) => rule.code === code), own)),
    ignored.length ? folder("ignored", `${number(ignored.length)} ignored`, ignored.map(card)) : null,
    quiet.length ? folder("quiet", `${number(quiet.length)} rules without findings`, quiet.map((rule) => section(rule, []))) : null,
  ];
}

const nothing = (ignored) => el("div", { class: "empty" },
  el("p", {}, ignored ? "All findings are ignored." : "No findings yet."),
  el("p", {}, "Rules run on each trace when it closes, and periodically on all queries: use the slow pages of your application, "
    + "then come back."));

const folder = (key, name, content) => el("details", { class: "folder", "data-key": key }, el("summary", {}, name), content);

const section = (rule, own) => el("section", {},
  el("h2", {}, `${rule.code} ${rule.name} `, badge(rule.safety), " ", badge(`level ${rule.level}`),
    own.length ? [" ", badge(number(own.length), "high")] : null),
  el("details", { class: "document", "data-key": `rule ${rule.code}` },
    el("summary", {}, "About this rule"), el("pre", {}, rule.document.trim())),
  own.map(card));
