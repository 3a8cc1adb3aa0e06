// The panel for developers: queries, events, gaps and frames, as the app gives them in `window.bedsideDevtools`. Fetched only when it
// is opened. It draws only the rows in sight, at most four times a second, and lives in a shadow root of its own.
"use strict";

const ROW = 26;
const TABS = ["Queries", "Events", "Gaps", "Frames"];

const css = `
  :host { position: fixed; inset: auto 0 0 0; z-index: 50; block-size: 44vh; font: 12px/1.4 ui-monospace, monospace; color: var(--text); }
  section { block-size: 100%; display: grid; grid-template-rows: auto minmax(0, 1fr); background: var(--canvas); border-block-start: 1px solid var(--line-strong); }
  header { display: flex; gap: 4px; align-items: center; padding: 4px 8px; border-block-end: 1px solid var(--line); }
  header output { margin-inline-start: auto; color: var(--text-muted); }
  button { font: inherit; color: inherit; padding: 3px 8px; border: 1px solid var(--line-strong); border-radius: 4px; background: none; cursor: pointer; }
  button:hover, button[aria-selected="true"] { background: var(--pressed); }
  :focus-visible { outline: 2px solid var(--accent); outline-offset: -2px; }
  .split { display: grid; grid-template-columns: minmax(0, 1fr); min-block-size: 0; }
  .split:has(aside:not([hidden])) { grid-template-columns: minmax(0, 3fr) minmax(0, 2fr); }
  .rows { overflow: auto; position: relative; contain: strict; }
  .row { position: absolute; inset-inline: 0; block-size: ${ROW}px; display: grid; grid-template-columns: subgrid; align-items: center; padding-inline: 8px; gap: 12px; border-block-end: 1px solid var(--line); white-space: nowrap; text-align: start; border-radius: 0; border-inline: 0; border-block-start: 0; inline-size: 100%; }
  .row.queries { grid-template-columns: 5.5rem 4rem 3rem 9rem minmax(0, 1fr); }
  .row.events { grid-template-columns: 6rem 8rem minmax(0, 1fr); }
  .row.gaps { grid-template-columns: 6rem 6rem 9rem minmax(0, 1fr); }
  .row.frames { grid-template-columns: 6rem 6rem minmax(0, 1fr); }
  .row > span { overflow: hidden; text-overflow: ellipsis; }
  .good { color: var(--good); } .caution { color: var(--caution); } .critical { color: var(--critical); } .muted { color: var(--text-muted); }
  aside { overflow: auto; padding: 8px; border-inline-start: 1px solid var(--line); }
  aside pre { margin: 8px 0 0; white-space: pre-wrap; overflow-wrap: anywhere; }
  p { margin: 12px; color: var(--text-muted); }
`;

const element = (tag, className, ...children) => {
  const made = document.createElement(tag);
  if (className) made.className = className;
  made.append(...children);
  return made;
};

const clock = (ms) => new Date(ms).toLocaleTimeString("en-GB");
const age = (ms) => (ms < 60_000 ? `${Math.round(ms / 1000)} s` : ms < 3_600_000 ? `${Math.round(ms / 60_000)} min` : `${Math.round(ms / 3_600_000)} h`);

// The state of a query in the one word that matters most, with its colour.
const state = (query) => {
  if (query.fetch_status === "fetching") return ["fetching", "caution"];
  if (query.fetch_status === "paused") return ["paused", "caution"];
  if (query.status === "error") return ["error", "critical"];
  if (query.is_invalidated) return ["doubted", "caution"];
  if (query.is_stale) return ["stale", "muted"];
  return query.status === "pending" ? ["pending", "muted"] : ["fresh", "good"];
};

// An entry of the trace: when, what, and the rest of it.
const frame = ([, wall, what]) => {
  const [[kind, rest] = ["", {}]] = Object.entries(what);
  return ["frames", [clock(wall)], [kind], [JSON.stringify(rest), "muted"]];
};

