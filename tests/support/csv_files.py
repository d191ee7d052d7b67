"""One table of CSV files, and what both readers make of them: the command's and the dashboard's.

The columns that count are `who`, `points` and, if the file has it, `name`.
"""

from typing import NamedTuple

BAD_NUMBER = "it must be an integer from -9007199254740991 to 9007199254740991"
OPEN = "a quote is never closed"
STRAY = "there is a quote in a cell that does not begin with one"
AFTER = "there is text after a closing quote"
LONG = "the row is longer than 131,072 characters"
UTF8 = "the row is not text in UTF-8; save the file as “CSV UTF-8”"
ANN_5, BEA_3 = ("ann", "ann", 5), ("bea", "bea", 3)

Added = tuple[str, str, int]


class File(NamedTuple):
    """A file, and what is read from it."""

    content: bytes
    rows: dict[int, Added] = {}  # by line: the player as in the file, the name, and what is added
    bad: dict[int, str] = {}  # by line: how the reason begins
    refused: str = ""  # what the reason is, if the header cannot be read


def body(text: str, rows: dict[int, Added], bad: dict[int, str] | None = None) -> File:
    """Return a file with these lines below `who,points`."""
    return File(f"who,points\n{text}".encode(), rows, bad or {})


def bad_row(cells: str, reason: str) -> File:
    """Return a file with this row between two that are read."""
    return body(f"ann,5\n{cells}\nbea,3\n", {2: ANN_5, 4: BEA_3}, {3: reason})


def bad_number(text: str) -> File:
    return bad_row(f"cem,{text}", f"“points” is “{text}”; {BAD_NUMBER}")


def bad_header(content: str, reason: str) -> File:
    return File(content.encode(), refused=reason)


