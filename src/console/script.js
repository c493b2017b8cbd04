// The console: asks the admin API with the operator's token and shows what it says. Every text goes into the page as
// text, never as markup. Nothing is asked while the tab is hidden.
"use strict";

const KINDS = ["conversation", "session", "shunt", "inbox"];
const PAGES = [
  ["overview", "Overview"], ["actors", "Actors"], ["hot", "Hot"], ["routing", "Routing"],
  ["trouble", "Trouble"], ["settings", "Settings"], ["audit", "Audit"],
];
const EVERY_MS = 2000;
const $ = (id) => document.getElementById(id);

let token = sessionStorage.getItem("token") || "";
let role = "viewer";
let shown = 0;          // counts pages: an answer for a page that was left is thrown away
let timer = 0;
let before = null;      // figures of the look before
let history = [];       // requests per second, for the line
const draft = {};       // settings that were edited and not yet saved

function h(tag, attributes, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) element.setAttribute(name, value);
  }
  for (const child of children.flat()) {
    if (child !== null && child !== undefined) element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

async function api(path, options = {}) {
  const headers = { Authorization: `Bearer ${token}`, ...options.headers };
  const body = options.body === undefined ? undefined : JSON.stringify(options.body);
  const response = await fetch(path, { method: options.method || "GET", headers, body });
  if (path === "/admin/metrics" && response.ok) return response.text();
  const answer = await response.json();
  if (response.status === 401) { forget(); throw new Error(answer.error_msg); }
  if (answer.error_code !== 0) throw new Error(`${answer.error_code}: ${answer.error_msg}`);
  return answer;
}

function say(text, kind = "") { $("state").textContent = text; $("state").className = kind; }
const number = (value) => Number(value).toLocaleString("en");
const when = (ms) => new Date(ms).toISOString().replace("T", " ").slice(0, 19);
function span(ms) {
  if (ms === null || ms === undefined) return "–";
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const s = Math.round(ms / 1000);
  if (s < 120) return `${s} s`;
  return s < 7200 ? `${Math.round(s / 60)} min` : `${Math.round(s / 3600)} h`;
}
const micros = (value) => (value < 1000 ? `${value} µs` : `${(value / 1000).toFixed(1)} ms`);

function table(caption, heads, rows) {
  const cell = (value, i) => {
    const [head, numeric] = heads[i];
    const td = value instanceof Node && value.tagName === "TD" ? value : h("td", {}, value);
    if (numeric) td.classList.add("n");
    td.dataset.head = head;
    return td;
  };
  const body = rows.length ? rows.map((row) => h("tr", {}, row.map(cell)))
    : [h("tr", {}, h("td", { colspan: heads.length, class: "soft" }, "none"))];
  return h("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": caption },
    h("table", {}, h("caption", {}, caption),
      h("thead", {}, h("tr", {}, heads.map(([head, numeric]) => h("th", { class: numeric ? "n" : null, scope: "col" }, head)))),
      h("tbody", {}, body)));
}
const actorLink = (kind, key) =>
  h("td", { class: "key" }, h("a", { href: `#actor/${kind}/${encodeURIComponent(key)}` }, `${kind}/${key}`));
const tile = (name, value, kind) => h("div", { class: "tile" }, h("b", { class: kind || null }, value), h("span", {}, name));
const card = (title, ...children) => h("section", { class: "card" }, h("h2", {}, title), ...children);

// Asks for a reason; resolves to it, or to null.
function ask(title) {
  const dialog = $("ask");
  $("ask-title").textContent = title;
  $("ask-reason").value = "";
  dialog.returnValue = "cancel";
  dialog.showModal();
  return new Promise((resolve) => dialog.addEventListener("close", () =>
    resolve(dialog.returnValue === "yes" ? $("ask-reason").value : null), { once: true }));
}

function button(name, title, act) {
  return h("button", {
    type: "button", disabled: role !== "operator", title: role === "operator" ? null : "needs the role operator",
    onclick: async () => {
      const reason = await ask(title);
      if (reason === null) return;
      try { say(await act(reason) || "done", "good"); } catch (error) { say(error.message, "bad"); }
      show(true);
    },
  }, name);
}

