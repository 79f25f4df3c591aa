// Tables, bars and ladders. Each keeps its elements and changes only what differs: at five states a second, that is little.

import { cents, clock, count, duration, permille, price, short, usd } from "./format.js";

const byId = (id) => document.getElementById(id);

function set(element, text, kind = "") {
  if (element.textContent !== text) element.textContent = text;
  if (element.className !== kind) element.className = kind;
}

/** As many children as there are rows, made by `make` as needed. */
function fit(parent, length, make) {
  while (parent.children.length > length) parent.lastChild.remove();
  while (parent.children.length < length) parent.append(make());
}

/** A table: `columns` are [head, class], `rows` arrays of text or [text, class]; a row may have a class of its own. */
class Grid {
  constructor(table, columns) {
    this.columns = columns;
    const head = table.createTHead().insertRow();
    for (const [text, kind] of columns) {
      const cell = document.createElement("th");
      cell.textContent = text;
      cell.className = kind;
      head.append(cell);
    }
    this.body = table.createTBody();
  }

  show(rows) {
    fit(this.body, rows.length, () => {
      const row = document.createElement("tr");
      for (const _ of this.columns) row.append(document.createElement("td"));
      return row;
    });
    rows.forEach((cells, n) => {
      const row = this.body.children[n];
      if (row.className !== (cells.kind ?? "")) row.className = cells.kind ?? "";
      this.columns.forEach(([, kind], at) => {
        const [text, own] = Array.isArray(cells[at]) ? cells[at] : [cells[at] ?? "", ""];
        set(row.children[at], text, [kind, own].filter(Boolean).join(" "));
      });
    });
  }
}

/** Bars: a name, how full, and a number. `rows` are [name, parts, number, class, mark]; parts are [share, class]. */
class Bars {
  constructor(place, empty) {
    this.place = place;
    this.empty = document.createElement("span");
    this.empty.className = "empty";
    this.empty.textContent = empty;
    this.rows = [];
  }

  show(rows) {
    if (rows.length !== this.rows.length) {
      this.rows = rows.map(() => ({ name: document.createElement("span"), bar: document.createElement("div"), number: document.createElement("span") }));
      this.place.replaceChildren(...this.rows.flatMap(({ name, bar, number }) => [name, bar, number]));
      this.rows.forEach(({ bar }) => { bar.className = "bar"; });
    }
    if (!rows.length && !this.empty.isConnected) this.place.replaceChildren(this.empty);
    rows.forEach(([name, parts, number, kind, mark], n) => {
      const row = this.rows[n];
      set(row.name, name);
      set(row.number, number, `n ${kind ?? ""}`.trim());
      const wanted = parts.length + (mark === undefined ? 0 : 1);
      if (row.bar.children.length !== wanted) {
        row.bar.replaceChildren(...parts.map(() => document.createElement("i")), ...(mark === undefined ? [] : [document.createElement("u")]));
      }
      let from = 0;
      parts.forEach(([share, own], at) => {
        const part = row.bar.children[at], width = `${(Math.min(share, 1 - from) * 100).toFixed(1)}%`, left = `${(from * 100).toFixed(1)}%`;
        if (part.style.width !== width) part.style.width = width;
        if (part.style.left !== left) part.style.left = left;
        if (part.className !== own) part.className = own;
        from += share;
      });
      if (mark !== undefined) {
        const left = `calc(${(Math.min(mark, 1) * 100).toFixed(1)}% - 2px)`;
        if (row.bar.lastChild.style.left !== left) row.bar.lastChild.style.left = left;
      }
    });
  }
}

const signed = (value) => [usd(value, true), value < 0 ? "down" : value > 0 ? "up" : ""];
const cost = (value) => [cents(value), value > 0 ? "down" : value < 0 ? "up" : ""];
const LIVE = new Set(["new", "pending new", "partially filled", "pending cancel", "pending replace"]);
/** A process that says nothing for so long is busy with something else, or gone: it beats five times a second. */
const SILENT_MS = 3000;
const LEVELS = ["", "w", "w", "h"];

