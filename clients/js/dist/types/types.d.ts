/** The JSON of requests and answers, as docs/api.md describes it. */
/** A rank that may be off, which only boards in RethinkDB have: by up to `bound` players, either way. */
export interface RankError {
    exact?: false;
    bound?: number;
}
/** Data of a player: what the game keeps there. */
export type PlayerData = Record<string, unknown>;
/** What the scores of a board are: points, numbers with that many places, or times in milliseconds. */
export type ScoreFormat = {
    type: "points";
    unit?: string;
} | {
    type: "decimal";
    places: number;
    unit?: string;
} | {
    type: "time";
};
/** A player of a snapshot, a page or a window. Without `data` there is none; a snapshot has what its board shows. */
export interface RankedPlayer {
    id: string;
    name: string;
    score: number;
    rank: number;
    data?: PlayerData;
    email?: string | null;
}
/** How many are ranked, and how many percent of them are not better. Null if it is not known, and the
 * percentile of an unranked player. */
export interface Standing {
    of: number | null;
    percentile: number | null;
}
/** A player who was read. The rank of an unranked player is null. After a change there is no standing. */
export interface PlayerState extends RankError, Partial<Standing> {
    id: string;
    name: string;
    score: number;
    rank: number | null;
    hidden?: boolean;
    data?: PlayerData;
    email?: string | null;
}
/** A player of a selection. The place is null where the rank is. */
export interface SelectedPlayer extends Standing {
    id: string;
    name: string;
    score: number;
    rank: number | null;
    place: number | null;
    data?: PlayerData;
    email?: string | null;
}
/** Some players of a board, and the ids that nobody has. */
export interface Selection extends RankError {
    players: SelectedPlayer[];
    missing: string[];
}
/** The rank that a score would have. */
export interface ScoreRank extends RankError, Standing {
    score: number;
    rank: number;
}
/** A player after a write of the score, and what it did. `rank`, `of` and `percentile` are there if asked for. */
export interface ScoreAnswer extends RankError, Partial<Standing> {
    id: string;
    name: string;
    score: number;
    previous: number | null;
    changed: boolean;
    repeated: boolean;
    rank?: number | null;
}
/** What became of one row of many: with the status 200 or 201 the same, otherwise a problem. */
export interface ScoreResult extends Partial<Omit<ScoreAnswer, "id" | "name">> {
    player: string;
    status: number;
    type?: string;
    detail?: string;
}
/** A board's top players. Without `format` the scores are points. */
export interface Snapshot {
    id: string;
    name: string;
    format?: ScoreFormat;
    players: RankedPlayer[];
}
/** The final snapshot of a past season. */
export interface PastSnapshot extends Snapshot, PastSeason {
}
/** A past season, and when it ended. */
export interface PastSeason {
    season: number;
    ended_at: string;
}
/** Settings of a board that can be chosen. */
export interface Settings {
    name?: string;
    size?: number;
    order?: "desc" | "asc";
    ranking?: "ordinal" | "competition" | "dense";
    min?: number | null;
    max?: number | null;
    max_amount?: number | null;
    private?: boolean;
    ask_email?: boolean;
    player_writes?: "none" | "best" | "add" | "set";
    schedule?: "daily" | "weekly" | "monthly" | null;
    keep_seasons?: number | null;
    show?: string[];
    format?: ScoreFormat;
}
/** A board with all of its settings, and the season that is running. */
export interface BoardState extends Required<Settings> {
    id: string;
    season: number;
    ends_at: string | null;
}
