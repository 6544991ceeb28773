# mypy: ignore-errors
# (runs in the server's interpreter, whose packages the type checker of this project does not see)
"""The words of every record in one plain column, kept in step by triggers, so that a search reads a third of the bytes and parses no JSON.

A trigram index was tried instead: it finds rare words faster, but costs a push twice as much, finds common words no faster (joining what it
found takes the time), and does not know words of one or two letters, which Korean is full of. Reading all texts of 100,000 records takes a
quarter of a second. Letters are folded as LIKE folds them: ASCII alone.
"""

from __future__ import annotations

import string

from sqlalchemy import and_, column, exists, false, func, literal_column, not_, or_, select, table

SECTION_END, VALUE_END = 0x10FFFE, 0x10FFFF
"""Characters that Unicode reserves for such uses; removed from the texts. A field's section ends with the one, a value with the other."""
MOST_SECTIONS = 5
"""A field after so many others is searched in the JSON: the expression for its section doubles with each."""
LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)

is_ready = False
"""Whether this process's database has the table."""

TABLE = """CREATE TABLE IF NOT EXISTS prefopt_texts (
    id INTEGER PRIMARY KEY,  -- the rowid of the record
    record_id CHAR(32) NOT NULL,
    text TEXT NOT NULL
)"""
VALUES = f"""
    SELECT group_concat(replace(replace(CAST(part.value AS TEXT), char({SECTION_END}), ''), char({VALUE_END}), ''), char({VALUE_END}))
    FROM json_tree(%(row)s.fields, '$."' || field.name || '"') AS part
    WHERE part.type IN ('text', 'integer', 'real') AND coalesce(part.key, '') NOT IN ('role', 'image')"""  # noqa: S608 - constants of this file
SECTIONS = f"""
    SELECT lower(coalesce(({VALUES}), '')) || char({SECTION_END}) AS section
    FROM fields AS field
    WHERE field.dataset_id = %(row)s.dataset_id AND json_extract(field.settings, '$.type') <> 'image'
    ORDER BY field.name"""  # noqa: S608 - constants of this file
ADD = f"""
    INSERT OR REPLACE INTO prefopt_texts (id, record_id, text)
    SELECT %(row)s.rowid, %(row)s.id, coalesce((SELECT group_concat(section, '') FROM ({SECTIONS})), '')"""  # noqa: S608 - constants of this file
TRIGGERS = {
    "prefopt_texts_insert": "AFTER INSERT ON records BEGIN " + ADD % {"row": "new"} + "; END",
    "prefopt_texts_update": "AFTER UPDATE OF fields ON records BEGIN " + ADD % {"row": "new"} + "; END",
    "prefopt_texts_delete": "AFTER DELETE ON records BEGIN DELETE FROM prefopt_texts WHERE id = old.rowid; END",
}
OUT_OF_STEP = """
    SELECT (SELECT count(*) FROM records) <> (SELECT count(*) FROM prefopt_texts) OR EXISTS (
        SELECT 1 FROM records LEFT JOIN prefopt_texts AS texts ON texts.id = records.rowid WHERE texts.record_id IS NOT records.id
    )"""


def prepare(connection) -> bool:
    """Create table and triggers, and fill the table if it does not match the records. Returns whether it was filled.

    Args:
        connection: an sqlite3.Connection in a transaction, after the migrations.
    """
    global is_ready
    connection.execute(TABLE)
    for name, body in TRIGGERS.items():
        connection.execute(f"DROP TRIGGER IF EXISTS {name}")
        connection.execute(f"CREATE TRIGGER {name} {body}")
    (out_of_step,) = connection.execute(OUT_OF_STEP).fetchone()
    if out_of_step:
        connection.execute("DELETE FROM prefopt_texts")
        connection.execute(ADD % {"row": "records"} + " FROM records")
    is_ready = True
    return bool(out_of_step)


def condition(dataset, field: str | None, needles: list[tuple[bool, list[str]]]):
    """Condition: the record's text has all needles; None if only its JSON can tell.

    Args:
        dataset: the dataset, with its fields.
        field: name of the only field to search; None for all that have text.
        needles: for each word, whether it must not occur, and its spellings.
    """
    names = sorted(each.name for each in dataset.fields if not each.is_image)
    if not is_ready or (field is not None and (field not in names or names.index(field) > MOST_SECTIONS)):
        return None
    texts = table("prefopt_texts", column("id"), column("text"))
    text = texts.c.text if field is None else _section(texts.c.text, names.index(field))
    conditions = [texts.c.id == literal_column("records.rowid")]
    for is_unwanted, spellings in needles:
        known = [spelling for spelling in spellings if not has_mark(spelling)]
        occurs = or_(false(), *[func.instr(text, spelling.translate(LOWER)) > 0 for spelling in known])
        conditions.append(not_(occurs) if is_unwanted else occurs)
    return exists(select(literal_column("1")).select_from(texts).where(and_(*conditions)))


def has_mark(needle: str) -> bool:
    """Whether a needle has one of the characters that no text has."""
    return chr(SECTION_END) in needle or chr(VALUE_END) in needle


def _section(text, number: int):
    """The section of the field with this number."""
    for _ in range(number):
        text = func.substr(text, func.instr(text, chr(SECTION_END)) + 1)
    return func.substr(text, 1, func.instr(text, chr(SECTION_END)))
