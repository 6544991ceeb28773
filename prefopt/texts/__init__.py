"""What is found in a text by its characters alone.

folded          a text in one spelling of its characters, with a map back to the positions
same_text       the one spelling of a problem that the model reads, and the key of all its spellings
personal_data   find and mask personal data in Korean school texts, by the rules of personal_numbers and personal_names
"""
