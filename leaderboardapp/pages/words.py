"""What the scripts of pages say. They have keys; the sentences are here, to be translated with all
others (docs/adr/0054). A page hands the ones of its scripts over, in its own language."""

from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

from django.utils.translation import get_language, gettext, ngettext, override
from django.utils.translation import gettext_lazy as _

from leaderboardapp.web.problem_kinds import ProblemKind

# A number of each plural category that any language has for integers (CLDR). A script finds by Intl
# which of them has the category of its own number.
SAMPLES = (0, 1, 2, 3, 5, 11, 100, 10**6)

Words = Mapping[str, Any]  # lazy texts, and what has several: functions that return them


def plural(singular: str, plural: str) -> Callable[[], dict[int, str]]:
    """Return the forms of a sentence about `{count}` things, by the numbers of SAMPLES."""
    return lambda: {number: ngettext(singular, plural, number) for number in SAMPLES}


def translate_kinds() -> dict[str, str]:
    """Return a sentence for each kind of problem, by slug; none in English, as the details are."""
    if get_language() == "en":
        return {}
    return {kind.slug: f"{gettext(kind.title)}." for kind in ProblemKind}


@cache
def translate_words(page: str, language: str) -> Mapping[str, Any]:
    """Return what the page's scripts say, in the language; {} if they say nothing."""
    with override(language):
        words = WORDS.get(page, {}).items()
        return {key: value() if callable(value) else str(value) for key, value in words}


# Titles of seasons; those of windows, too, of which one lasts a day, a week or a month.
SEASON_TITLES = {
    None: _("Season {number}"),
    "day": _("Day {number}"),
    "week": _("Week {number}"),
    "month": _("Month {number}"),
}

BOARD = {
    "connecting": _("Connecting"),
    "live": _("Live"),
    "reconnecting": _("Reconnecting since {time}"),
    "offline": _("No connection since {time}"),
    "reconnecting_as_of": _("Reconnecting. The scores are as of {time}."),
    "live_again": _("Live again."),
    "board_deleted": _("This board was deleted"),
    "window_gone": _("This ranking was turned off"),
    "private_now": _("This board is private now"),
    "link_ended": _("Your link to this board has ended"),
    "link_for_another": _("Your link is for another board"),
    "not_live": _("This board cannot be shown live at the moment. The page goes on trying."),
    "somebody_joined": _("{name} joined"),
    "leads": _("{name} leads with {score}."),
    "has": _("{name} has {score}."),
    "press": _("+1 for {name}"),
    "up": _("up {steps}"),
    "down": _("down {steps}"),
    "join": _("Join"),
    "join_another": _("Join as somebody else"),
    "ends_in": _("{season} ends in {time}"),
    "about_to_end": _("{season} is about to end"),
    "season_over": _("{season} is over"),
    "won": _("{name} won with {score}."),
    "joined_as": _("You joined as {name}."),
    "ranked": _("You are {place}"),
    "ranked_of": _("You are {place} of {of}"),
    "ranked_about": _("You are about {place} of {of}"),
    "before_first_score": _("You are not ranked before your first score"),
    "not_ranked": _("You are not ranked at the moment"),
    "removed": _("You are no longer on this board"),
    # By the categories of ordinal numbers, of which English has these.
    "place_one": _("{number}st"),
    "place_two": _("{number}nd"),
    "place_few": _("{number}rd"),
    "place_other": _("{number}th"),
    "no_answer": _("The server cannot be reached. Try again."),
    "may_not": _("This page may not do that any more. Load it again."),
    "player_gone": _("{name} is no longer on this board."),
    "no_higher": _("{name} cannot go higher: {limit} is the most here."),
    "beyond_limits": _("The score of {name} would be beyond what this board counts."),
    "too_fast": _("That was too fast. Try again in {wait}."),
    "cannot_save": _("Nothing can be saved at the moment. Try again soon."),
    "unknown": _("It is not known whether that counted. Look at the board before you try again."),
    "name_refused": _(
        "That name cannot be used. It takes 1 to 100 characters, some of them visible."
    ),
    "email_refused": _("That is no e-mail address to which anything could be sent."),
    "email_needed": _("This board asks for an e-mail address now. Load the page again."),
    "email_taken": _("Somebody who joined has that e-mail address already."),
    "failed": _("That did not work. Load the page again."),
}

