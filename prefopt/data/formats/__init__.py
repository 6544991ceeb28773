"""Write problem files, and convert their rows: JSON Lines, JSON, CSV, Excel, Parquet, Hugging Face datasets, Argilla records.

row_writer              rows to a file of any kind, chosen by its ending
argilla_records         problems as the records that Argilla exports and imports
dataset_shapes          conversations and preferences in the formats of OpenAI and TRL
convert_file            one file into another kind or shape
equation_scripts        LaTeX for the equation script of HWP files in problems
curriculum_statements   add the statements of a curriculum to a taxonomy
"""
