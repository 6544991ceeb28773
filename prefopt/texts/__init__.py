"""What is found in a text by its characters alone.

folded          a text in one spelling of its characters, with a map back to the positions
same_text       the one spelling of a problem that the model reads, and the key of all its spellings
markup          HTML's tags and LaTeX's delimiters and commands in one spelling
numbering       an item's number, its points, and the marks of its choices
lost_formulas   whether a problem lost its formulas when it was exported
particle_holes  Korean particles and units with nothing before them
hwp_equations   equation script of HWP files in a text, and its LaTeX; hwp_parser and hwp_words for one script
mojibake        characters read in a wrong encoding, and what was meant
josa            particles that agree with the sound before them
figures         whether a text points to a figure, graph or table that it does not hold
personal_data   find and mask personal data in Korean school texts, by the rules of personal_numbers and personal_names
"""
