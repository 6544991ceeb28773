"""Read, check, convert, split and generate data files. Imports no torch.

formats/    read and write files of every supported kind
checks/     find what is wrong with data files
prepare/    make data files from others
"""