# Of the forms in which boards are made and changed.
FORMS = {
    "must_be": _("Must be {accepted}."),
    "id_rule": _("1 to 64 of the characters A-Z, a-z, 0-9, _ and -"),
    "name_rule": _(
        "text of 1 to 100 characters, not blank, no control characters or overrides of direction"
    ),
    "too_many_writes": _("Too many writes; going on in {seconds} s."),
    "cannot_reach": _("The service cannot be reached."),
    "answered": _("The service answered {status}."),
    "problems": translate_kinds,
}

HOME = {
    **FORMS,
    "token_needed": _("Needed to make a board."),
}

# Of rows of CSV files. domain/csv_rows.py and importer.py say the same in English.
CSV = {
    "integer_rule": _("an integer from {least} to {most}"),
    "object_rule": _("a JSON object"),
    "csv_delimiter": _("after sep= there must be a comma, a semicolon, a tab or a vertical bar"),
    "csv_open": _("a quote is never closed"),
    "csv_stray": _("there is a quote in a cell that does not begin with one"),
    "csv_after": _("there is text after a closing quote"),
    "csv_long": _("the row is longer than {most} characters"),
    "csv_utf8": _("the row is not text in UTF-8; save the file as “CSV UTF-8”"),
    "quoted": _("“{text}”"),
    "same_titles": _("There are several columns {title}. Give each a name of its own."),
    "amounts_too_large": _("the player's amounts add up to too much"),
    "file_empty": _("The file is empty. Its first line must name the columns."),
    "header_fault": _("The header on line {line} cannot be read: {fault}."),
    "many_cells": _("there are more cells than columns, {cells} for {columns}"),
    "column": _("Column {number}"),
    "lines_left_out": _("{fault}, so lines {line} to {last} are left out"),
    "cell_missing": _("{title} is missing"),
    "cell_is": _("{title} is {value}; it must be {accepted}"),
    "other_season": _("The season meant is not running: the board is in season {season}."),
    "beyond_limits": _("the score of {id} must stay from {least} to {most}."),
    "beyond_increments": _(
        "the score of {id} must stay from {least} to {most}, and an increment from {down} to {up}."
    ),
    "with_lines": _("{id} (with {lines})"),
    "more_lines": _("{count} more"),
}

IMPORT = {
    "none_name": _("(the id)"),
    "none_amount": _("(1 for each row)"),
    "none_email": _("(none)"),
    "none_data": _("(none)"),
    "no_rows": _("The file has no rows below its first line, which names the columns."),
    "amount_question": _(
        "“{title}” holds numbers. Are they to be added, or does each row count 1?"
    ),
    "amount_yes": _("Add “{title}”"),
    "head_line": _("Line"),
    "head_name": _("Name"),
    "head_adds": _("Adds"),
    "head_id": _("Id"),
    "head_email": _("Email address"),
    "head_data": _("Data"),
    "file_refused": _("The file cannot be read: {reason}"),
    "rows": plural("{count} row", "{count} rows"),
    "players": plural("{count} player", "{count} players"),
    "reading": _("Reading: {rows}"),
    "already_counted": _("Already counted: {count} of {rows}."),
    "imported": _("Imported: {count} of {rows} added."),
    "imported_created": _("Imported: {count} of {rows} added, {players} created."),
    "not_added": _("Not added: {count}."),
    "some_of": _("{count} of {players}"),
    "cancelled": _("Cancelled."),
    "stopped": _("Stopped: {reason}"),
    "may_continue": _(
        "{count} of {players} done, and perhaps some of the next. To continue counts nobody twice."
    ),
    "fault_line": _("Line {line}: {fault}"),
    "left_out": _("Left out: {fault}."),
    "and_more": _("And {count} more."),
    "exported": _("Exported: {players}."),
}

