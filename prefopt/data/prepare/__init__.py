"""Make data files from others: split, mask, convert to SFT examples, generate, augment.

split_file        stratified parts without leaks, stable when data is added
mask_file         a copy with personal data masked
sft_examples      labeled problems as Harmony examples
generate_file     generated problems without repeats
augment_file      paraphrases, back-translations and reasons written by a model
rewrite_checks    whether a rewritten problem is still the same problem
chat_client       a chat model behind an OpenAI-compatible server
"""
