"""What touches disk and network.

files              write files atomically
locks              locks between processes
retry              repeat an attempt with growing pauses
hashing            content hashes, cached for large files
stage_folders      the folders and manifests of stages
chunks             results in chunks that survive an interruption
row                a row, a fault, and the encoding rule of text files
jsonl_reader       read JSON Lines files: any object a line
jsonl              read and write files of one type of record
spreadsheet        write CSV files for spreadsheet programs
toml_settings      read TOML settings
renamed_settings   former names of settings
openai_server      a client of OpenAI-compatible servers
"""
