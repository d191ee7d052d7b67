"""Rows while scores change: legible in each frame, no flashes, and movement in words and signs."""

from typing import Any, Literal

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import MOVING, Visits
from tests.browser.test_board_page import expect_live, expect_rows
from tests.e2e.viewers import Api
from tests.support.programs import wait_until

# In the page's `seen`, for each frame from now on: the least contrast of a text with what is behind
# it, 0 if it is transparent; the colours of the scores, and the luminance behind each. In `starts`,
# how often anything was tinted.
SAMPLE = """() => {
    const channels = (text) => {
        const numbers = text.match(/[\\d.]+/g).map(Number);
        const scale = text.startsWith("color(") ? 1 : 255;
        const [red, green, blue, alpha = 1] = numbers;
        return [red / scale, green / scale, blue / scale, alpha];
    };
    const over = (above, below) => [0, 1, 2].map(
        (index) => above[index] * above[3] + below[index] * (1 - above[3]));
    const behind = (element) => {
        const own = channels(getComputedStyle(element).backgroundColor);
        if (own[3] === 1) return own;
        return over(own, element.parentElement ? behind(element.parentElement) : [1, 1, 1]);
    };
    const luminance = (colour) => {
        const [red, green, blue] = colour.map(
            (part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
    };
    const contrast = (element) => {
        const back = behind(element);
        const text = over(channels(getComputedStyle(element).color), back);
        const [low, high] = [luminance(text), luminance(back)].sort((one, two) => one - two);
        return (high + 0.05) / (low + 0.05);
    };
    const isFaint = (element) =>
        element && (getComputedStyle(element).opacity !== "1" || isFaint(element.parentElement));
    window.seen = [];
    window.starts = 0;
    const { animate } = Element.prototype;
    Element.prototype.animate = function (frames, options) {
        starts += options.id === "tint";
        return animate.call(this, frames, options);
    };
    const sample = () => {
        const texts = [...document.querySelectorAll(
            ".row .name, .row .badge, .row .score b, .row .move > *, .row .plus, .toast")]
            .filter((element) => element.textContent);
        const scores = [...document.querySelectorAll(".row .score")];
        const faint = texts.filter(isFaint);
        seen.push({
            contrast: faint.length ? 0 : Math.min(...texts.map(contrast)),
            colours: scores.map((score) => getComputedStyle(score.firstElementChild).color),
            luminances: scores.map((score) => luminance(behind(score))),
            moves: document.querySelector(".row .move").textContent,
        });
        requestAnimationFrame(sample);
    };
    sample();
}"""


def add_scores(api: Api, board: str, count: int) -> None:
    for number in range(count):
        player = ("alice", "bob")[number % 2]
        assert api("POST", f"{board}players/{player}/score-add/", {"amount": 3}).status == 200


def read_frames(page: Page) -> list[dict[str, Any]]:
    frames: list[dict[str, Any]] = page.evaluate("seen")
    return frames


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_rows_are_legible_in_each_frame_and_do_not_flash(
    visit: Visits, api: Api, board: str, colours: Literal["light", "dark"]
) -> None:
    page = visit(board, color_scheme=colours, **MOVING)
    expect_live(page)
    page.evaluate(SAMPLE)
    page.get_by_label("Your name").fill("Carol")
    page.keyboard.press("Enter")
    expect(page.locator(".row.own")).to_be_visible()
    started = page.evaluate("performance.now()")
    for _ in range(3):
        add_scores(api, board, 10)
        page.wait_for_timeout(300)  # drawings of which none is the last
    expect_rows(page, ("Alice", "45"), ("Bob", "45"), ("Carol", "0"))
    seconds = (page.evaluate("performance.now()") - started) / 1000
    frames = read_frames(page)
    assert len(frames) > 10 and any(frame["moves"] for frame in frames)
    assert min(frame["contrast"] for frame in frames) >= 4.5
    assert len({colour for frame in frames for colour in frame["colours"]}) == 1
    for row in (0, 1):
        # A flash is a pair of changes by a tenth, with a darker side under .8 (WCAG 2.3.1).
        [dark, *_, light] = sorted({frame["luminances"][row] for frame in frames})
        assert light - dark > 0.01, "nothing was tinted"
        assert light - dark < 0.1 or dark >= 0.8
    assert 2 <= page.evaluate("starts") <= 2 * (seconds + 1)


def test_movement_is_told_in_words_and_signs_and_without_motion(
    visit: Visits, api: Api, board: str
) -> None:
    page = visit(board, lambda page: page.clock.install(), reduced_motion="reduce")
    expect_live(page)
    page.evaluate(SAMPLE)
    assert api("POST", f"{board}players/bob/score-add/", {"amount": 1234}).status == 200
    expect_rows(page, ("Bob", "1,234"), ("Alice", "0"))
    moves = page.locator(".row .move")
    expect(moves).to_have_text(["▲1up 1+1,234", "▼1down 1"])
    assert api("POST", f"{board}players/bob/score-add/", {"amount": -1236}).status == 200
    expect(moves).to_have_text(["", "−2"])  # where both were ten seconds ago
    expect(page.locator(".row .score b")).to_have_text(["0", "−2"])
    running = "document.getAnimations().filter(({ playState }) => playState === 'running').length"
    assert page.evaluate(running) == page.evaluate("starts") == 0
    assert len({tuple(frame["luminances"]) for frame in read_frames(page)}) == 1
    page.clock.fast_forward(5000)
    wait_until(lambda: moves.all_text_contents() == ["", ""], "the end of the signs")


def test_nothing_moves_for_ever(visit: Visits, board: str) -> None:
    """A page that is open all day would use the processor all day."""
    page = visit(board, **MOVING)
    expect_live(page)
    state = "getComputedStyle(document.querySelector('#state'), '::before')"
    assert page.evaluate(f"{state}.animationIterationCount") == "3"
    turns = "getAnimations().map(({ effect }) => String(effect.getComputedTiming().iterations))"
    assert "Infinity" not in page.evaluate(f"document.{turns}")
