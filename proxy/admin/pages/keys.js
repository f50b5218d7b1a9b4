// Keys; the dialog that tells them is in index.html.

import { main } from "./frame.js";

const help = document.getElementById("help");

// `keys` says what each does, beside those that are the same everywhere.
export function listen(keys) {
  const all = { ...COMMON, ...keys };
  document.addEventListener("keydown", (event) => {
    const isField = event.target.matches("input, select, textarea");
    if (event.key === "Escape" && isField) return event.target.blur();
    if (isField || help.open || event.ctrlKey || event.metaKey || event.altKey || !Object.hasOwn(all, event.key)) return;
    event.preventDefault();
    all[event.key]();
  });
}

export const showHelp = () => help.showModal();

function step(by) {
  const picks = [...main.querySelectorAll(".pick")].filter((one) => one.checkVisibility());
  const at = picks.indexOf(document.activeElement);
  picks[at < 0 ? 0 : Math.min(picks.length - 1, Math.max(0, at + by))]?.focus();
}

const COMMON = {
  j: () => step(1), ArrowDown: () => step(1), k: () => step(-1), ArrowUp: () => step(-1),
  "/": () => main.querySelector("input")?.focus(), "?": showHelp,
};