export class Panels {
  constructor(about) {
    this.about = about;
    for (const id of ["stages", "tca", "blotter", "positions", "feeds", "processes", "limits", "rejects", "book", "stocks", "figures", "log"]) byId(id).replaceChildren();
    this.stages = new Grid(byId("stages"), [["stage", "l"], ["p50", ""], ["p99", ""], ["p99.9", "wide"], ["max", ""]]);
    this.tca = new Grid(byId("tca"), [["venue", "l"], ["orders", ""], ["filled", ""], ["slippage", ""], ["spread", ""], ["realised", "wide"], ["shortfall", ""]]);
    this.blotter = new Grid(byId("blotter"), [["time", "l"], ["order", "l wide"], ["stock", "l"], ["side", "l"], ["qty", ""], ["price", ""],
      ["filled", ""], ["venue", "l narrow"], ["strategy", "l wide"], ["by", "l wide"], ["state", "l"]]);
    this.positions = new Grid(byId("positions"), [["stock", "l"], ["shares", ""], ["mark", ""], ["net P&L", ""]]);
    this.feeds = new Grid(byId("feeds"), [["feed", "l"], ["messages", ""], ["age", ""], ["faults", ""], ["books", ""]]);
    this.processes = new Grid(byId("processes"), [["process", "l"], ["start", ""], ["heard", ""]]);
    this.limits = new Bars(byId("limits"), "no limit");
    this.rejects = new Bars(byId("rejects"), "none so far");
    this.figures = new Map();
    this.stock = about.stocks[0];
    this.tabs();
  }

  tabs() {
    byId("stocks").replaceChildren(...this.about.stocks.map((stock) => {
      const tab = document.createElement("button");
      tab.type = "button";
      tab.textContent = stock;
      tab.setAttribute("role", "tab");
      tab.setAttribute("aria-selected", String(stock === this.stock));
      tab.addEventListener("click", () => { this.stock = stock; this.tabs(); if (this.last) this.books(this.last); });
      return tab;
    }));
  }

  show(state) {
    this.last = state;
    this.headline(state);
    this.books(state);
    this.limits.show(state.limits.map(([path, , , now, level, peak]) => (
      [path.replace("symbols.", "").replace("_usd", ""), [[now / 1000, LEVELS[level]]], permille(now), level ? (level > 2 ? "down" : "warn") : "", peak / 1000])));
    const rejects = [...state.rejects].sort((a, b) => b[1] + b[2] - a[1] - a[2]), most = Math.max(1, ...rejects.map(([, host, nic]) => host + nic));
    this.rejects.show(rejects.map(([name, host, nic]) => (
      [name.toLowerCase().replaceAll("_", " "), [[nic / most, ""], [host / most, "second"]], count(host + nic)])));
    this.stages.show(Object.entries(state.latency).flatMap(([origin, one]) => one.stages.length ? [
      Object.assign([`${origin === "trigger" ? "NIC trigger" : "host"}, ${count(one.orders)} orders`], { kind: "head" }),
      ...one.stages.filter((cuts) => cuts.at(-1) > 0).map(([stage, ...cuts]) => Object.assign([stage.replaceAll("orders.", "").replace(" > ", " → "), ...cuts.map(count)], { kind: stage === "total" ? "total" : "" }))] : []));
    this.tca.show(state.venues.map((one) => [one.name, count(one.orders), permille(one.fill_ratio), cost(one.slippage), cost(one.effective_spread),
      cost(one.realised_spread), cost(one.shortfall)]));
    this.blotter.show(state.blotter.map((one) => Object.assign(
      [clock(one.time), one.id.slice(-6), one.stock, [one.side.toLowerCase().replace("_", " "), one.side === "BUY" ? "up" : "down"], count(one.qty), price(one.price),
        one.filled ? count(one.filled) : "", one.venue, one.strategy, one.origin, [one.state, LIVE.has(one.state) ? "" : "dim"]])));
    this.positions.show([...state.pnl.stocks.map(([stock, qty, mark, , , , net]) => [stock, [count(qty).replace("-", "−"), qty < 0 ? "down" : ""], mark ? price(mark) : "", signed(net)]),
      Object.assign(["by strategy"], { kind: "head" }), ...state.pnl.strategies.map(([name, net]) => [name, "", "", signed(net)]),
      Object.assign(["all", "", "", signed(state.pnl.net)], { kind: "total" })]);
    this.feeds.show(state.feeds.map((one) => {
      const faults = Object.values(one.faults).reduce((a, b) => a + b, 0), exact = one.exact === one.books;
      return [[one.name, ""], count(one.messages), duration(one.age), [count(faults), faults ? "warn" : ""],
        [exact ? `${one.exact} exact` : `${one.exact} of ${one.books}${one.doubts.length ? `: ${one.doubts[0]}` : ""}`, exact ? "up" : "warn"]];
    }));
    byId("p-processes").hidden = !state.processes;
    this.processes.show((state.processes ?? []).map((one) => [one.name, [count(one.start), one.start > 1 ? "warn" : ""],
      [`${(one.silent_ms / 1000).toFixed(1)} s`, one.silent_ms > SILENT_MS ? "down" : ""]]));
    this.events(state.log);
  }

