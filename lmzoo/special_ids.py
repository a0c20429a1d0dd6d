"""The ids that mean the same in every tokenizer and every batch."""

PAD_ID = 0
UNK_ID = 1
BOS_ID = 2
EOS_ID = 3
