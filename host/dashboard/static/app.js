// The stream in, the panels fed, and the two buttons. The token lives in this tab alone, and goes out in one header.

import { Charts, Series } from "./charts.js";
import { clock } from "./format.js";
import { Panels } from "./panels.js";

const byId = (id) => document.getElementById(id);
const KEY = "tickgate-token";
let series, charts, panels, about, state, waiting = false;

// `#token=...` in the address is taken once and removed: it never leaves the browser.
const given = new URLSearchParams(location.hash.slice(1)).get("token");
if (given) {
  sessionStorage.setItem(KEY, given);
  history.replaceState(null, "", location.pathname);
}

const stream = new EventSource("/stream");
stream.addEventListener("hello", (event) => {
  about = JSON.parse(event.data);
  series = new Series(about.names, about.columns, about.most);
  panels = new Panels(about);
  charts = new Charts(about, series);
  byId("ask-scope").replaceChildren(...[["", "everything"], ...about.venues.map((name) => [`venue:${name}`, `venue ${name}`]),
    ...about.strategies.map((name) => [`strategy:${name}`, `strategy ${name}`])].map(([value, text]) => new Option(text, value)));
});
stream.addEventListener("tick", (event) => {
  state = JSON.parse(event.data);
  series.add(state.series);
  schedule();
});
stream.addEventListener("error", () => {
  if (state?.ended) {
    stream.close();
  } else {
    badge("no connection", "lost");
    alarm("No connection to the session: what you see is old.");
  }
});

/** Draw once a frame at most, and not at all while nobody looks. */
function schedule() {
  if (waiting) return;
  waiting = true;
  requestAnimationFrame(() => {
    waiting = false;
    panels.show(state);
    charts.show();
    status();
  });
}

function status() {
  const killed = state.killed.length > 0;
  const progress = state.progress === undefined ? "" : ` · ${Math.floor(state.progress / 10)} %`;
  badge(`${state.ended ? "ended" : killed ? "killed" : "trading"} · ${clock(state.time)}${progress}`, state.ended ? "lost" : killed ? "stopped" : "live");
  alarm(killed ? `Killed: ${state.killed.join(", ")}. The NIC rejects these orders until someone resumes.` : "");
  byId("resume").disabled = !killed || Boolean(state.ended);
  byId("kill").disabled = Boolean(state.ended);
  document.title = `${killed ? "KILLED" : "Tickgate"} ${state.ended ? "(ended)" : ""}`.trim();
}

function badge(text, kind) {
  const place = byId("badge");
  if (place.textContent !== text) place.textContent = text;
  place.className = `badge ${kind}`;
}

function alarm(text) {
  const place = byId("alarm");
  place.hidden = !text;
  if (place.textContent !== text) place.textContent = text;
}

// ---- kill and resume

const WORDS = {
  kill: ["Stop orders now", "The NIC rejects every order of this scope from the next clock cycle, until someone resumes.", "Kill"],
  resume: ["Let orders go again", "Only a person lifts a kill. Look at positions and faults first.", "Resume"],
};
let command = "";

function ask(what) {
  command = what;
  const [title, text, act] = WORDS[what];
  byId("ask-title").textContent = title;
  byId("ask-text").textContent = text;
  byId("ask-do").textContent = act;
  byId("ask-do").className = what === "kill" ? "kill" : "";
  byId("ask-problem").textContent = "";
  byId("ask-scope").value = "";
  byId("ask-why").value = "";
  byId("ask-token-row").hidden = Boolean(sessionStorage.getItem(KEY));
  byId("ask").showModal();
  byId(sessionStorage.getItem(KEY) ? "ask-do" : "ask-token").focus();
}

byId("kill").addEventListener("click", () => ask("kill"));
byId("resume").addEventListener("click", () => ask("resume"));
byId("ask-cancel").addEventListener("click", () => byId("ask").close());
byId("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const token = sessionStorage.getItem(KEY) || byId("ask-token").value.trim();
  const [kind, name] = byId("ask-scope").value.split(":");
  byId("ask-problem").textContent = "asking …";
  byId("ask-do").disabled = true;
  try {
    const answer = await fetch(`/${command}`, {
      method: "POST", headers: { "Content-Type": "application/json", Authorization: `Bearer ${token}` },
      body: JSON.stringify({ why: byId("ask-why").value, ...(name ? { [kind]: name } : {}) }),
    });
    const said = await answer.json().catch(() => ({}));
    if (answer.status === 401) {
      sessionStorage.removeItem(KEY);
      byId("ask-token-row").hidden = false;
    } else {
      sessionStorage.setItem(KEY, token);
    }
    if (answer.ok) byId("ask").close();
    else byId("ask-problem").textContent = said.error ?? `the server says ${answer.status}`;
  } catch {
    byId("ask-problem").textContent = "no connection: use `tickgate kill` in a terminal";
  } finally {
    byId("ask-do").disabled = false;
  }
});
