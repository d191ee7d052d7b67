// The board's settings.

import { byId, confirmed, onSubmit, tell, valueOf } from "./forms.js";
import { Schedule } from "./schedules.js";
import { listWindows } from "./windows.js";
import { text } from "../words.js";

class Field {
  constructor(input) {
    this.name = input.name;
    this.input = input;
  }

  get value() {
    return valueOf(this.input);
  }

  show(value) {
    if (this.input.type === "checkbox") this.input.checked = value;
    else this.input.value = "json" in this.input.dataset ? JSON.stringify(value) : (value ?? "");
  }
}

// Some of several values, each with a checkbox.
class Choices {
  constructor(fieldset) {
    this.name = fieldset.name;
    this.boxes = [...fieldset.elements];
  }

  get value() {
    return this.boxes.filter((box) => box.checked).map((box) => box.value);
  }

  show(values) {
    for (const box of this.boxes) box.checked = values.includes(box.value);
  }
}

const KINDS = { schedule: Schedule, windows: Choices };

export class Settings {
  constructor(api, changed) {
    this.api = api;
    this.changed = changed;
    const form = byId("settings-form");
    const inputs = [...form.elements].filter((input) => input.name);
    this.fields = inputs.map((input) => new (KINDS[input.name] ?? Field)(input));
    onSubmit(form, () => this.save());
  }

  show(board) {
    this.board = board;
    for (const field of this.fields) {
      field.show(board[field.name]);
      field.shown = JSON.stringify(field.value);
    }
  }

  // Only what was changed in the form, so that nobody else's change is undone, nor what the form has no words for.
  async save() {
    const changed = this.fields.filter((field) => JSON.stringify(field.value) !== field.shown);
    const changes = Object.fromEntries(changed.map(({ name, value }) => [name, value]));
    if (!(await this.mayErase(changes))) return;
    this.changed(await this.api.send("PATCH", "", changes));
    tell(text("settings_saved"));
  }

  async mayErase({ windows = this.board.windows }) {
    const gone = this.board.windows.filter((window) => !windows.includes(window));
    if (!gone.length) return true;
    const names = { windows: listWindows(gone) };
    const title = text("turn_off_windows", names);
    return confirmed({ title, text: text("erased_windows", names), action: text("turn_off") });
  }
}
