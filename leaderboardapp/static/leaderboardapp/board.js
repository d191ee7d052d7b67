// The page of a live board.

import { ANSWER, PASSING, newKey, post } from "./api.js";
import { playerPath } from "./ids.js";
import { Leaderboard } from "./leaderboard.js";
import { watch } from "./live.js";
import { announcer, toast } from "./news.js";
import { points } from "./points.js";
import { explain } from "./problems.js";
import { Ranking } from "./ranking.js";
import { Season } from "./season.js";
import { State } from "./state.js";
import { kindOf, text } from "./words.js";
import { You } from "./you.js";

const $ = (id) => document.getElementById(id);
const ROOMY = 10; // rows; where there are more, they are lower, as the template has them, too
const ERROR = 10000; // milliseconds that a row says why a press was refused
// Refusals of the board after which it is not shown, and what is offered in its place.
const GONE = {
  "board-not-found": ["board_deleted", "gone-home"],
  "window-not-found": ["window_gone", "gone-board"],
  "token-required": ["private_now"],
  "invalid-token": ["link_ended"],
  "insufficient-scope": ["link_for_another"],
};

const path = location.pathname;
const token = new URLSearchParams(location.search).get("token");
const query = token ? `?${new URLSearchParams({ token })}` : "";
const { id, window: part, order } = $("board").dataset;
const readQuery = `?${new URLSearchParams({ ...(part && { window: part }), ...(token && { token }) })}`;
const board = new Leaderboard("/", { token: token ?? undefined, patience: Infinity }).board(id, { window: part });
const say = announcer($("news"));
const state = new State(
  { pill: $("state"), trouble: $("trouble"), gone: $("gone"), content: $("content"), heading: $("heading") }, say,
);
const ranking = new Ranking($("ranking"), $("row"), $("heading"));
const season = new Season($("season"), $("over"), `${path}seasons/`, readQuery, say);
const you = new You(board, {
  line: $("you"),
  ranking,
  around: new Ranking($("around"), $("row"), $("heading")),
  isAscending: order === "asc",
  isKnown: !document.documentElement.classList.contains("embed"), // a frame shows the board alone
  named: showName,
  say,
});
let format;
let leader = ranking.list.firstElementChild?.dataset.id;
let joining = newKey(); // the id of the player who joins next; kept until the join succeeds

watch((options) => board.watch(options), {
  update: (snapshot) => { season.show(snapshot); ranking.show(snapshot, () => drawn(snapshot)); },
  event: (name, data) => {
    if (name === "joined") welcome(data.player);
    if (name === "deleted") leave(part ? "window-not-found" : "board-not-found");
  },
  live: () => { state.live(); forgetErrors(); },
  lost: (since) => state.lost(since),
  refused: (error) => leave(kindOf(error)),
});

function drawn(snapshot) {
  const title = snapshot.name || id;
  format = snapshot.format;
  you.follow(snapshot);
  $("content").classList.toggle("compact", snapshot.players.length > ROOMY);
  $("empty").hidden = snapshot.players.length > 0;
  if ($("title").textContent !== title) document.title = $("title").textContent = title;
  const [first] = snapshot.players;
  if (first && first.id !== leader) say(text("leads", { name: first.name, score: points(first.score, format) }));
  leader = first?.id;
}

/** Show that there is no board to watch, for a problem of this kind. */
function leave(kind) {
  if (kind in GONE) {
    const [reason, link] = GONE[kind];
    state.leave(text(reason), link);
  } else {
    state.refused(text("not_live"));
  }
}

function welcome({ id, name }) {
  if (id === joining || id === you.id) return; // who joins here is told the rank
  toast($("toasts"), name);
  say(`${text("somebody_joined", { name })}.`);
}

$("board").addEventListener("click", async ({ target }) => {
  if (!target.matches(".plus")) return;
  const row = target.closest(".row");
  const name = row.querySelector(".name").textContent;
  row.querySelector(".error")?.remove();
  try {
    const player = await post(`${path}${playerPath(row.dataset.id)}score-add/`, null, newKey());
    say(text("has", { name, score: points(player.score, format) }));
    if (player.id === you.id) you.refresh();
  } catch (error) {
    row.append(createError(explain(error, { name, score: Number(row.dataset.score), format }), error));
  }
});

function createError(words, error) {
  const element = document.createElement("p");
  element.className = "error";
  element.setAttribute("role", "alert");
  element.textContent = words;
  mark(element, error);
  setTimeout(() => element.remove(), ERROR);
  return element;
}

/** Note whether the error is one of the connection, and so is over once the page is live again. */
function mark(element, { status }) {
  element.classList.toggle("passing", !status || PASSING.includes(status));
}

function forgetErrors() {
  for (const element of document.querySelectorAll(".row .error.passing")) element.remove();
  if ($("join-error")?.matches(".passing")) $("join-error").textContent = "";
}

$("join")?.addEventListener("input", () => { $("join-error").textContent = ""; });

$("join")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  if (form.ariaBusy) return; // a second press would create a second player
  form.ariaBusy = "true";
  try {
    const player = await join(Object.fromEntries(new FormData(form)));
    $("join-error").textContent = "";
    form.reset();
    you.join(player);
    joining = newKey();
  } catch (error) {
    $("join-error").textContent = explain(error);
    mark($("join-error"), error);
  }
  form.ariaBusy = null;
});

/** Return the player, who may have been created by an earlier attempt whose answer was lost. */
async function join(fields) {
  try {
    return await post(`${path}players/`, { id: joining, ...fields });
  } catch (error) {
    if (error.status !== 409) throw error;
    const signal = AbortSignal.timeout(ANSWER);
    const there = await fetch(`${path}${playerPath(joining)}${query}`, { signal }).catch(() => null);
    if (!there) throw Object.assign(error, { status: 0 }); // whose conflict it was is not known
    if (!there.ok) throw error; // the conflict was about the email address
    return there.json();
  }
}

/** Show who has joined here; with "" that nobody has. */
function showName(name) {
  $("joined").hidden = !name;
  $("joined-name").textContent = name;
  if ($("join")) $("join-title").textContent = text(name ? "join_another" : "join");
}

$("not-you").addEventListener("click", () => {
  you.forget();
  ($("join-name") ?? $("heading")).focus();
});
