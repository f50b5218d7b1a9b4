// Formats numbers, times and sizes.

const UNIT = 1000; // each unit of bytes is this many of the unit before

export const number = (value) => Math.round(value).toLocaleString("en");
export const share = (part, whole) => (whole ? `${Math.round((100 * part) / whole)} %` : "–");
export const times = (count) => (count === 1 ? "once" : `${number(count)} times`);
export const many = (count, singular, plural = `${singular}s`) => `${number(count)} ${count === 1 ? singular : plural}`;

export function ms(value) {
  if (!value) return "0 ms";
  return `${value >= 100 ? number(value) : value.toFixed(value >= 10 ? 1 : 2)} ms`;
}

// Seconds since 1970 as the time of day, and as date and time: 2030-12-31 23:59:59.
export const clock = (seconds) => new Date(1000 * seconds).toLocaleTimeString("en-GB");
export const moment = (seconds) => new Date(1000 * seconds).toLocaleString("sv-SE");

export function size(bytes) {
  const units = ["B", "kB", "MB", "GB"];
  let unit = 0;
  for (; bytes >= UNIT && unit < units.length - 1; unit++) bytes /= UNIT;
  return `${unit && bytes < 10 ? bytes.toFixed(1) : Math.round(bytes)} ${units[unit]}`;
}
