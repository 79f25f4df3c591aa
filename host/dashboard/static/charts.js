// Lines over session time. One instance of uPlot each, fed with whole columns; nothing grows beyond `most` points.

import { clock, micros, short, usd } from "./format.js";

const PALETTE = ["--s0", "--s1", "--s2", "--s3"];

function colour(name) {
  return getComputedStyle(document.documentElement).getPropertyValue(name).trim();
}

/** Columns by name as the session sends them: all of them once, then a row at a time. Thins itself as the session does. */
export class Series {
  constructor(names, columns, most) {
    this.names = names;
    this.most = most;
    this.columns = columns;
    this.stride = 0;
    this.rows = 0;
  }

  add(row) {
    this.rows += 1;
    const fresh = this.fresh;
    this.fresh = true;  // the newest row is always shown, and kept only where it is its turn
    if (fresh) this.columns.forEach((column) => column.pop());
    this.columns.forEach((column, n) => column.push(row[n]));
    if (this.rows % (1 << this.stride) === 0) this.fresh = false;
    if (this.columns[0].length > this.most) {
      this.columns = this.columns.map((column) => column.filter((_, n) => n % 2 === 1));
      this.stride += 1;
    }
  }

  get(name) {
    return this.columns[this.names.indexOf(name)] ?? [];
  }

  /** Events a second of a counter, over a few rows so that it can be read. */
  rate(name, span = 5) {
    const time = this.get("time"), total = this.get(name);
    return total.map((value, n) => {
      const from = Math.max(0, n - span), past = time[n] - time[from];
      return past > 0 ? ((value - total[from]) * 1e9) / past : null;
    });
  }
}

class Chart {
  constructor(place, lines, { format, axis = format, log = false }) {
    Object.assign(this, { place, lines, format, axis, log });
    this.key = document.createElement("div");
    this.key.className = "key";
    this.values = lines.map(({ label, colour }) => {
      const value = document.createElement("b");
      if (!label) {  // a second line of the item before
        this.key.lastChild.append(" / ", value);
        return value;
      }
      const item = document.createElement("span");
      item.style.setProperty("--c", `var(${colour})`);
      item.append(`${label} `, value);
      this.key.append(item);
      return value;
    });
    this.canvas = document.createElement("div");
    place.append(this.key, this.canvas);
    this.data = [[], ...lines.map(() => [])];
    this.draw();
  }

  size() {
    return { width: Math.max(this.place.clientWidth, 50), height: Math.max(this.place.clientHeight - 18, 50) };
  }

  draw() {
    this.plot?.destroy();
    const axis = { stroke: colour("--dim"), grid: { stroke: colour("--grid"), width: 1 }, ticks: { show: false }, font: "11px system-ui, sans-serif" };
    this.plot = new uPlot({
      ...this.size(), legend: { show: false }, cursor: { show: false }, padding: [8, 22, 0, 0],
      scales: { x: { time: false, range: (_, low, high) => low === null ? [0, 1e6] : [low, Math.max(high, low + 1)] },
        y: this.log ? { distr: 3, log: 10, range: () => decades(this.data.slice(1)) }
          : { range: (_, low, high) => room(low, high) } },
      axes: [{ ...axis, size: 20, gap: 2, space: 70, values: (_, ticks) => ticks.map((tick) => clock(tick).replace(".000", "")) },
             { ...axis, size: 52, gap: 4, space: 24, values: (_, ticks) => ticks.map((tick) => tick === null ? "" : this.axis(tick)) }],
      series: [{}, ...this.lines.map(({ colour: name, dash, width = 1.5 }) => (
        { stroke: colour(name), width, dash, points: { show: false }, spanGaps: true }))],
    }, this.data, this.canvas);
  }

  show(time, columns) {
    this.data = [time, ...columns];
    this.plot.setData(this.data);
    columns.forEach((column, n) => {
      const last = column.at(-1), text = last === null || last === undefined ? "–" : this.format(last);
      if (this.values[n].textContent !== text) this.values[n].textContent = text;
    });
  }

  resize() {
    const { width, height } = this.size();
    if (width !== this.plot.width || height !== this.plot.height) this.plot.setSize({ width, height });
  }
}

/** Whole steps of a logarithmic scale around what is positive. */
function decades(columns) {
  const there = columns.flat().filter((value) => value > 0);
  return there.length ? uPlot.rangeLog(Math.min(...there) * 0.9, Math.max(...there) * 1.1, 10, false) : [100, 10000];
}

/** A little room above and below, and never a range of nothing. */
function room(low, high) {
  if (low === null || high === null) return [0, 1];
  const rest = Math.max((high - low) * 0.08, 1);
  return [low >= 0 && low < high / 2 ? 0 : low - rest, high + rest];
}

export class Charts {
  constructor(about, series) {
    this.series = series;
    const { strategies, venues, origins } = about;
    this.pnlNames = [...strategies, "all"];
    this.venues = venues;
    this.latencies = origins.flatMap((origin) => ["p50", "p99"].map((cut) => ({ origin, cut })));
    for (const id of ["pnl", "rate", "latency"]) document.getElementById(id).replaceChildren();
    this.pnl = new Chart(document.getElementById("pnl"), this.pnlNames.map((label, n) => (
      { label, colour: label === "all" ? "--all" : PALETTE[n % PALETTE.length], width: label === "all" ? 2 : 1.5 })), { format: usd, axis: (value) => usd(value).replace(".00", "") });
    this.rate = new Chart(document.getElementById("rate"), [...venues.map((label, n) => ({ label, colour: PALETTE[n % PALETTE.length] })),
      { label: "bus", colour: "--all", width: 1 }], { format: short, log: true });
    this.latency = new Chart(document.getElementById("latency"), this.latencies.map(({ origin, cut }) => (
      { label: cut === "p50" ? origin : "", colour: PALETTE[origins.indexOf(origin) % PALETTE.length], dash: cut === "p99" ? [4, 3] : undefined })),
      { format: micros, log: true });
    this.all = [this.pnl, this.rate, this.latency];
    new ResizeObserver(() => this.all.forEach((chart) => chart.resize())).observe(document.querySelector("main"));
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.all.forEach((chart) => chart.draw()));
  }

  show() {
    const time = this.series.get("time");
    this.pnl.show(time, this.pnlNames.map((name) => this.series.get(`pnl.${name}`)));
    this.rate.show(time, [...this.venues.map((name) => `messages.${name}`), "bus"].map((name) => this.series.rate(name)));
    this.latency.show(time, this.latencies.map(({ origin, cut }) => this.series.get(`latency.${origin}.${cut}`)));
  }
}
