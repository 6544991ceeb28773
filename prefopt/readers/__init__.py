"""Read any file that people bring: its rows, and the problems in them.

row_reader      rows of a file of any kind, chosen by its ending
csv_reader      rows of CSV files
excel_reader    rows of Excel workbooks, and what their sheets say beside the cells
file_signatures what a file is by its content
xlsx_package    parts, texts and styles of .xlsx            xlsx_sheet   a sheet of .xlsx
xls_book        sheets of old .xls                          html_book    tables of HTML that are named .xls
workbook_cells  values of cells, numbers as they are shown  sheet_header where a table begins
sheet_rows      cells of a sheet as rows and findings       workbook_findings  the wording of findings
arrow_reader    rows of Parquet files and of datasets saved to disk
problem_rows    rows as problems and back: column names, lists in cells
"""
