// Forms: their values, and the faults in them. Dialogs.

import { text as say } from "../words.js";

export const byId = (id) => document.getElementById(id);

// Return the field's value for the API: a text as it was typed, blanks included. An empty number is
// null. A number that is none, and JSON that is none, stay text, which the API refuses.
export function valueOf(input) {
  if (input.type === "checkbox") return input.checked;
  if ("number" in input.dataset) {
    const text = input.value.trim();
    if (text === "") return null;
    // A number that JavaScript would round stays text, too.
    return /^[+-]?[0-9]+$/.test(text) && Number.isSafeInteger(Number(text)) ? Number(text) : text;
  }
  if ("json" in input.dataset) return parse(input.value.trim() || input.dataset.json);
  return input.tagName === "SELECT" && input.value === "" ? null : input.value;
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

// Several reasons why a form is not accepted, each of which begins with the field's name.
export class Faults extends Error {
  constructor(errors) {
    super(errors.join(" "));
    this.errors = errors;
  }
}

// Return the reason that a field accepts something else.
export function fault(name, accepted) {
  return `${name}: ${say("must_be", { accepted })}`;
}

// Throw Faults if there is a reason among these, which may be empty.
export function requireNone(...reasons) {
  const errors = reasons.filter(Boolean);
  if (errors.length) throw new Faults(errors);
}

// Show each reason at its field, whose name begins it; or else at the form's end. The first field
// gets the focus. A `sentence` about all of them is shown in place of the service's words.
export function showFaults(form, reasons, sentence = "") {
  clearFaults(form);
  const others = reasons.filter((reason) => {
    const [input, text] = findFault(form, reason);
    if (!input || input.closest("[hidden]")) return true;
    if (!input.hasAttribute("aria-invalid")) showAt(input, sentence || text);
    return false;
  });
  form.querySelector(".form-fault").textContent = sentence && others.length ? sentence : others.join(" ");
  form.querySelector("[aria-invalid]")?.focus();
}

function showAt(input, text) {
  const fault = document.createElement("span");
  fault.className = "fault";
  fault.id = `${input.id}-fault`;
  fault.textContent = text;
  input.closest(".field, .check").append(fault);
  input.setAttribute("aria-invalid", "true");
  input.setAttribute("aria-describedby", fault.id);
}

// Return the input that a problem is about, and what the problem says of it. Of an object that several
// inputs make up, it is the one of the key that is named.
function findFault(form, message) {
  const [, name, text = ""] = message.match(/^(\w+): (.*)$/s) ?? [];
  const [, key, accepted] = text.match(/ whose "(\w+)" is (.*)$/s) ?? [];
  const parts = [...form.querySelectorAll(`[data-of="${name}"][data-part="${key}"]`)];
  const part = parts.find((input) => !input.closest("[hidden]"));
  if (part) return [part, say("must_be", { accepted: accepted.replace(/\.$/, "") })];
  return [name && form.elements.namedItem(name), capitalize(text.replace("null or", "empty or"))];
}

export function clearFaults(form) {
  form.querySelector(".form-fault").textContent = "";
  for (const input of form.querySelectorAll("[aria-invalid]")) {
    byId(`${input.id}-fault`).remove();
    input.removeAttribute("aria-invalid");
    input.removeAttribute("aria-describedby");
  }
}

// Call `work` on submit, one call at a time, and show its failure in the form.
export function onSubmit(form, work) {
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (form.ariaBusy === "true") return;
    form.ariaBusy = "true";
    try {
      clearFaults(form);
      await work();
    } catch (error) {
      showFaults(form, error.errors ?? [error.detail ?? error.message], error.sentence);
    } finally {
      form.ariaBusy = null;
    }
  });
}

export function closeButtons() {
  for (const button of document.querySelectorAll("[data-close]")) {
    button.addEventListener("click", () => button.closest("dialog").close());
  }
}

// Ask for a confirmation; resolve to whether it was given. With `typed`, that text must be typed.
export function confirmed({ title, text, action, typed = "" }) {
  const dialog = byId("confirm");
  const [form, input] = [dialog.querySelector("form"), byId("confirm-typed")];
  byId("confirm-title").textContent = title;
  byId("confirm-text").textContent = text;
  byId("confirm-do").textContent = action;
  byId("confirm-typing").hidden = !typed;
  byId("confirm-typing").querySelector("code").textContent = typed;
  input.value = "";
  const check = () => (byId("confirm-do").disabled = input.value !== typed);
  input.oninput = check;
  check();
  return new Promise((resolve) => {
    let answer = false;
    form.onsubmit = (event) => {
      event.preventDefault();
      answer = input.value === typed;
      if (answer) dialog.close();
    };
    dialog.addEventListener("close", () => resolve(answer), { once: true });
    dialog.showModal();
  });
}

let clearing = 0;

// Whatever is done next, what was said before is old.
for (const action of ["click", "submit", "input"]) addEventListener(action, () => tell(""), true);

// Show a text at the foot of the page, and announce it, until the next action. Bad news stays longer.
export function tell(text, bad = false) {
  const news = byId("news");
  clearTimeout(clearing);
  news.textContent = text;
  news.classList.toggle("bad", bad);
  clearing = setTimeout(() => (news.textContent = ""), bad ? 30_000 : 8_000);
}

function capitalize(text) {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
