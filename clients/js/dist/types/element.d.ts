/** `<leader-board src="https://scores.example/boards/demo/">`: a board that is live.
 *
 * docs/clients.md has its attributes, parts and properties. It needs leaderboard.js and leaderboard-worker.js beside it. */
import { type Token } from "./leaderboard.js";
/** The custom element. Its events are `snapshot`, with the snapshot as detail, and `refused`, with the error. */
export declare class LeaderBoardElement extends HTMLElement {
    #private;
    static readonly observedAttributes: string[];
    constructor();
    /** The token, or a function that returns a fresh one. It takes the place of the attribute. */
    get token(): Token | undefined;
    set token(token: Token | undefined);
    connectedCallback(): void;
    disconnectedCallback(): void;
    attributeChangedCallback(): void;
}