MANAGE = {
    **FORMS,
    **CSV,
    **IMPORT,
    "not_a_token": _("That is not a token."),
    "dashboard_of": _("{name}: dashboard"),
    "delete_whom": _("Delete {name}?"),
    "delete_board_text": _(
        "The board, its players, their scores and past seasons are erased for good."
    ),
    "delete_board": _("Delete the board"),
    "page": _("Page {number}"),
    "new_score": _("{name}: {score}. Refresh for the new ranks."),
    "has_score": _("{name}: {score}."),
    "state_hidden": _("hidden"),
    "state_rank": _("rank {rank}"),
    "state_none": _("not ranked"),
    "show_again": _("Show again"),
    "hide": _("Hide"),
    "player_saved": _("{name} is saved."),
    "player_hidden": _("{name} is hidden."),
    "player_shown": _("{name} is shown again."),
    "delete_player_text": _("{id} is erased for good, with the score, from past seasons too."),
    "delete": _("Delete"),
    "player_deleted": _("{name} is deleted."),
    "player_added": _("{name} is added."),
    "email_rule": _("an email address"),
    "score_rule": _("a whole number from {least} to {most}"),
    "ranks_off": _("Ranks may be off by up to {bound}."),
    "nobody_found": _("No player has a name or an id that begins with “{text}”."),
    "nobody_hidden_found": _("No hidden player has a name or an id that begins with “{text}”."),
    "nobody_hidden": _("No player is hidden."),
    "nobody_ranked": _("No player is ranked yet."),
    "add_one": _("Add 1 to {name}"),
    "take_one": _("Take 1 from {name}"),
    "edit": _("Edit {name}"),
    "running": _("{season} is running."),
    "running_until": _("{season} is running; it ends on {end}."),
    "running_then": _("{season} is running; it ends on {end}, then on {later}."),
    "season_season": SEASON_TITLES[None],
    "season_day": SEASON_TITLES["day"],
    "season_week": SEASON_TITLES["week"],
    "season_month": SEASON_TITLES["month"],
    "season_ended": _("{season}, ended on {date}"),
    "as_csv": _("{season} as CSV"),
    "as_json": _("{season} as JSON"),
    "nobody_was_ranked": _("Nobody was ranked."),
    "end_season": _("End season {number}"),
    "end_season_title": _("End season {number}?"),
    "end_season_text": _(
        "Season {next} begins, with all scores zero. Season {number} keeps all its players and "
        "scores."
    ),
    "season_has_ended": _("Season {number} has ended."),
    "settings_saved": _("The settings are saved."),
    "erased_windows": _(
        "What counts in {windows}, and its past seasons, are erased for good. The board keeps its "
        "scores."
    ),
    "turn_off_windows": _("Turn off {windows}?"),
    "turn_off": _("Turn off"),
    "of_board": _("The board"),
    "of_day": _("The day"),
    "of_week": _("The week"),
    "of_month": _("The month"),
    "the_day": _("the day"),
    "the_week": _("the week"),
    "the_month": _("the month"),
    "counts_as_well": _("Amounts count in {windows} as well."),
}

REFERENCE = {
    "not_loaded": _("The description could not be loaded. Reload the page to try again."),
    "loading": _("Loading…"),
    "requests": _("Requests"),
    "close": _("Close"),
    "body": _("Body"),
    "example": _("Example"),
    "responses": _("Responses: {id}"),
    "responses_of_server": _("Responses: from the server"),
}

# By the page's template. Pages that are not here have no script that says anything.
WORDS: Mapping[str, Words] = {
    "board": BOARD,
    "home": HOME,
    "manage": MANAGE,
    "reference": REFERENCE,
}
