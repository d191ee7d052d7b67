// What the board's page says to players: all of its sentences, and how numbers are written in them.

import { formatScore } from "./leaderboard.js";

const SENTENCES = {
  connecting: "Connecting",
  live: "Live",
  reconnecting: "Reconnecting since {time}",
  offline: "No connection since {time}",
  reconnecting_as_of: "Reconnecting. The scores are as of {time}.",
  live_again: "Live again.",

  board_deleted: "This board was deleted",
  window_gone: "This ranking was turned off",
  private_now: "This board is private now",
  link_ended: "Your link to this board has ended",
  link_for_another: "Your link is for another board",
  not_live: "This board cannot be shown live at the moment. The page goes on trying.",

  somebody_joined: "{name} joined",
  leads: "{name} leads with {score}.",
  has: "{name} has {score}.",
  press: "+1 for {name}",
  up: "up {steps}",
  down: "down {steps}",
  join: "Join",
  join_another: "Join as somebody else",

  joined_as: "You joined as {name}.",
  ranked: "You are {place}",
  ranked_of: "You are {place} of {of}",
  ranked_about: "You are about {place} of {of}",
  before_first_score: "You are not ranked before your first score",
  not_ranked: "You are not ranked at the moment",
  removed: "You are no longer on this board",
  place_one: "{number}st",
  place_two: "{number}nd",
  place_few: "{number}rd",
  place_other: "{number}th",

  no_answer: "The server cannot be reached. Try again.",
  may_not: "This page may not do that any more. Load it again.",
  player_gone: "{name} is no longer on this board.",
  no_higher: "{name} cannot go higher: {limit} is the most here.",
  beyond_limits: "The score of {name} would be beyond what this board counts.",
  too_fast: "That was too fast. Try again in {wait}.",
  cannot_save: "Nothing can be saved at the moment. Try again soon.",
  unknown: "It is not known whether that counted. Look at the board before you try again.",
  name_refused: "That name cannot be used. It takes 1 to 100 characters, some of them visible.",
  email_refused: "That is no e-mail address to which anything could be sent.",
  email_needed: "This board asks for an e-mail address now. Load the page again.",
  email_taken: "Somebody who joined has that e-mail address already.",
  failed: "That did not work. Load the page again.",
};

const { lang } = document.documentElement;
/** The viewer's region of the page's language: one language on a page, with digits grouped as at home. */
export const LOCALE = navigator.languages.find((each) => each.split("-")[0] === lang) ?? lang;

/** Return a sentence with these values in it. */
export function text(key, values) {
  return parts(key, values).join("");
}

/** Return a sentence in parts, of which values may be elements. */
export function parts(key, values = {}) {
  const pieces = SENTENCES[key].split(/\{(\w+)\}/); // every second one is the name of a value
  return pieces.map((piece, index) => (index % 2 ? values[piece] : piece)).filter((part) => part !== "");
}

export function number(value) {
  return value.toLocaleString(LOCALE);
}

/** Return a rank in words, such as "6th". */
export function place(rank) {
  const form = new Intl.PluralRules(lang, { type: "ordinal" }).select(rank);
  return text(`place_${form}`, { number: number(rank) });
}

/** Return a length of time, such as "5 seconds". */
export function seconds(count) {
  return count.toLocaleString(LOCALE, { style: "unit", unit: "second", unitDisplay: "long" });
}

/** Return a score as the board's format says. */
export function points(score, format) {
  return formatScore(score, format, LOCALE);
}
