"""What is found in a text by its characters alone.

folded          a text in one spelling of its characters, with a map back to the positions
same_text       the one spelling of a problem that the model reads, and the key of all its spellings
markup          HTML's tags and LaTeX's delimiters and commands in one spelling
numbering       an item's number, its points, and the marks of its choices
personal_data   find and mask personal data in Korean school texts
"""
