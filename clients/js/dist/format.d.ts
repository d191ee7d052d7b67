export * from "./types/format.js";
