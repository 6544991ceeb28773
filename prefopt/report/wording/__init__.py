"""Every Korean and English text of the report; the statistics and the tables hold codes and numbers.

say               a text in both languages
fixed             headings, column names, explanations
figures           the table of numbers: name, value and interval of each figure
first_screen      the decision and the four tiles
sections          the sentences of the sections below
teachers_section  the fixed words of the section on teachers
counted           short texts with a number in them
grounds           the grounds of a decision
"""
