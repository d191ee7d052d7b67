/** The JSON of requests and answers, as docs/api.md describes it. */

/** A rank that may be off, which only boards in RethinkDB have: by up to `bound` players, either way. */
export interface RankError {
  exact?: false;
  bound?: number;
}

/** A window of a board, where only the scores of that time count. */
export type BoardWindow = "day" | "week" | "month";

/** Data of a player: what the game keeps there. */
export type PlayerData = Record<string, unknown>;

/** What the scores of a board are: points, numbers with that many places, or times in milliseconds. */
export type ScoreFormat =
  | { type: "points"; unit?: string }
  | { type: "decimal"; places: number; unit?: string }
  | { type: "time" };

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

/** Where a player stands, and the players around. The rank of an unranked player is null. */
export interface OwnRank extends RankError {
  id: string;
  name: string;
  score: number;
  rank: number | null;
  of: number | null;
  around: RankedPlayer[];
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

/** A player after a write of the score, and what it did. What says the rank is there if asked for, such as `windows`,
 * which has the same of each of them. */
export interface ScoreAnswer extends RankError, Partial<Standing> {
  id: string;
  name: string;
  score: number;
  previous: number | null;
  changed: boolean;
  repeated: boolean;
  rank?: number | null;
  windows?: Partial<Record<BoardWindow, WindowStanding>>;
}

/** The score and the rank that a player has in a window. */
export interface WindowStanding extends RankError, Standing {
  score: number;
  rank: number | null;
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
  window?: BoardWindow; // whose snapshot this is; not there on the board's own
  since?: string; // when the scores of the window count
  format?: ScoreFormat;
  players: RankedPlayer[];
  season?: number; // the running one; not there in the first
  ends_at?: string; // when it ends, if that is known
}

/** The final snapshot of a past season. */
export interface PastSnapshot extends Omit<Snapshot, "season" | "ends_at">, PastSeason {}

/** A past season, and when it ended. */
export interface PastSeason {
  season: number;
  ended_at: string;
}

/** A past season in which a player was ranked, and the player as of its end. */
export interface PlayerSeason extends PastSeason, RankedPlayer, Standing, RankError {
  format?: ScoreFormat;
}

/** When seasons end by the clocks of a zone. `at` is "00:00", and `zone` "UTC", if they are left out. */
export type Schedule = { at?: string; zone?: string } & (
  | { every: "day" }
  | { every: "week"; on?: Weekday }
  | { every: "month"; on?: number }
);

export type Weekday = "monday" | "tuesday" | "wednesday" | "thursday" | "friday" | "saturday" | "sunday";

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
  schedule?: "daily" | "weekly" | "monthly" | Schedule | null;
  keep_seasons?: number | null;
  windows?: BoardWindow[];
  show?: string[];
  format?: ScoreFormat;
}

/** A board with all of its settings, and the season that is running. */
export interface BoardState extends Required<Settings> {
  id: string;
  season: number;
  ends_at: string | null;
  /** The next three ends by schedule, `ends_at` first; none without a schedule. */
  next_ends: string[];
}
