"""Generate Korean mathematics problems with computed answers, one or more families per achievement standard.

problem_generator    draw problems of any standards
families/            the families, one module per part of a grade band
drafting             what a family is made of: Draw (seeded random choices) and Draft (a drawn problem)
near_misses          pairs of problems that differ in one condition and belong to different standards
vocabulary           names, objects and places that problems mention
formulas             numbers, polynomials and units as text
textbook_units       the textbook unit of each standard
"""
