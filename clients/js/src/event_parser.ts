/** An event, or only a `retry`. */
export interface ParsedEvent {
  event: string;
  id?: string;
  data?: string;
  retry?: number;
}

/** Makes events of an event stream's text (HTML standard, 9.2.6), which comes in pieces of any size. */
export class EventParser {
  #rest = "";
  #lines: string[] = []; // of the event that is not complete yet

  /** Return the events that are complete with this piece. */
  feed(text: string): ParsedEvent[] {
    // A CR at the end of a piece may be the first half of a CRLF.
    const lines = (this.#rest + text).split(/\r\n|\n|\r(?!$)/);
    this.#rest = lines.pop()!;
    const events: ParsedEvent[] = [];
    for (const line of lines) {
      if (line) {
        this.#lines.push(line);
      } else {
        events.push(parseEvent(this.#lines.splice(0)));
      }
    }
    return events;
  }
}

function parseEvent(lines: string[]): ParsedEvent {
  const parsed: ParsedEvent = { event: "message" };
  const data: string[] = [];
  for (const line of lines) {
    const [, name, value = ""] = /^([^:]*)(?::[ ]?(.*))?$/su.exec(line)!;
    if (name === "data") data.push(value);
    if (name === "event" || name === "id") parsed[name] = value;
    if (name === "retry" && /^\d+$/.test(value)) parsed.retry = Number(value);
  }
  if (data.length) parsed.data = data.join("\n");
  return parsed;
}
