// The page of findings: by rule, the worst first, with the documents of the rules; ignored findings are separate.

import { ask } from "./ask.js";
import { badge, el, terms } from "./elements.js";
import { card } from "./finding.js";
import { moment, number } from "./formats.js";

const IMPACTS = ["CRITICAL", "HIGH", "MEDIUM", "LOW"];

export async function findings() {
  const { findings: all, rules, notes, not_merged: notMerged } = await ask("/api/findings");
  const wrong = notMerged.filter((each) => each.since !== null);
  const known = notMerged.filter((each) => each.since === null);
  const worst = all.toSorted((a, b) => IMPACTS.indexOf(a.finding.impact) - IMPACTS.indexOf(b.finding.impact) || b.count - a.count);
  const ignored = worst.filter((stored) => stored.ignored);
  const open = Map.groupBy(worst.filter((stored) => !stored.ignored), (stored) => stored.finding.code);
  const quiet = rules.filter((rule) => !open.has(rule.code));
  return [
    el("h1", { class: "unseen" }, "Findings"),
    notes.map(({ what, remedy }) => el("p", { class: "note" }, el("b", {}, `${what}. `), remedy)),
    wrong.length ? differing(wrong) : null,
    open.size || notes.length ? null : nothing(ignored.length),
    ...[...open].map(([code, own]) => section(rules.find((rule) => rule.code === code), own)),
    known.length ? folder("unsafe", `${number(known.length)} relations not merged, by the catalog`, terms(known.map(reason), "reasons")) : null,
    ignored.length ? folder("ignored", `${number(ignored.length)} ignored`, ignored.map(card)) : null,
    quiet.length ? folder("quiet", `${number(quiet.length)} rules without findings`, quiet.map((rule) => section(rule, []))) : null,
  ];
}

const differing = (wrong) => el("section", {},
  el("h2", {}, "Not merged: answers differ ", badge(number(wrong.length), "bad")),
  terms(wrong.map(reason), "reasons"));

const reason = ({ relation, profile, column, reason, detail, remedy, since }) => [
  `${relation}${profile && ` (profile ${profile})`}${column && ` by ${column}`}: ${reason}`,
  [`${detail} ${remedy}`, since === null ? null : el("span", { class: "quiet" }, ` Since ${moment(since)}.`)]];

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
