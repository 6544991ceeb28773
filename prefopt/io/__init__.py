"""What touches disk and network.

files            write files atomically
locks            locks between processes
retry            repeat an attempt with growing pauses
stage_folders    the folders and manifests of stages, and files of records
chunks           results in chunks that survive an interruption
row              a row, a fault, and the encoding rule of text files
csv_reader       read CSV files
jsonl_reader     read JSON Lines files of other programs and people
spreadsheet      write CSV files for spreadsheet programs
toml_settings    read TOML settings
openai_server    a client of OpenAI-compatible servers
"""