TWO_ROWS = {2: ANN_5, 3: BEA_3}
FILES = {
    # What spreadsheets write
    "line ends of Unix": File(b"who,points\nann,5\nbea,3\n", TWO_ROWS),
    "line ends of Windows": File(b"who,points\r\nann,5\r\nbea,3\r\n", TWO_ROWS),
    "line ends of the old Macintosh": File(b"who,points\rann,5\rbea,3\r", TWO_ROWS),
    "line ends that change": File(b"who,points\r\nann,5\rbea,3\n", TWO_ROWS),
    "no line end at the end": File(b"who,points\nann,5\nbea,3", TWO_ROWS),
    "a byte order mark": File(b"\xef\xbb\xbfwho,points\nann,5\nbea,3\n", TWO_ROWS),
    "a mark before quotes": File(b'\xef\xbb\xbf"who",points\nann,5\nbea,3\n', TWO_ROWS),
    "sep=": File(b"sep=;\r\nwho;points\r\nann;5\r\nbea;3\r\n", {3: ANN_5, 4: BEA_3}),
    "sep= after a mark": File(b"\xef\xbb\xbfSep=|\nwho|points\nann|5\n", {3: ANN_5}),
    "sep= in quotes": File(b'"sep=\t"\nwho\tpoints\nann\t5\n', {3: ANN_5}),
    "sep= against the header": File(
        b"sep=,\nwho,points,a;b\nann,5,x\nann;1,5\n",
        {3: ANN_5, 4: ("ann;1", "ann;1", 5)},
    ),
    "semicolons": File(b"who;points\nann;5\nbea;3\n", TWO_ROWS),
    "tabs": File(b"who\tpoints\nann\t5\nbea\t3\n", TWO_ROWS),
    "a semicolon in quotes": File(b'"a;b",who,points\nx,ann,5\n', {2: ANN_5}),
    "semicolons below a header of two lines": File(
        b'"a,\n\nb";who;points\nx;ann;5\n1,5;bea;3\n', {4: ANN_5, 5: BEA_3}
    ),
    "blank lines": File(b"\n\r\nwho,points\n\nann,5\n\n\nbea,3\n\n", {5: ANN_5, 8: BEA_3}),
    "line ends in quotes": File(
        b'who,note,points\nann,"a\r\nb\rc\n\nd",5\nbea,"",3\n', {2: ANN_5, 7: BEA_3}
    ),
    "commas and quotes in quotes": body(
        '"ann","5"\n"B, ""C""",3\n', {2: ANN_5, 3: ('B, "C"', 'B, "C"', 3)}
    ),
    "blanks around cells": File(b" who\t, points\n ann , 5\nbea,\t3 \n", TWO_ROWS),
    "empty cells left out at the end": File(b"who,points,note\nann,5\n", {2: ANN_5}),
    "empty rows of a sheet": body("ann,5\n,\n", {2: ANN_5}, {3: "“who” is missing"}),
    "other columns of one name": File(b"note,who,note,points\nx,ann,y,5\n", {2: ANN_5}),
    "an export": File(
        b"\xef\xbb\xbfwho,name,points\r\n'-abc,'=1+1,-5\r\n'''a,\" x \",0\r\n",
        {2: ("-abc", "=1+1", -5), 3: ("'''a", " x ", 0)},
    ),
    "a name, or none": File(
        b"who,points,name\nann,5,Ann\nbea,3,\ncem,1\n",
        {2: ("ann", "Ann", 5), 3: BEA_3, 4: ("cem", "cem", 1)},
    ),
    # Quotes
    "an open quote": body(
        'ann,5\ncem,"2\nbea,3\n', {2: ANN_5}, {3: f"{OPEN}, so lines 3 to 4 are left out"}
    ),
    "an open quote on the last line": body('ann,5\ncem,"2', {2: ANN_5}, {3: OPEN}),
    "an open quote that another row closes": File(
        b'who,points,note\ncem,2,"x\ndan,1,"y"\nann,5,\n',
        {4: ANN_5},
        {2: f"{AFTER}, so lines 2 to 3 are left out"},
    ),
    "a stray quote": bad_row('"ce"m,2', AFTER),
    "a blank after a closing quote": bad_row('"cem" ,2', AFTER),
    "a quote in a cell without quotes": bad_row('c"e"m,2', STRAY),
    "a blank before a quote": bad_row('cem, "2"', STRAY),
    "a stray quote before an open one": body(
        'c"em,"2\nbea,3\n', {}, {2: f"{OPEN}, so lines 2 to 3 are left out"}
    ),
    # Cells
    "more cells than columns": bad_row("cem,2,1", "there are more cells than columns, 3 for 2"),
    "an empty cell too much": bad_row("cem,2,", "there are more cells than columns, 3 for 2"),
    "another delimiter": bad_row("cem;2", "“points” is missing"),
    "too few cells": bad_row("cem", "“points” is missing"),
    "an empty cell": bad_row('""', "“who” is missing"),
    "a row that is too long": bad_row(f'"{"x" * 131_072}",2', LONG),
    "a row that is as long as may be": File(
        f"who,points,note\nann,5,{'😀' * (131_072 - 6)}\n".encode(), {2: ANN_5}
    ),
    "a row that is one longer": File(
        f"who,points,note\nann,5,{'😀' * (131_072 - 5)}\nbea,3\n".encode(), {3: BEA_3}, {2: LONG}
    ),
    "a row of many lines that is too long": File(
        b'who,points,note\nann,5,"' + 70_000 * b"x\n" + b'"\nbea,3\n',
        {70_003: BEA_3},
        {2: f"{LONG}, so lines 2 to 70002 are left out"},
    ),
    "bytes that are not UTF-8": File(
        b"who,points,note\nann,5,\xe9\nbea,3,\xc3\xa9\ncem,1,\xed\xa0\x80\ndan,1,\xc3",
        {3: BEA_3},
        {2: UTF8, 4: UTF8, 5: UTF8},
    ),
    "a replacement character is text": File("who,points,note\nann,5,\ufffd\n".encode(), {2: ANN_5}),
    "a broken name in a row of two lines": File(
        b'who,points,note\nann,5,"\n\xff"\nbea,3,\n',
        {4: BEA_3},
        {2: f"{UTF8}, so lines 2 to 3 are left out"},
    ),
    "a name of two lines": body(
        '"an\nn",5\nbea,3\n', {4: BEA_3}, {2: "“who” is “an\ufffdn”; it must"}
    ),
    "a name of a zero-width space": bad_row(
        "\u200b,5", "“who” is “\u200b”; it must be text of 1 to 100"
    ),
    "a name of a mark": bad_row("\ufeff,5", "“who” is “\ufeff”; it must be text of 1 to 100"),
    "a name of a filler": bad_row("\u3164,5", "“who” is “\u3164”; it must be text of 1 to 100"),
    "a name of Khitan's filler": bad_row(
        "\U00016fe4,5", "“who” is “\U00016fe4”; it must be text of 1 to 100"
    ),
    "a name that turns text around": bad_row(
        "a\u202eb,5", "“who” is “a\ufffdb”; it must be text of 1"
    ),
    "names with a line separator and joiners": body(
        "a\u2028b,5\n\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645,3\n",
        {
            2: ("a\u2028b", "a\u2028b", 5),
            3: (*("\u0645\u06cc\u200c\u062e\u0648\u0627\u0647\u0645",) * 2, 3),
        },
    ),
    "a name that is too long": bad_row(
        "x" * 101 + ",3", f"“who” is “{'x' * 40}…”; it must be text"
    ),
    "a name for display that is bad": File(
        b"who,points,name\nann,5,\x7f\n", {}, {2: "“name” is “\ufffd”; it must be text of 1 to 100"}
    ),
    # Numbers
    "numbers": body(
        "ann,+5\nann,-0\nann,9007199254740991\nann,-9007199254740991\nann,00000000000000000000005\n"
        'ann," 5 "\n',
        {
            2: ANN_5,
            3: ("ann", "ann", 0),
            4: ("ann", "ann", 2**53 - 1),
            5: ("ann", "ann", 1 - 2**53),
            6: ANN_5,
            7: ANN_5,
        },
    ),
    **{
        f"{text} is no number": bad_number(text)
        for text in [
            "4503599627370497.3",
            "9007199254740992",
            "9007199254740993",
            "-9007199254740992",
            "1e-400",
            "1e3",
            "5.0",
            "5.",
            "0x5",
            "1_000",
            "--5",
            "+",
            "1 000",
            "\u0665",
            "\u22125",
            "NaN",
            "Infinity",
            "true",
            "9" * 30,
        ]
    },
    # Headers
    "an empty file": bad_header("", "the file is empty"),
    "nothing but a mark and blank lines": bad_header("\ufeff\n\r\n", "the file is empty"),
    "sep= and nothing more": bad_header("sep=;\n", "the file is empty"),
    "an open quote in the header": bad_header(
        'who,"points\nann,5\n', f"the header on line 1 cannot be read: {OPEN}, so lines 1 to 2"
    ),
    "a stray quote in the header": bad_header(
        '\nwho,p"oints"\nann,5\n', f"the header on line 2 cannot be read: {STRAY}"
    ),
    "a header that is not UTF-8": File(
        b"who,points,\xe9\nann,5,\n", refused=f"the header on line 1 cannot be read: {UTF8}"
    ),
    "UTF-16": File(
        "who,points\nann,5\n".encode("utf-16"),
        refused=f"the header on line 1 cannot be read: {UTF8}",
    ),
    "sep= and a letter": bad_header(
        "sep=x\nwhoxpoints\n",
        "the header on line 1 cannot be read: after sep= there must be a comma",
    ),
    "sep= and nothing": bad_header(
        "sep=\nwho,points\n",
        "the header on line 1 cannot be read: after sep= there must be a comma",
    ),
    "two columns of one name": bad_header(
        "who,points,points\nann,5,7\n", "there are several columns “points”"
    ),
    "two columns of one name but for blanks": bad_header(
        "who, who,points\nann,bea,7\n", "there are several columns “who”"
    ),
}
