"""Rebuild the tiny gpt-oss checkpoint that prefopt.model.tiny ships; README.md next to this file says how.

pretrain          command line: tokenizer, pretraining, experts to MXFP4, checkpoint
conversations     Harmony conversations about generated problems and the curriculum
train_tokenizer   byte-level BPE with the Harmony control tokens
probe             command line: a short SFT of a rebuilt checkpoint, and its accuracy on unseen families
"""
