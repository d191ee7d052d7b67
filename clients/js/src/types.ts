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
  email?: string | null;
}

/** A player of a selection. The place is null where the rank is. */
export interface SelectedPlayer extends Standing {
  id: string;
  name: string;
  score: number;
  rank: number | null;
  place: number | null;
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

/** A player after a write of the score. Which of the optional fields are there, the service says. */
export interface ScoreAnswer extends RankError {
  id: string;
  name: string;
  score: number;
  previous?: number;
  changed?: boolean;
  repeated?: boolean;
  rank?: number | null;
}

/** What became of one row of many: with the status 200 a `score`, otherwise a problem. */
export interface ScoreResult {
  player: string;
  status: number;
  score?: number;
  previous?: number;
  changed?: boolean;
  repeated?: boolean;
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