  headline(state) {
    const sum = (name) => Object.values(state.orders).reduce((total, one) => total + (one[name] ?? 0), 0);
    const trigger = state.latency.trigger?.stages.find(([stage]) => stage === "total"), gross = state.limits.find(([path]) => path === "firm.gross_usd");
    this.figure("net P&L, USD", ...signed(state.pnl.net));
    this.figure("orders sent", count(sum("sent")));
    this.figure("fills", count(sum("fills")));
    this.figure("live orders", count(state.live));
    this.figure("rejected", count(sum("rejected") + state.refused));
    this.figure("messages", short(state.feeds.reduce((total, one) => total + one.messages, 0)));
    this.figure("trigger p50", trigger ? duration(trigger[1]) : "–");
    this.figure("gross used", gross ? permille(gross[3]) : "–", gross?.[4] ? "warn" : "");
  }

  figure(name, text, kind = "") {
    let value = this.figures.get(name);
    if (!value) {
      const pair = document.createElement("div"), term = document.createElement("dt");
      value = document.createElement("dd");
      term.textContent = name;
      pair.append(term, value);
      byId("figures").append(pair);
      this.figures.set(name, value);
    }
    set(value, text, kind);
  }

  books(state) {
    const books = state.books.filter((book) => book.stock === this.stock), place = byId("book");
    fit(place, books.length, () => {
      const table = document.createElement("table");
      table.className = "ladder";
      table.createCaption();
      table.createTBody();
      return table;
    });
    books.forEach((book, n) => ladder(place.children[n], book));
  }

  events(log) {
    const place = byId("log");
    fit(place, Math.max(log.length, 1), () => {
      const item = document.createElement("li");
      item.append(document.createElement("time"), document.createElement("span"));
      return item;
    });
    [...log].reverse().forEach(([time, level, text], n) => {
      set(place.children[n].firstChild, clock(time));
      set(place.children[n].lastChild, text, { bad: "down", warn: "warn" }[level] ?? "");
    });
    if (!log.length) set(place.children[0].lastChild, "none so far", "dim");
  }
}

function ladder(table, book) {
  const spread = book.bids.length && book.asks.length ? `spread ${price(book.asks[0][0] - book.bids[0][0])}` : "one-sided";
  set(table.caption, `${book.venue}: ${book.usable ? spread : "not usable"}`, book.usable ? "" : "warn");
  const body = table.tBodies[0], rows = Math.max(book.bids.length, book.asks.length, 1);
  const most = Math.max(1, ...book.bids.map(([, qty]) => qty), ...book.asks.map(([, qty]) => qty));
  fit(body, rows, () => {
    const row = document.createElement("tr");
    for (const kind of ["b", "bp", "ap", "a"]) row.append(Object.assign(document.createElement("td"), { className: kind }));
    return row;
  });
  for (let n = 0; n < rows; n++) {
    const cells = body.children[n].children;
    level(cells[0], cells[1], book.bids[n], most);
    level(cells[3], cells[2], book.asks[n], most);
  }
}

function level(quantity, at, entry, most) {
  const [where, qty, own] = entry ?? [0, 0, 0];
  const side = quantity.className, width = `${Math.round((qty / most) * 100)}%`;
  set(quantity, qty ? count(qty) : "", side);
  if (quantity.style.getPropertyValue("--w") !== width) quantity.style.setProperty("--w", width);
  set(at, qty ? price(where) : "", `${side}p${own ? " own" : ""}`);
  const title = own ? `${count(own)} of them are ours` : "";
  if (at.title !== title) at.title = title;
}