class Panel {
  constructor(bridge) {
    this.bridge = bridge;
    this.tab = TABS[0];
    this.chosen = null;
    this.host = element("div");
    this.host.setAttribute("role", "region");
    this.host.setAttribute("aria-label", "Devtools");
    const root = this.host.attachShadow({ mode: "open" });
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(css);
    root.adoptedStyleSheets = [sheet];
    this.said = element("output");
    this.tabs = TABS.map((name) => {
      const tab = element("button", "", name);
      tab.setAttribute("role", "tab");
      tab.addEventListener("click", () => this.choose(name));
      return tab;
    });
    const bar = element("div", "", ...this.tabs);
    bar.setAttribute("role", "tablist");
    const close = element("button", "", "Close");
    close.addEventListener("click", () => this.bridge.close());
    this.rows = element("div", "rows");
    this.rows.addEventListener("scroll", () => this.paint(), { passive: true });
    this.aside = element("aside");
    this.aside.hidden = true;
    root.append(element("section", "", element("header", "", bar, this.said, close), element("div", "split", this.rows, this.aside)));
    document.body.append(this.host);
    this.read();
    this.timer = setInterval(() => document.hidden || this.read(), 250);
  }

  end() {
    clearInterval(this.timer);
    this.host.remove();
  }

  choose(tab) {
    this.tab = tab;
    this.aside.hidden = true;
    this.chosen = null;
    this.rows.scrollTop = 0;
    this.read();
  }

  // Asks the app, and paints only what differs from the last time.
  read() {
    const text = this.bridge.snapshot();
    const seen = this.tab + text;
    if (seen === this.seen) return;
    this.seen = seen;
    const now = JSON.parse(text);
    const { cache } = now;
    this.said.textContent = `${cache.queries.length} queries · epoch ${cache.epoch} · ${cache.online ? "online" : "offline"} · ${now.gaps.length} gaps`;
    this.tabs.forEach((tab) => tab.setAttribute("aria-selected", String(tab.textContent === this.tab)));
    this.lines = {
      Queries: () => cache.queries.map((query) => this.query(query, now)),
      Events: () => now.events.reverse().map((event) => ["events", [clock(event.at)], [event.what], [event.key ?? ""]]),
      Gaps: () => now.gaps.reverse().map((gap) => ["gaps", [clock(gap.from)], [gap.to ? clock(gap.to) : "open", gap.to ? "" : "critical"], [`${gap.bindings} bindings`], [gap.cause]]),
      Frames: () => (now.trace?.entries ?? []).reverse().map(frame),
    }[this.tab]();
    this.paint();
    if (this.chosen) this.show(this.chosen);
  }

  query(query, now) {
    const updated = query.data_updated_at;
    const [table] = JSON.parse(query.key);
    const line = [
      "queries",
      state(query),
      [updated == null ? "–" : age(now.cache.at - updated), "muted"],
      [String(query.observers), query.observers ? "" : "muted"],
      [(now.tables[table] ?? []).join(", ") || "–", "muted"],
      [query.key],
    ];
    line.key = query.key;
    return line;
  }

  // Only the rows in sight exist, however many there are.
  paint() {
    const first = Math.max(0, Math.floor(this.rows.scrollTop / ROW) - 4);
    const count = Math.ceil(this.rows.clientHeight / ROW) + 8;
    const shown = this.lines.slice(first, first + count).map((line, index) => {
      const [kind, ...cells] = line;
      const row = element(line.key ? "button" : "div", `row ${kind}`, ...cells.map(([text, tone]) => element("span", tone ?? "", text)));
      row.style.insetBlockStart = `${(first + index) * ROW}px`;
      if (line.key) row.addEventListener("click", () => this.show(line.key));
      return row;
    });
    const end = element("div");
    end.style.blockSize = `${this.lines.length * ROW}px`;
    // What has the focus keeps it: rows are made anew, the place of the focused one is not.
    const focused = [...this.rows.children].indexOf(this.host.shadowRoot.activeElement);
    this.rows.replaceChildren(...(this.lines.length ? [...shown, end] : [element("p", "", "Nothing yet.")]));
    if (focused >= 0) this.rows.children[focused]?.focus({ preventScroll: true });
  }

  show(key) {
    const acts = ["refetch", "invalidate", "remove"].map((act) => {
      const button = element("button", "", act);
      button.addEventListener("click", () => this.bridge.act(act, key));
      return button;
    });
    const data = this.bridge.data(key) || "No data, or of a type that is not shown.";
    if (this.chosen !== key || data !== this.data) {
      this.data = data;
      this.aside.replaceChildren(element("div", "", key), ...acts, element("pre", "", data));
    }
    this.chosen = key;
    this.aside.hidden = false;
  }
}

let panel = null;
const follow = () => {
  panel?.end();
  panel = window.bedsideDevtools ? new Panel(window.bedsideDevtools) : null;
};
addEventListener("bedside-devtools", follow);
follow();
