// The board's settings.

import { byId, onSubmit, tell, valueOf } from "./forms.js";
import { offer } from "./schedules.js";

export class Settings {
  constructor(api, changed) {
    this.api = api;
    this.changed = changed;
    this.form = byId("settings-form");
    this.inputs = [...this.form.elements].filter((input) => input.name);
    onSubmit(this.form, () => this.save());
  }

  show(board) {
    this.board = board;
    offer(this.form.elements.schedule, board.schedule);
    for (const input of this.inputs) {
      const value = board[input.name];
      if (input.type === "checkbox") input.checked = value;
      else input.value = "json" in input.dataset ? JSON.stringify(value) : (value ?? "");
    }
  }

  // Only what was changed in the form, so that nobody else's change is undone.
  async save() {
    const changes = {};
    for (const input of this.inputs) {
      const value = valueOf(input);
      if (JSON.stringify(value) !== JSON.stringify(this.board[input.name])) changes[input.name] = value;
    }
    this.changed(await this.api.send("PATCH", "", changes));
    tell("The settings are saved.");
  }
}
