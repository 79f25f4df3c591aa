// Integers with their units as the session has them, for people. Nothing is computed with the results.

/** 1e-4 USD as USD and cents. */
export function usd(amount, signed = false) {
  const cents = Math.round(Math.abs(amount) / 100);
  const sign = amount < 0 && cents ? "−" : signed && cents ? "+" : "";
  return `${sign}${count(Math.floor(cents / 100))}.${String(cents % 100).padStart(2, "0")}`;
}

/** 1e-4 USD as a price: cents, and what is below a cent where there is any. */
export function price(value) {
  const whole = Math.floor(value / 10000), rest = String(value % 10000).padStart(4, "0");
  return `${whole}.${rest.endsWith("00") ? rest.slice(0, 2) : rest}`;
}

/** 1e-6 USD a share as cents, two places. */
export function cents(value) {
  return value === 0 ? "0.00" : `${value < 0 ? "−" : ""}${(Math.abs(value) / 10000).toFixed(2)}`;
}

const GROUPED = new Intl.NumberFormat("en-US");
export function count(value) {
  return GROUPED.format(value);
}

/** A number in few characters: 950, 12.3k, 4.56M. */
export function short(value) {
  const size = Math.abs(value);
  if (size >= 1e6) return `${trim(value / 1e6)}M`;
  if (size >= 1e4) return `${trim(value / 1e3)}k`;
  return count(Math.round(value));
}

/** ns in the unit that suits them. */
export function duration(ns) {
  if (ns === null || ns === undefined) return "";
  if (ns < 10000) return `${count(ns)} ns`;
  if (ns < 1e7) return `${trim(ns / 1e3)} µs`;
  if (ns < 1e10) return `${trim(ns / 1e6)} ms`;
  return `${trim(ns / 1e9)} s`;
}

/** ns as µs. */
export function micros(ns) {
  return trim(ns / 1e3);
}

/** Time since the session began, always in the same number of places while it is in one unit. */
export function clock(ns) {
  if (ns < 1e10) return `${(ns / 1e6).toFixed(3)} ms`;
  const s = Math.floor(ns / 1e9), pad = (n) => String(n).padStart(2, "0");
  return `${pad(Math.floor(s / 3600))}:${pad(Math.floor(s / 60) % 60)}:${pad(s % 60)}`;
}

export function permille(value) {
  return `${(value / 10).toFixed(1)} %`;
}

function trim(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 100 ? 0 : size >= 10 ? 1 : 2);
}
