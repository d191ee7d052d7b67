export * from "./types/leaderboard.js";
