"""Read any file that people bring: its rows, and the problems in them.

row_reader      rows of a file of any kind, chosen by its ending
csv_reader      rows of CSV files
excel_reader    rows of Excel workbooks
arrow_reader    rows of Parquet files and of datasets saved to disk
problem_rows    rows as problems and back: column names, lists in cells
"""
