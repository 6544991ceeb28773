"""Read and write problem files: JSON Lines, JSON, CSV, Excel, Parquet, Hugging Face datasets, Argilla records.

row_reader              rows of a file of any kind, chosen by its ending
row_writer              rows to a file of any kind, chosen by its ending
arrow_reader            rows of Parquet files and of datasets saved to disk
excel_reader            rows of CSV files and Excel workbooks
problem_rows            rows as problems and back: column names, lists in cells
argilla_records         problems as the records that Argilla exports and imports
dataset_shapes          conversations and preferences in the formats of OpenAI and TRL
convert_file            one file into another kind or shape
curriculum_statements   add the statements of a curriculum to a taxonomy
"""
