/** The JSON of requests and answers, as docs/api.md describes it. */

/** A rank that may be off, which only boards in RethinkDB have: by up to `bound` players, either way. */
export interface RankError {
  exact?: false;
  bound?: number;
}

/** A player of a snapshot, a page or a window. */
export interface RankedPlayer {
  id: string;
  name: string;
  score: number;
  rank: number;
  email?: string | null;
}

/** A player who was read. The rank of an unranked player is null. */
export interface PlayerState extends RankError {
  id: string;
  name: string;
  score: number;
  rank: number | null;
  hidden?: boolean;
  email?: string | null;
}

/** A player after a write of the score, and what it did. `rank`, `of` and `percentile` are there if asked for. */
export interface ScoreAnswer extends RankError {
  id: string;
  name: string;
  score: number;
  previous: number | null;
  changed: boolean;
  repeated: boolean;
  rank?: number | null;
  of?: number;
  percentile?: number | null;
}

/** What became of one row of many: with the status 200 or 201 the same, otherwise a problem. */
export interface ScoreResult extends Partial<Omit<ScoreAnswer, "id" | "name">> {
  player: string;
  status: number;
  type?: string;
  detail?: string;
}

/** A board's top players. */
export interface Snapshot {
  id: string;
  name: string;
  players: RankedPlayer[];
}

/** The final snapshot of a past season. */
export interface PastSnapshot extends Snapshot, PastSeason {}

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
  schedule?: "daily" | "weekly" | "monthly" | null;
}

/** A board with all of its settings, and the season that is running. */
export interface BoardState extends Required<Settings> {
  id: string;
  season: number;
  ends_at: string | null;
}
