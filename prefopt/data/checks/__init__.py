"""Check data files and report findings by file and line.

check_files         run every check over a set of files
entry_reader        turn the rows of one file into entries, and report what is wrong with single rows
finding_kinds       severity and wording of each kind of finding
text_checks         faults of one text, the language it is in, and whether it is fit to be shown
text_marks          template markers, HTML and escapes that a program left in a text
label_checks        labels against the taxonomy, reasons against labels
reason_checks       whether a reason supports its label
duplicate_checks    repeated ids, repeated texts, leaks between files, class balance
taxonomy_checks     faults of a taxonomy
token_lengths       rows that exceed the context, counted with the model's tokenizer
training_cost       steps, tokens, memory, hours and price of one SFT run
findings_page       the findings as a page of text or as JSON
korean_details      Korean wording of the details of findings
"""
