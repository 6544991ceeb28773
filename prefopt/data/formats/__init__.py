"""Write problem files, and convert their rows: JSON Lines, JSON, CSV, Excel, Parquet, Hugging Face datasets, Argilla records.

row_writer              rows to a file of any kind, chosen by its ending
argilla_records         problems as the records that Argilla exports and imports
shapes                  which shape a row has, and its reader and writer
openai_rows             OpenAI's fine-tuning files: chats and preferences
trl_rows                TRL's dataset types
sharegpt_rows           ShareGPT and Alpaca
messages                messages of conversations, read strictly
answers                 answers as texts
problem_turns           problems, pairs and judged answers as messages
repeats                 questions that occur again in a file
shape_faults            faults of rows, in both languages
row_conversion          one row into another shape
convert_file            one file into another kind or shape
equation_scripts        LaTeX for the equation script of HWP files in problems
curriculum_statements   add the statements of a curriculum to a taxonomy
"""
