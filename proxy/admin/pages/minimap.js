// How many requests of a trace were under way at which time, and the part of it that the waterfall shows.

import { el } from "./elements.js";
import { ms, number } from "./formats.js";

const SLICES = 160;
const LEAST = 1e-4; // the smallest part of a trace that is shown
const ZOOM = 2;
const SHORTEST = 1e-6; // milliseconds, so that a request ends after it began

// `shown` is { from, to } in milliseconds; `onChange` is called after it was changed.
export function minimap(spans, total, shown, onChange) {
  const frame = el("div", { class: "frame" });
  const label = el("span", { class: "quiet", role: "status" });
  const strip = el("div", {
    class: "minimap", tabindex: 0, role: "group", "aria-label": "Part of the trace that is shown: + and − zoom, ← and → move, 0 shows all",
    pointerdown: drag, keydown: press,
  }, slices(spans, total), frame);

  function show(from, to) {
    const length = Math.min(total, Math.max(to - from, LEAST * total));
    shown.from = Math.min(Math.max(0, from), total - length);
    shown.to = shown.from + length;
    mark();
    onChange();
  }

  function mark() {
    frame.style.left = `${(100 * shown.from) / total}%`;
    frame.style.width = `${(100 * (shown.to - shown.from)) / total}%`;
    label.textContent = isAll() ? "" : `${ms(shown.from)} to ${ms(shown.to)}`;
    farther.disabled = all.disabled = isAll();
  }

  const isAll = () => shown.from <= 0 && shown.to >= total;

  function zoom(by) {
    const [middle, length] = [(shown.from + shown.to) / 2, (shown.to - shown.from) / by];
    show(middle - length / 2, middle + length / 2);
  }

  function move(direction) {
    const step = (direction * (shown.to - shown.from)) / 4;
    show(shown.from + step, shown.to + step);
  }

  const KEYS = {
    "+": () => zoom(ZOOM), "=": () => zoom(ZOOM), "-": () => zoom(1 / ZOOM), 0: () => show(0, total),
    ArrowLeft: () => move(-1), ArrowRight: () => move(1),
  };

  function press(event) {
    if (event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(KEYS, event.key)) return;
    event.preventDefault();
    event.stopPropagation();
    KEYS[event.key]();
  }

  function drag(down) {
    if (down.button !== 0) return;
    const box = strip.getBoundingClientRect();
    const at = (event) => (total * Math.min(box.width, Math.max(0, event.clientX - box.left))) / box.width;
    const begin = at(down);
    const select = (event) => Math.abs(event.clientX - down.clientX) > 3 && show(Math.min(begin, at(event)), Math.max(begin, at(event)));
    strip.setPointerCapture(down.pointerId);
    strip.addEventListener("pointermove", select);
    strip.addEventListener("lostpointercapture", () => strip.removeEventListener("pointermove", select), { once: true });
  }

  const button = (name, hint, act) => el("button", { type: "button", title: hint, "aria-label": hint, click: act }, name);
  const farther = button("−", "Zoom out", () => zoom(1 / ZOOM));
  const all = button("All", "Show the whole trace", () => show(0, total));
  mark();
  return el("div", { class: "overview" }, strip,
    el("div", { class: "tools" }, button("+", "Zoom in", () => zoom(ZOOM)), farther, all, label));
}

function slices(spans, total) {
  const counts = mostAtOnce(spans, (at) => Math.min(SLICES - 1, Math.floor((SLICES * at) / total)));
  const most = Math.max(...counts, 1);
  return counts.map((count, at) => {
    const column = el("i", { title: `${ms((at * total) / SLICES)}: ${number(count)} at once` });
    column.style.height = `${(100 * count) / most}%`;
    return column;
  });
}

// Per slice, the most requests under way at one moment of it: those of a loop follow each other, and are never two.
function mostAtOnce(spans, slice) {
  const counts = new Array(SLICES).fill(0);
  const edges = spans.flatMap(({ start, ms: lasts }) => [[start, 1], [start + Math.max(lasts, SHORTEST), -1]]);
  edges.sort((a, b) => a[0] - b[0] || a[1] - b[1]);
  let [now, last] = [0, 0];
  for (const [at, step] of edges) {
    const here = slice(at);
    for (; last < here; last++) counts[last] = Math.max(counts[last], now);
    counts[here] = Math.max(counts[here], now, now + step);
    now += step;
  }
  return counts;
}
