// The event stream: delivers traces when they close, or holds them while paused.

import { number } from "./formats.js";

const RETRY_DELAY = 3000; // milliseconds until the next attempt after fanin rejected the connection
const MAX_HELD = 500; // traces that are held while paused
const VERSION = new URL(import.meta.url).pathname.split("/")[2];

const button = document.getElementById("pause");
const status = document.getElementById("live");

let state = "";
let run = null; // identifies the fanin process
let paused = false;
let held = [];
let skipped = 0;
let onTraces = () => {};

export const isPaused = () => paused;

// Calls `onConnect` after each connection, when traces may have been missed, with whether fanin was restarted; calls `onClosed`
// with the traces that closed, and the number of further ones.
export function follow(onConnect, onClosed) {
  onTraces = onClosed;
  const events = new EventSource("/api/events");
  events.addEventListener("hello", (event) => {
    const hello = JSON.parse(event.data);
    if (hello.pages !== VERSION && isFirst(hello.pages)) return location.reload(); // the API may have changed
    const isRestarted = run !== null && run !== hello.run;
    if (isRestarted) held = [];
    run = hello.run;
    setState("live");
    onConnect(isRestarted);
  });
  events.addEventListener("traces", (event) => {
    const message = JSON.parse(event.data);
    deliver(message.traces, message.skipped);
  });
  events.addEventListener("error", () => {
    setState("no connection");
    if (events.readyState === EventSource.CLOSED) setTimeout(follow, RETRY_DELAY, onConnect, onClosed);
  });
}

// Deliver traces, the oldest first; hold them while paused.
export function deliver(traces, more = 0) {
  if (!paused) return onTraces(traces, more);
  held.push(...traces);
  skipped += more + Math.max(0, held.length - MAX_HELD);
  held = held.slice(-MAX_HELD);
  show();
}

export function pause() {
  paused = !paused;
  if (!paused) {
    onTraces(held, skipped);
    held = [];
    skipped = 0;
  }
  show();
}

// Reload only once per version: several versions of fanin behind one address would cause endless reloads.
function isFirst(version) {
  const before = sessionStorage.getItem("reloaded");
  sessionStorage.setItem("reloaded", version);
  return before !== version;
}

function setState(text) {
  state = text;
  show();
}

function show() {
  button.setAttribute("aria-pressed", String(paused));
  button.textContent = paused ? "Resume" : "Pause";
  status.classList.toggle("bad", state === "no connection");
  status.textContent = paused && state === "live" ? (held.length ? `${number(held.length)} waiting` : "paused") : state;
}
