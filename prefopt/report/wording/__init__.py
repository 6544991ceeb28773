"""Every Korean and English text of the report; the statistics and the tables hold codes and numbers.

say               a text in both languages
fixed             headings, column names, explanations
figures           the table of numbers: name, value and interval of each figure
names             labels and groups
fitness           fit for use: the first sentence, the goals, what it can be used for, what to do next
confidence        how far its confidence can be trusted, in one way
first_screen      the next round, and the tiles
warnings          what is odd about the labels
sections          the sentences of the sections below
teachers_section  the fixed words of the section on teachers
counted           short texts with a number in them
grounds           the grounds of a decision
"""
