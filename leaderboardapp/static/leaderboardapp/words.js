// What the page says, in its language, and how numbers are written in it. The sentences come with the page:
// pages/words.py has them.

import { lang, LOCALE } from "./locale.js";

const SENTENCES = JSON.parse(document.getElementById("words").textContent);

/** Return a sentence with these values in it. */
export function text(key, values) {
  return parts(key, values).join("");
}

/** Return a sentence in parts, of which values may be elements. */
export function parts(key, values = {}) {
  return fill(SENTENCES[key], values);
}

function fill(sentence, values) {
  const pieces = sentence.split(/\{(\w+)\}/); // every second one is the name of a value
  return pieces.map((piece, index) => (index % 2 ? values[piece] : piece)).filter((part) => part !== "");
}

/** Return a sentence about so many things, whose forms the page has by numbers of which they are. */
export function plural(key, count) {
  const rules = new Intl.PluralRules(lang);
  const forms = Object.entries(SENTENCES[key]);
  const [, form] = forms.find(([sample]) => rules.select(sample) === rules.select(count)) ?? forms.at(-1);
  return fill(form, { count: number(count) }).join("");
}

/** Return texts as one: "a, b and c". */
export function list(texts) {
  return new Intl.ListFormat(lang).format(texts);
}

/** Return the kind of a failure, such as "board-not-found"; "" if only its status is known. */
export function kindOf({ type = "" }) {
  return type.split("#")[1] ?? "";
}

/** Return what is said of a failure of this kind; "" if that is the detail, which is in English, as the page is. */
export function sentenceOf(problem) {
  return SENTENCES.problems[kindOf(problem)] ?? "";
}

export function number(value) {
  return value.toLocaleString(LOCALE);
}

/** Return a rank in words, such as "6th". */
export function place(rank) {
  const key = `place_${new Intl.PluralRules(lang, { type: "ordinal" }).select(rank)}`;
  return text(key in SENTENCES ? key : "place_other", { number: number(rank) });
}

/** Return a length of time, such as "5 seconds". */
export function seconds(count) {
  return count.toLocaleString(LOCALE, { style: "unit", unit: "second", unitDisplay: "long" });
}
