import { formatScore, Leaderboard, LeaderboardError } from "./leaderboard.js";
var ADDRESS = /^(.*)\/boards\/([^/?]+)\/?(?:\?window=(\w+))?$/;
var STYLE = `
:host { display: block; color: var(--leader-board-color, inherit); background: var(--leader-board-background, none); }
:host([hidden]) { display: none; }
[part~=board] { overflow: auto; }
[part~=board]:focus-visible { outline: 2px solid var(--leader-board-focus, currentColor); outline-offset: 2px; }
table { width: 100%; border-collapse: collapse; }
caption { font-weight: bold; text-align: start; }
th, td { padding: var(--leader-board-padding, 0.4em 0.6em); text-align: start; overflow-wrap: anywhere; }
tbody > * { border-top: 1px solid var(--leader-board-border, currentColor); }
.number { text-align: end; font-variant-numeric: tabular-nums; overflow-wrap: normal; }
tbody th { font-weight: inherit; }
tr > :first-child { width: 1%; }
[part=state] { margin: 0.4em 0 0; }
[part=state]:empty { display: none; }
.news { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); white-space: nowrap; }
`;
var MARKUP = `
<div part="board" role="region" aria-labelledby="name" tabindex="0">
  <table part="table">
    <caption part="name" id="name"></caption>
    <thead part="head"><tr>
      <th scope="col" class="number"><slot name="rank">Rank</slot></th>
      <th scope="col"><slot name="player">Player</slot></th>
      <th scope="col" class="number"><slot name="score">Score</slot></th>
    </tr></thead>
    <tbody></tbody>
  </table>
</div>
<p part="state" role="status"></p>
<p class="news" role="status"></p>`;
var LeaderBoardElement = class extends HTMLElement {
  static observedAttributes = ["src", "token"];
  #root = this.attachShadow({ mode: "open" });
  #rows = /* @__PURE__ */ new Map();
  #token;
  #watch = new AbortController();
  constructor() {
    super();
    const sheet = new CSSStyleSheet();
    sheet.replaceSync(STYLE);
    this.#root.adoptedStyleSheets = [sheet];
    this.#root.innerHTML = MARKUP;
    this.#takeToken();
  }
  #takeToken() {
    if (!Object.hasOwn(this, "token")) return;
    const element = this;
    const { token } = element;
    delete element.token;
    this.#token = token;
  }
  get token() {
    return this.#token ?? this.getAttribute("token") ?? void 0;
  }
  set token(token) {
    this.#token = token;
    this.#start();
  }
  connectedCallback() {
    this.#start();
  }
  disconnectedCallback() {
    this.#watch.abort();
  }
  attributeChangedCallback() {
    if (this.isConnected) this.#start();
  }
  #start() {
    this.#watch.abort();
    if (!this.isConnected) return;
    this.#watch = new AbortController();
    void this.#run(this.#watch.signal);
  }
  async #run(signal) {
    this.#say("connecting", "");
    try {
      const [, url, id, window] = ADDRESS.exec(new URL(this.getAttribute("src") ?? "", document.baseURI).href) ?? [];
      if (!url || !id) throw new RangeError("src: must be the address of a board, such as https://scores.example/boards/demo/");
      const onLive = () => this.#say("live", "");
      const onLost = (since) => {
        const age = this.#rows.size ? ` The scores are as of ${since.toLocaleTimeString()}.` : "";
        this.#say("lost", `Reconnecting.${age}`);
      };
      const onEvent = (event, data) => {
        if (event === "new leader") this.#part(".news").textContent = `${data.player.name} leads`;
      };
      const board = new Leaderboard(url, { token: this.token }).board(id, { window });
      const options = { signal, onEvent, onLive, onLost, share: true, whileVisible: true };
      for await (const snapshot of board.watch(options)) this.#show(snapshot);
    } catch (error) {
      if (signal.aborted) return;
      const retry = () => void (document.visibilityState === "visible" && this.#start());
      document.addEventListener("visibilitychange", retry, { signal });
      this.#say("refused", error instanceof LeaderboardError ? error.detail : String(error));
      this.dispatchEvent(new CustomEvent("refused", { detail: error }));
    }
  }
  #say(state, words) {
    this.setAttribute("state", state);
    this.#part("[part=state]").textContent = words;
  }
  #show(snapshot) {
    this.#part("caption").textContent = snapshot.name || snapshot.id;
    const body = this.#part("tbody");
    for (const [index, player] of snapshot.players.entries()) {
      const row = this.#rows.get(player.id) ?? makeRow();
      this.#rows.set(player.id, row);
      const texts = [String(player.rank), player.name, formatScore(player.score, snapshot.format)];
      for (const [cell, text] of texts.entries()) {
        if (row.cells[cell].textContent !== text) row.cells[cell].textContent = text;
      }
      row.part.toggle("first", player.rank === 1);
      if (body.children[index] !== row) body.insertBefore(row, body.children[index] ?? null);
    }
    const ids = new Set(snapshot.players.map(({ id }) => id));
    for (const [id, row] of this.#rows) {
      if (ids.has(id)) continue;
      row.remove();
      this.#rows.delete(id);
    }
    this.dispatchEvent(new CustomEvent("snapshot", { detail: snapshot }));
  }
  #part(selector) {
    return this.#root.querySelector(selector);
  }
};
function makeRow() {
  const row = document.createElement("tr");
  row.part.add("row");
  for (const [name, tag] of [["rank", "td"], ["player", "th"], ["score", "td"]]) {
    const cell = document.createElement(tag);
    cell.part.add(name);
    if (tag === "th") cell.scope = "row";
    else cell.className = "number";
    row.append(cell);
  }
  return row;
}
if (!customElements.get("leader-board")) customElements.define("leader-board", LeaderBoardElement);
export { LeaderBoardElement };
