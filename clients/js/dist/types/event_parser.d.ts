/** An event, or only a `retry`. */
export interface ParsedEvent {
    event: string;
    id?: string;
    data?: string;
    retry?: number;
}
/** Makes events of an event stream's text (HTML standard, 9.2.6), which comes in pieces of any size. */
export declare class EventParser {
    #private;
    /** Return the events that are complete with this piece. */
    feed(text: string): ParsedEvent[];
}
