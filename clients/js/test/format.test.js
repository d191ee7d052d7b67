/** Scores as text: the cases that the service's own tests have, too. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { formatScore } from "../dist/leaderboard.js";

/** @type {{ score: number, format: import("../dist/leaderboard.js").ScoreFormat, text: string }[]} */
const cases = JSON.parse(readFileSync(new URL("../../../tests/score_formats.json", import.meta.url), "utf8"));

describe("a score", { concurrency: true }, () => {
  for (const { score, format, text } of cases) {
    it(`of ${score} as ${JSON.stringify(format)} is ${text}`, () => {
      assert.equal(formatScore(score, format, "en"), text);
    });
  }

  it("is points without a format", () => {
    assert.equal(formatScore(1234, undefined, "en"), "1,234");
  });

  it("is written as the reader's language does", () => {
    assert.equal(formatScore(123456, { type: "decimal", places: 2, unit: "km" }, "de"), "1.234,56\u00a0km");
    assert.equal(formatScore(-3723004, { type: "time" }, "sv"), "\u22121:02:03,004");
    assert.equal(formatScore(81234, { type: "time" }, "fa"), "۱:۲۱٫۲۳۴");
  });
});
