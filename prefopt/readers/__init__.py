"""Read any file that people bring: its rows, and the problems in them.

row_reader      rows of a file of any kind, chosen by its ending
options         how a file is read: columns, join, ignore, sheet
column_names    names of columns in any spelling, and what they mean
row_columns     which column of a row holds what
text_file       text in UTF-8, CP949 and UTF-16
table_layout    separator, title and header of a text table
csv_reader      rows of text tables
json_reader     rows of JSON documents and JSON lines
excel_reader    rows of Excel workbooks, and what their sheets say beside the cells
file_signatures what a file is by its content
xlsx_package    parts, texts and styles of .xlsx            xlsx_sheet   a sheet of .xlsx
xls_book        sheets of old .xls                          html_book    tables of HTML that are named .xls
workbook_cells  values of cells, numbers as they are shown  sheet_header where a table begins
sheet_rows      cells of a sheet as rows and findings       workbook_findings  the wording of findings
arrow_reader    rows of Parquet and Arrow files and of datasets saved to disk
exports         rows of Label Studio, doccano, Prodigy and Argilla
problem_rows    rows as problems and back
tables          whole tables, for taxonomies and statements
notes           where commands hear what a reader noticed
"""
