// The page of a live board.

import { ANSWER, newKey, post } from "./api.js";
import { playerPath } from "./ids.js";
import { formatScore } from "./leaderboard.js";
import { watch } from "./live.js";
import { announcer, toast } from "./news.js";
import { Ranking } from "./ranking.js";
import { Season } from "./season.js";
import { State } from "./state.js";

const $ = (id) => document.getElementById(id);

const path = location.pathname;
const token = new URLSearchParams(location.search).get("token");
const query = token ? `?${new URLSearchParams({ token })}` : "";
const { id, window: part } = $("board").dataset;
const readQuery = `?${new URLSearchParams({ ...(part && { window: part }), ...(token && { token }) })}`;
const say = announcer($("news"));
const state = new State($("state"), $("trouble"), say);
const ranking = new Ranking($("ranking"), $("row"), $("heading"));
const season = new Season($("season"), $("over"), `${path}seasons/`, readQuery, say);
let leader = ranking.list.firstElementChild?.dataset.id;
let joining = newKey(); // the id of the player who joins next; kept until the join succeeds

watch(id, part, token ?? undefined, {
  update: (snapshot) => { season.show(snapshot); ranking.show(snapshot, () => drawn(snapshot)); },
  joined: ({ name }) => { toast($("toasts"), name, "joined"); say(`${name} joined.`); },
  live: () => state.live(),
  lost: (since) => state.lost(since),
  refused: (detail) => state.refused(detail),
});

function drawn({ name, players, format }) {
  const title = name || id;
  ranking.list.hidden = !players.length;
  $("empty").hidden = players.length > 0;
  if ($("title").textContent !== title) document.title = $("title").textContent = title;
  const [first] = players;
  if (first && first.id !== leader) say(`${first.name} leads with ${formatScore(first.score, format, "en")}.`);
  leader = first?.id;
}

ranking.list.addEventListener("click", async ({ target }) => {
  if (!target.matches(".plus")) return;
  const row = target.closest(".row");
  try {
    const player = await post(`${path}${playerPath(row.dataset.id)}score-add/`, null, newKey());
    row.querySelector(".error")?.remove();
    say(`${player.name} has ${player.score}.`);
  } catch (error) {
    explain(row, error.message);
  }
});

function explain(row, text) {
  let error = row.querySelector(".error");
  if (!error) {
    error = document.createElement("p");
    error.className = "error";
    error.setAttribute("role", "alert");
    row.append(error);
  }
  error.textContent = text;
}

$("join")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const form = event.target;
  if (form.ariaBusy) return; // a second press would create a second player
  form.ariaBusy = "true";
  try {
    const player = await join(Object.fromEntries(new FormData(form)));
    joining = newKey();
    $("join-error").textContent = "";
    form.reset();
    say(`You joined as ${player.name}.`);
  } catch (error) {
    $("join-error").textContent = error.message;
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
    if (!there?.ok) throw error; // the conflict was about the email address
    return there.json();
  }
}