// Figures of the OpenMetrics text: name → [labels, value].
function figures(text) {
  const all = new Map();
  for (const line of text.split("\n")) {
    const match = /^([a-z_]+)(?:\{(.*)\})? ([^ ]+)/.exec(line);
    if (!match) continue;
    const labels = Object.fromEntries([...(match[2] || "").matchAll(/([a-z_]+)="([^"]*)"/g)].map((m) => [m[1], m[2]]));
    if (!all.has(match[1])) all.set(match[1], []);
    all.get(match[1]).push([labels, Number(match[3])]);
  }
  return all;
}
const rows = (all, name) => (all && all.get(name)) || [];
const total = (all, name, keep = () => true) =>
  rows(all, name).filter(([labels]) => keep(labels)).reduce((sum, [, value]) => sum + value, 0);

// A quantile of a histogram, over what came between two looks.
function quantile(now, was, name, share) {
  const buckets = new Map();
  const add = (all, sign) => rows(all, `${name}_bucket`).forEach(([labels, value]) => {
    const le = labels.le === "+Inf" ? Infinity : Number(labels.le);
    buckets.set(le, (buckets.get(le) || 0) + sign * value);
  });
  add(now, 1);
  if (was) add(was, -1);
  const sorted = [...buckets].sort((a, b) => a[0] - b[0]);
  const count = sorted.length ? sorted[sorted.length - 1][1] : 0;
  if (!count) return null;
  const found = sorted.find(([, value]) => value >= count * share);
  return found[0] * 1000;
}

function spark(values) {
  const most = Math.max(1, ...values);
  const points = values.map((value, i) => `${(i / Math.max(1, values.length - 1)) * 300},${44 - (value / most) * 42}`);
  const svg = $("spark").content.firstElementChild.cloneNode(true);
  svg.setAttribute("aria-label", `requests per second, at most ${Math.round(most)}`);
  svg.firstElementChild.setAttribute("points", points.join(" "));
  return svg;
}

const pages = {
  async overview() {
    const [{ data, count }, text] = await Promise.all([api("/admin/overview"), api("/admin/metrics")]);
    role = data.role;
    const now = { at: performance.now(), all: figures(text) };
    const was = before;
    before = now;
    const seconds = was ? (now.at - was.at) / 1000 : 1;
    const rate = (name, keep) => (was ? Math.max(0, total(now.all, name, keep) - total(was.all, name, keep)) / seconds : 0);
    const requests = rate("messagecenter_requests_total");
    history = [...history, requests].slice(-60);
    const late = (share) => {
      const ms = quantile(now.all, was && was.all, "messagecenter_request_seconds", share);
      return ms === null ? "–" : ms === Infinity ? "> 10 s" : `≤ ${ms < 1 ? ms : Math.round(ms)} ms`;
    };
    const quarantined = data.kinds.reduce((sum, kind) => sum + kind.quarantined, 0);
    const causes = new Map();
    for (const [labels, value] of rows(now.all, "messagecenter_commands_refused_total")) {
      const cause = causes.get(labels.reason) || [0, 0];
      cause[0] += value;
      causes.set(labels.reason, cause);
    }
    for (const [reason, cause] of causes) cause[1] = rate("messagecenter_commands_refused_total", (l) => l.reason === reason);
    const outcomes = rows(now.all, "messagecenter_requests_total").filter(([labels]) => labels.outcome !== "ok");
    const refusals = new Map();
    outcomes.forEach(([labels, value]) => refusals.set(labels.outcome, (refusals.get(labels.outcome) || 0) + value));
    return [
      h("div", { class: "tiles" },
        tile("requests per second", requests.toFixed(1)),
        tile("commits per second", rate("messagecenter_commit_seconds_count").toFixed(1)),
        tile("answered in half the cases", late(0.5)), tile("in 99 of 100", late(0.99)),
        tile("active actors", number(count)), tile("commands held", `${number(data.commands.held)} of ${number(data.commands.capacity)}`),
        tile("quarantined", quarantined, quarantined ? "bad" : "good"),
        tile("dead letters", data.deadLetters, data.deadLetters ? "warn" : "good"),
        tile("storage", data.storage.healthy ? "open" : "refusing", data.storage.healthy ? "good" : "bad"),
        tile("ready", data.ready ? "yes" : "no", data.ready ? "good" : "bad")),
      card("Requests per second", spark(history)),
      data.waiting.length ? card("Not ready because", table("What is waited for", [["What"], ["Why"]], data.waiting.map((w) => [w.what, w.why]))) : null,
      data.stormOpen ? card("Crash storm", h("p", { class: "bad" }, "Many actors crashed at once: restarts are held back.")) : null,
      card("Refusals by cause", table("Commands not taken; nothing happened", [["Cause"], ["Total", 1], ["Per second", 1]],
        [...causes].map(([reason, [all, per]]) => [reason, number(all), per.toFixed(1)])),
      table("Requests that were not done, by error", [["Error"], ["Total", 1]], [...refusals].sort((a, b) => b[1] - a[1]).map(([name, all]) => [name, number(all)]))),
      card("Kinds", table("Actors in memory", [["Kind"], ["Ready", 1], ["Recovering", 1], ["Quarantined", 1], ["Commands", 1], ["Turns/s", 1]],
        data.kinds.map((k) => [h("td", {}, h("a", { href: `#actors/${k.kind}` }, k.kind)), number(k.ready), k.recovering, k.quarantined, number(k.depth),
          rate("messagecenter_turn_seconds_count", (l) => l.kind === k.kind).toFixed(1)]))),
      h("p", { class: "soft" }, `messagecenter ${data.version}, up ${span(data.uptimeMs)}, journal at ${number(data.storage.committed)}, settings version ${data.settingsVersion}, your role: ${data.role}`),
    ];
  },

  async actors(kind = "conversation", phase = "", after = "") {
    const query = new URLSearchParams({ kind, limit: "100", ...(phase && { phase }), ...(after && { after }) });
    const { data, count } = await api(`/admin/actors?${query}`);
    const go = () => { location.hash = `actors/${$("kind").value}/${$("phase").value}`; };
    const choice = (id, label, options, value) => h("div", {}, h("label", { for: id }, label),
      h("select", { id, onchange: go }, options.map((option) => h("option", { value: option, selected: option === value }, option || "any"))));
    const last = data.length ? data[data.length - 1].key : "";
    return [card("Live tree",
      h("div", { class: "row" }, choice("kind", "Kind", KINDS, kind), choice("phase", "Phase", ["", "ready", "recovering", "quarantined"], phase)),
      table(`${number(count)} match`, [["Actor"], ["Phase"], ["Commands", 1], ["Oldest wait", 1], ["In hand"], ["Handled", 1], ["Mean turn", 1], ["Restarts", 1], ["Idle", 1]],
        data.map((a) => [actorLink(a.kind, a.key), h("td", { class: a.phase === "ready" ? null : "bad" }, a.phase), a.depth, span(a.oldestWaitMs),
          a.inHand ? `${a.inHand.operation} ${span(a.inHand.forMs)}` : "–", number(a.commands + a.others), micros(a.meanTurnMicros), a.restarts, span(a.idleMs)])),
      count > data.length ? h("p", {}, h("a", { href: `#actors/${kind}/${phase}/${encodeURIComponent(last)}` }, "Next 100")) : null)];
  },

  async actor(kind, key) {
    const path = `/admin/actors/${kind}/${encodeURIComponent(key)}`;
    const { data: a } = await api(path);
    const act = (name, title) => button(name, `${title} ${kind}/${key}?`, (reason) => api(`${path}/${name.toLowerCase()}`, { method: "POST", body: { reason } }).then(() => `${name}: done`));
    const traced = a.traced ? await api(`${path}/trace`).catch(() => null) : null;
    const list = h("dl", {});
    const put = (name, value) => list.append(h("dt", {}, name), h("dd", {}, value));
    put("In memory", a.active ? "yes" : "no");
    if (a.active) {
      put("Phase", a.phase + (a.phase === "quarantined" ? `: ${a.reason}; reads are ${a.readOnly ? "answered" : "refused too"}` : ""));
      put("Commands held", `${a.depth}, of which ${a.waiting} wait; the oldest for ${span(a.oldestWaitMs)} at most`);
      put("In hand", a.inHand ? `${a.inHand.operation} for ${span(a.inHand.forMs)}` : "nothing");
      put("Handled", `${number(a.commands)} commands and ${number(a.others)} others since it is in memory`);
      put("Mean wait, mean turn", `${micros(a.meanWaitMicros)}, ${micros(a.meanTurnMicros)}`);
      put("Slow turns, restarts", `${a.slowTurns}, ${a.restarts}`);
      put("Idle", span(a.idleMs) + (a.pinned ? ", stays because of a deadline" : ""));
    }
    put("Snapshot", a.snapshot.version ? `decided ${number(a.snapshot.decided)}, told ${number(a.snapshot.told)}, encoding ${a.snapshot.version}` : "none");
    put("Journal", `at ${number(a.committed)}; ${a.unsaved ? "facts above the snapshot" : "the snapshot holds everything"}`);
    return [card(`${kind}/${key}`, list, h("p", { class: "buttons" }, act("Snapshot", "Write a snapshot of"), act("Passivate", "Put away"),
      act("Restart", "Restart"), act("Trace", "Trace for five minutes"), a.phase === "quarantined" ? act("Resume", "Resume") : act("Quarantine", "Quarantine"))),
    card("Crashes", table("The newest last", [["When (UTC)"], ["Operation"], ["Panic"]], (a.crashes || []).map((c) => [when(c.at), c.operation, c.panic]))),
    traced ? card("Trace", table(`Ends in ${span(traced.data.leftMs)}; names and times, no content`, [["When (UTC)"], ["Operation"], ["Waited", 1], ["Took", 1]],
      traced.data.turns.slice(-100).reverse().map((t) => [when(t.at), t.operation, micros(t.waitedMicros), micros(t.tookMicros)]))) : null];
  },

  async hot(by = "rate") {
    const { data, count } = await api(`/admin/hot?by=${by}&overMs=1000`);
    return [card("Hot actors",
      h("div", { class: "row" }, h("div", {}, h("label", { for: "by" }, "By"), h("select", { id: "by", onchange: () => { location.hash = `hot/${$("by").value}`; } },
        ["rate", "wait", "restarts"].map((option) => h("option", { selected: option === by }, option))))),
      table(`Of ${number(count)} actors, measured over a second`, [["Actor"], ["Turns/s", 1], ["Waiting", 1], ["Oldest wait", 1], ["Mean wait", 1], ["Restarts", 1], ["Slow turns", 1]],
        data.map((a) => [actorLink(a.kind, a.key), a.perSecond.toFixed(1), a.waiting, span(a.oldestWaitMs), micros(a.meanWaitMicros), a.restarts, a.slowTurns])))];
  },

  async routing(ent = "", group = "default") {
    const { data: enterprises, count: all } = await api("/admin/routing?limit=500");
    const go = (event) => { event.preventDefault(); location.hash = `routing/${$("ent").value}/${encodeURIComponent($("group").value || "default")}`; };
    const parts = [card("Reception group", h("form", { class: "row", onsubmit: go },
      h("div", {}, h("label", { for: "ent" }, "Enterprise"), h("input", { id: "ent", inputmode: "numeric", required: true, value: ent, list: "ents" })),
      h("datalist", { id: "ents" }, enterprises.map((e) => h("option", { value: e.entId }))),
      h("div", {}, h("label", { for: "group" }, "Group"), h("input", { id: "group", value: group })), h("button", {}, "Show")),
    table(`Enterprises in memory (${number(enterprises.length)} of ${number(all)})`, [["Enterprise"], ["Phase"], ["Commands", 1]], enterprises.map((e) => [h("td", {}, h("a", { href: `#routing/${e.entId}/default` }, e.entId)), e.phase, e.depth])))];
    if (ent === "") return parts;
    const { data: g } = await api(`/admin/routing/${ent}/${encodeURIComponent(group)}`);
    parts.push(h("div", { class: "tiles" }, tile("waiting", g.waiting, g.waiting ? "warn" : "good"), tile("agents online", `${g.online} of ${g.agents}`), tile("free places", g.freeSlots),
      tile("open", g.open ? "yes" : "no"), tile("served today", g.today.served), tile("abandoned today", g.today.abandoned), tile("wait, half / 95 of 100", `${span(g.today.waitP50Ms)} / ${span(g.today.waitP95Ms)}`)),
    card(`Enterprise ${g.entId}, group ${g.type}, policy ${g.policy}`,
      table(`Queue (first ${number(g.queue.length)})`, [["#", 1], ["Customer"], ["Session"], ["Waits", 1]], g.queue.map((q, i) => [i + 1, h("td", { class: "key" }, q.customer), actorLink("session", q.sessionId), span(q.waitedMs)])),
      table("Agents", [["Agent"], ["Presence"], ["Takes customers"], ["Sessions", 1], ["Reservations", 1], ["Places", 1]], g.staff.map((s) => [s.agentId, s.presence, s.accepting ? "yes" : "no", s.sessions, s.leases, s.capacity]))));
    return parts;
  },

  async trouble() {
    const [letters, ...quarantined] = await Promise.all([api("/admin/dead-letters"), ...KINDS.map((kind) => api(`/admin/actors?kind=${kind}&phase=quarantined&limit=100`))]);
    const actors = quarantined.flatMap((answer) => answer.data);
    const letter = (l) => h("td", {}, h("span", { class: "buttons" },
      l.replayable ? button("Replay", `Handle request of letter ${l.id} once more? Without an Idempotency-Key it may have happened already.`, (reason) => api(`/admin/dead-letters/${l.id}/replay`, { method: "POST", body: { reason } }).then(({ data }) => `replayed: ${data.errorCode ? data.errorMsg : "done"}`)) : null,
      button("Discard", `Discard letter ${l.id}?`, (reason) => api(`/admin/dead-letters/${l.id}`, { method: "DELETE", body: { reason } }).then(() => "discarded"))));
    return [card("Quarantine", table(`${actors.length} actors wait for an operator`, [["Actor"], ["Reason"], [""]],
      actors.map((a) => [actorLink(a.kind, a.key), a.reason, h("td", {}, button("Resume", `Resume ${a.kind}/${a.key}?`, (reason) => api(`/admin/actors/${a.kind}/${encodeURIComponent(a.key)}/resume`, { method: "POST", body: { reason } }).then(() => "resumed")))]))),
    card("Dead letters", table(`${letters.count} messages made their actor panic`, [["#", 1], ["When (UTC)"], ["Actor"], ["Operation"], ["Panic"], [""]],
      letters.data.map((l) => [l.id, when(l.at), actorLink(l.kind, l.key), l.operation, l.panic, letter(l)])))];
  },

  async settings() {
    const { data } = await api("/admin/settings");
    const parse = (text) => { try { return JSON.parse(text); } catch { return text; } };
    const patch = async (dryRun, reason) => api("/admin/settings", { method: "PATCH", headers: { "If-Match": String(data.version) }, body: { values: draft, dryRun, reason } });
    const outcome = h("div", { "aria-live": "polite" });
    const differences = (list) => table("What would change", [["Setting"], ["Now"], ["Then"]], list.map((d) => [d.key, JSON.stringify(d.old), JSON.stringify(d.new)]));
    const field = (key, value, label) => h("input", {
      "aria-label": label, value: key in draft ? (draft[key] === null ? "" : JSON.stringify(draft[key])) : (value === null ? "" : JSON.stringify(value)), disabled: role !== "operator",
      oninput: (event) => { const text = event.target.value.trim(); draft[key] = text === "" ? null : parse(text); },
    });
    const row = (s) => [
      h("td", {}, h("details", {}, h("summary", {}, s.key), h("p", { class: "meaning" }, `${s.meaning} Allowed: ${s.allowed}. Below the live layer: ${JSON.stringify(s.below)}.`),
        s.perKind ? h("div", { class: "row" }, KINDS.map((kind) => h("div", {}, h("label", {}, kind, field(`${s.key}@${kind}`, s.kinds[kind] ?? null, `${s.key} for ${kind}`))))) : null)),
      h("td", { class: "n" }, JSON.stringify(s.value)), h("td", { class: s.layer === "live" ? "warn" : "soft" }, s.layer || "program"), h("td", {}, field(s.key, s.live, `live value of ${s.key}`))];
    return [card(`Settings, version ${data.version}`, h("p", { class: "soft" }, "A live value is above file, environment and flags and survives a restart. Empty takes it out."),
      h("p", { class: "buttons" },
        h("button", { type: "button", disabled: role !== "operator", id: "differences", onclick: async () => {
          try { outcome.replaceChildren(differences((await patch(true, "")).data.differences)); say("nothing changed yet"); } catch (error) { say(error.message, "bad"); }
        } }, "Show differences"),
        button("Save", "Change these settings?", async (reason) => { const { data: made } = await patch(false, reason); for (const key in draft) delete draft[key]; return `version ${made.version}`; }),
        h("button", { type: "button", onclick: () => { for (const key in draft) delete draft[key]; show(true); } }, "Reset")), outcome,
      table("Settings that change without a restart", [["Setting"], ["In effect", 1], ["Layer"], ["Live value"]], data.settings.map(row))),
    card("History", table("Versions, the newest first", [["Version", 1], ["When (UTC)"], ["Who"], ["Why"], ["Live values"], [""]],
      [...data.revisions].reverse().map((r) => [r.version, when(r.at), r.who, r.reason, h("td", { class: "key" }, JSON.stringify(r.values)),
        h("td", {}, r.version === data.version ? "now" : button("Revert", `Go back to version ${r.version}?`, async (reason) => {
          const answer = await api("/admin/settings/revert", { method: "POST", headers: { "If-Match": String(data.version) }, body: { version: r.version, reason } });
          return `version ${answer.data.version}`;
        }))])))];
  },

  async audit(before = "") {
    const { data } = await api(`/admin/audit?limit=100${before && `&before=${before}`}`);
    const last = data.length ? data[data.length - 1].id : 0;
    return [card("Audit", table("What operators did, the newest first", [["#", 1], ["When (UTC)"], ["Who"], ["What"], ["On"], ["Why"], ["Outcome"], ["Detail"]],
      data.map((r) => [r.id, when(r.at), `${r.who} (${r.role})`, r.operation, h("td", { class: "key" }, r.target), r.reason, r.outcome || "cut off", h("td", { class: "key" }, r.detail === null ? "" : JSON.stringify(r.detail))])),
    last > 1 ? h("p", {}, h("a", { href: `#audit/${last}` }, "Older")) : null)];
  },
};

// Shows the page that the address names. `again`: because of time or an act, so the focus stays.
async function show(again) {
  clearTimeout(timer);
  if (!token) return;
  const mine = ++shown;
  const [name, ...rest] = location.hash.slice(1).split("/").map(decodeURIComponent);
  const page = pages[name] ? name : "overview";
  const nav = page === "actor" ? "actors" : page;
  $("nav").replaceChildren(...PAGES.map(([id, title]) => h("a", { href: `#${id}`, "aria-current": id === nav ? "page" : null }, title)));
  try {
    const parts = await pages[page](...rest);
    if (mine !== shown) return;
    $("login").hidden = true;
    $("page").hidden = false;
    $("leave").hidden = false;
    $("page").replaceChildren(...parts.filter(Boolean));
    if (!again) { say("connected"); $("main").focus({ preventScroll: true }); }
  } catch (error) {
    if (mine !== shown) return;
    say(error.message, "bad");
  }
  // A page with a form is not replaced under the operator's hands.
  if (["overview", "actors", "hot", "actor", "routing"].includes(page) || (page === "trouble" && !$("ask").open)) timer = setTimeout(later, EVERY_MS);
}
function later() {
  if (document.hidden || $("ask").open || $("page").contains(document.activeElement)) timer = setTimeout(later, EVERY_MS);
  else show(true);
}
function forget() {
  token = "";
  sessionStorage.removeItem("token");
  $("login").hidden = false;
  $("page").hidden = true;
  $("leave").hidden = true;
  $("nav").replaceChildren();
}

$("login").addEventListener("submit", async (event) => {
  event.preventDefault();
  token = $("token").value.trim();
  try {
    role = (await api("/admin/overview")).data.role;
    sessionStorage.setItem("token", token);
    $("token").value = "";
    show(false);
  } catch (error) { say(error.message, "bad"); }
});
$("leave").addEventListener("click", () => { forget(); say("not connected"); });
addEventListener("hashchange", () => show(false));
if (token) api("/admin/overview").then(({ data }) => { role = data.role; show(false); }).catch((error) => say(error.message, "bad"));
