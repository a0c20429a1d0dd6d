"""The trainings and measurements whose figures README quotes: commands, and what was asked.

`quality.py` runs them and writes their records.
"""

from dataclasses import dataclass

# Its encoder tells the words of a context apart where an LSTM's long stands still.
BABI_TRANSFORMER = (
    "--model transformer_seq2seq --set num_layers=2 optimizer.learning_rate=0.002 tokens_per_batch=4096 "
    "dropout="
)
BABI_LSTM = "--model lstm_seq2seq --set embed_dim=128 hidden_dim=128 dropout=0 "
# As wide as that of Tai et al. 2015.
LSTM_OF_SENTENCES = (
    "--model lstm_classifier --set bidirectional=True pooling=max dropout=0.5 embed_dim=300 "
    "hidden_dim=168 optimizer.learning_rate=2e-3 "
)
LLAMA = (
    "--model llama_lm --set num_heads=4 activation=relu2 qk_norm=True optimizer=muon "
    "optimizer.adam_lr_ratio=0.5 optimizer.weight_decay=0.1 optimizer.clipnorm=None "
    '\'optimizer.exclude_layers=["embedding","head"]\' optimizer.learning_rate=1e-2 '
)
LSTM = (
    "--model lstm_lm --set num_layers=1 embed_dim=192 hidden_dim=384 sequence_length=128 "
    "optimizer.learning_rate=6e-3 optimizer.beta_2=0.99 "
)
SUMMARY = (
    "train seq2seq --set copy=True num_layers=2 dropout=0.3 loss.label_smoothing=0 "
    "max_source_length=512 tokenizer=unigram vocab_size=8000 "
)
TRAIN = "-m lmzoo train"


@dataclass(frozen=True)
class Run:
    """One command: `{data}` is the folder of the data sets, `{out}` where it writes.

    With `peers` it runs in the peers' environment (see README.md).
    """

    command: str
    goal: str
    files: tuple[str, ...] = ()
    peers: bool = False


RUNS = {
    "lstm_grammar": Run(
        "examples/train_lstm_lm.py --out {out}",
        "README's first command: within 5 % of the floor per word, 95 % of 1,000 samples parse, "
        "under 4 minutes",
    ),
    "gpt2_char": Run(
        "examples/train_gpt2_lm.py --data {data}/lm_char/input.txt.gz --tokenizer char --out {out}",
        "1.88 nats per character or less (nanoGPT's README, CPU configuration) in 110 s",
        ("lm_char/input.txt.gz",),
    ),
    "lstm_char": Run(
        f"{TRAIN} lm {LSTM} dropout=0 --data {{data}}/lm_char/input.txt.gz --tokenizer char "
        "--minutes 4.5 --out {out}",
        "1.60 nats per character or less within 30 minutes",
        ("lm_char/input.txt.gz",),
    ),
    "nanogpt_char": Run(
        "benchmarks/reference/nanogpt.py {data}/lm_char/input.txt.gz",
        "what the next is held against: nanoGPT's CPU configuration, 2,000 steps in PyTorch",
        ("lm_char/input.txt.gz",),
        peers=True,
    ),
    "race_char": Run(
        "examples/train_llama_lm.py --data {data}/lm_char/input.txt.gz --tokenizer char "
        "--minutes 0.25 --out {out}",
        "the loss of nanogpt_char in a quarter of its time, compilation counted",
        ("lm_char/input.txt.gz",),
    ),
    "hour_char": Run(
        f"{TRAIN} lm {LLAMA} embed_dim=256 hidden_dim=1024 num_layers=5 dropout=0.25 "
        "sequence_length=256 batch_size=16 --data {data}/lm_char/input.txt.gz --tokenizer char "
        "--minutes 58.5 --out {out}",
        "1.4697 nats per character or less (nanoGPT's README: 10.7 M parameters on an A100) within "
        "60 minutes",
        ("lm_char/input.txt.gz",),
    ),
    "songci_5gram": Run(
        "benchmarks/reference/kneser_ney.py {data}/chinese/songci_lm/train.txt.gz "
        "{data}/chinese/songci_lm/valid.txt --documents paragraph --order 5",
        "the 5-gram that the LSTM is held against",
        ("chinese/songci_lm/train.txt.gz", "chinese/songci_lm/valid.txt"),
    ),
    "songci_lstm": Run(
        f"{TRAIN} lm {LSTM} dropout=0.3 batch_size=40 documents=paragraph layout=padded "
        "--data {data}/chinese/songci_lm --tokenizer char --minutes 12 --out {out}",
        "bits per character below those of the 5-gram (songci_5gram)",
        ("chinese/songci_lm/train.txt.gz", "chinese/songci_lm/valid.txt"),
    ),
    "compare_wikitext2": Run(
        "-m lmzoo compare --data {data}/lm_word --tokenizer whitespace --minutes 8 --out {out}",
        "a leaderboard and a figure: LSTM, GRU, CNN, GPT-2, Llama, 8 minutes each",
        ("lm_word/train.txt.gz", "lm_word/valid.txt.gz"),
    ),
    "word_language_model": Run(
        "benchmarks/reference/word_language_model.py {data}/lm_word --minutes 20",
        "what the next is held against: PyTorch's word_language_model recipe, 20 minutes",
        ("lm_word/train.txt.gz", "lm_word/valid.txt.gz"),
        peers=True,
    ),
    "wikitext2": Run(
        f"{TRAIN} lm {LLAMA} embed_dim=192 hidden_dim=768 num_layers=3 dropout=0.2 batch_size=32 "
        "'adaptive_cutoffs=[2000, 10000]' --data {data}/lm_word --tokenizer whitespace "
        "--minutes 19 --out {out}",
        "a validation perplexity 20 % or more below word_language_model's after as many minutes",
        ("lm_word/train.txt.gz", "lm_word/valid.txt.gz"),
    ),
    "translate_grammar": Run(
        "examples/translate.py --out {out}",
        "grammar, English to Chinese: above 99 BLEU within 5 minutes",
    ),
    "summarize_grammar": Run(
        "examples/summarize.py --out {out}",
        "headlines of the grammar: ROUGE beside that of the first sentence, within 5 minutes",
    ),
    "summarize_grammar_no_copy": Run(
        "examples/summarize.py --no-copy --out {out}",
        "the same without copying",
    ),
    "chat_grammar": Run(
        "examples/chat.py --out {out}",
        "dialogues of the grammar: share of replies that are right, within 5 minutes",
    ),
    "multi30k": Run(
        f"{TRAIN} seq2seq --set num_layers=4 dropout=0.3 optimizer.learning_rate=0.005 "
        "tokens_per_batch=4096 r_drop=2 'joiner=@@ ' 'columns=[\"en\", \"de\"]' --data "
        "{data}/translation/multi30k/wu2021_bpe/en-de.* --tokenizer whitespace --minutes 110 "
        "--out {out}",
        "English to German, test2016: 41.0 BLEU or more (Wu et al. 2021, Transformer-Tiny: 41.02), "
        "150 minutes in all",
        ("translation/multi30k/wu2021_bpe/en-de.train.en.gz",),
    ),
    "multi30k_lstm": Run(
        f"{TRAIN} seq2seq --model lstm_seq2seq --set embed_dim=256 hidden_dim=256 num_layers=1 "
        "dropout=0.4 'joiner=@@ ' 'columns=[\"de\", \"en\"]' --data "
        "{data}/translation/multi30k/wu2021_bpe/en-de.* --tokenizer whitespace --minutes 20 "
        "--out {out}",
        "German to English, test2016: above 28.11 BLEU (an attention GRU, bentrevett's notebooks)",
        ("translation/multi30k/wu2021_bpe/en-de.train.en.gz",),
    ),
    "tatoeba": Run(
        f"{TRAIN} seq2seq --set vocab_size=8000 embed_dim=256 hidden_dim=512 num_layers=3 "
        "dropout=0.3 --data {data}/translation/tatoeba_en_zh --tokenizer unigram --minutes 20 "
        "--out {out}",
        "English to Chinese, validation: BLEU, recorded",
        ("translation/tatoeba_en_zh/train.tsv.gz",),
    ),
    "scitldr": Run(
        f"-m lmzoo {SUMMARY} --data {{data}}/summarisation/scitldr_a --minutes 15 --out {{out}}",
        "ROUGE beside the first sentence's, recorded",
        ("summarisation/scitldr_a/train.jsonl.gz",),
    ),
    **{
        f"wiki_split{name}": Run(
            f"-m lmzoo {SUMMARY} max_length=128 {copy} --data {{data}}/summarisation/wiki_split "
            "--minutes 6 --out {out}",
            "WikiSplit, 5,000 pairs to train on: ROUGE beside the first sentence's, recorded",
            ("summarisation/wiki_split/tune.tsv.gz",),
        )
        for name, copy in (("", ""), ("_no_copy", "copy=False loss.label_smoothing=0.1"))
    },
    **{
        f"babi_{task}": Run(
            f"{TRAIN} dialogue {model} copy=True num_beams=1 --data "
            f"{{data}}/dialogue/dialog_babi/dialog-babi-task{task}[dt]* --tokenizer whitespace "
            f"--minutes {minutes} --out {{out}}",
            f"dialog bAbI, task {task}: {accuracy} % of replies or more",
        )
        for task, model, minutes, accuracy in (
            (1, BABI_LSTM, 5, 100),
            (2, f"{BABI_TRANSFORMER}0.1 ", 4, 100),
            (3, f"{BABI_TRANSFORMER}0.1 ", 12, 74.8),
            (4, f"{BABI_TRANSFORMER}0.1 ", 5, 57.2),
            (5, f"{BABI_TRANSFORMER}0.1 ", 14, 98.8),
        )
    },
    "grammar_sentiment": Run(
        f"{TRAIN} classifier --minutes 1 --seeds 3 --out {{out}}",
        "grammar, sentiment: within 1 % of the best, 100 %, in under 2 minutes a seed",
    ),
    "grammar_topic": Run(
        f"{TRAIN} classifier --data grammar:topic --minutes 1 --seeds 3 --out {{out}}",
        "grammar, topics: within 1 % of the best, 100 %, in under 2 minutes a seed",
    ),
    "grammar_entities": Run(
        f"{TRAIN} tagger --set grammar_size=5000 --minutes 1 --seeds 3 --out {{out}}",
        "entities of the grammar's texts: span F1 within 1 % of the best, 100, in under 2 minutes "
        "a seed",
    ),
    "sst2_cnn": Run(
        f"{TRAIN} classifier --set 'format=binary trees' embed_dim=300 batch_size=64 "
        "--data {data}/sentiment/sst/trees --epochs 3 --seeds 3 --out {out}",
        "SST-2, trained on phrases, no vectors, test: 82.7 or more (Kim 2014, CNN-rand)",
        ("sentiment/sst/trees/train.txt.gz",),
    ),
    "sst2_bilstm": Run(
        f"{TRAIN} classifier {LSTM_OF_SENTENCES} 'format=binary trees' word_dropout=0.1 "
        "batch_size=64 --data {data}/sentiment/sst/trees --epochs 2 --seeds 3 --out {out}",
        "SST-2, trained on phrases, test: 84.9 (Tai et al. 2015, LSTM, with GloVe; here without)",
        ("sentiment/sst/trees/train.txt.gz",),
    ),
    **{
        name: Run(
            f"{TRAIN} classifier {more} --set format=files word_dropout=0.3 --folds 10 "
            f"--data {{data}}/sentiment/{name} --out {{out}}",
            f"10-fold cross-validation: {accuracy} or more (Kim 2014, CNN-rand)",
        )
        for name, accuracy, more in (
            ("mr", 76.1, f"{LSTM_OF_SENTENCES} --epochs 5"),
            ("subj", 89.6, "--epochs 6"),
        )
    },
    "trec": Run(
        f"{TRAIN} classifier --set 'format=coarse label first' embed_dim=300 word_dropout=0.1 "
        "--data {data}/topic/trec/TREC.*[nt] --epochs 15 --seeds 3 --out {out}",
        "TREC, six classes, test: 91.2 or more (Kim 2014, CNN-rand)",
        ("topic/trec/TREC.train",),
    ),
    "clinc150": Run(
        f"{TRAIN} classifier --set embed_dim=200 filters=200 'widths=[1, 2, 3]' word_dropout=0.1 "
        "optimizer.learning_rate=2e-3 out_of_scope=oos threshold=0.3 --data "
        "{data}/topic/clinc150/data_full_train_val.json.gz --epochs 18 --seeds 3 --out {out}",
        "validation: above 91.2 in scope with a recall above 18.9 out of scope (Larson et al. "
        "2019, CNN, on the test set), at the same threshold",
        ("topic/clinc150/data_full_train_val.json.gz",),
    ),
    "snips": Run(
        f"{TRAIN} tagger --model lstm_intent_tagger --set embed_dim=100 hidden_dim=200 dropout=0.5 "
        "rare_word_dropout=0.5 optimizer.learning_rate=2e-3 --data {data}/tagging/snips "
        "--epochs 16 --seeds 3 --out {out}",
        "test: intents 97.0, slot F1 88.8 or more (Goo et al. 2018), aim 97.0 slot F1",
    ),
    "ud_ewt": Run(
        f"{TRAIN} tagger --set dropout=0.4 rare_word_dropout=0.3 --data {{data}}/tagging/ud_ewt "
        "--epochs 6 --seeds 3 --out {out}",
        "UPOS, test: 94.4 or more (UDPipe 1), aim 95.4",
        ("tagging/ud_ewt/en_ewt-ud-train.conllu.gz",),
    ),
    "wnut17": Run(
        f"{TRAIN} tagger --set dropout=0.5 rare_word_dropout=0.8 word_dropout=0.1 batch_size=16 "
        "--data {data}/tagging/wnut17 --epochs 12 --seeds 3 --out {out}",
        "entity F1, test, beside the frequency baseline (shared task's best, with outside data: "
        "41.86)",
        ("tagging/wnut17/train.conll",),
    ),
    "weibo_ner": Run(
        f"{TRAIN} tagger --set embed_dim=200 hidden_dim=300 dropout=0.5 rare_word_dropout=0.5 "
        "word_dropout=0.2 batch_size=16 --data {data}/chinese/weibo_ner --epochs 20 --seeds 3 "
        "--out {out}",
        "entity F1, test: 48 or more, aim 58; the digits behind the characters, their places in "
        "words, are read as letters",
        ("chinese/weibo_ner/weiboNER_2nd_conll.train",),
    ),
    "imbalance": Run(
        "benchmarks/imbalance.py {data}",
        "macro F1 of class weights and of focal loss above that of the plain loss, for classes "
        "1:50 and for tags",
    ),
    "crf_step": Run(
        "benchmarks/crf_step.py",
        "a training step with a CRF: at least as fast as a plain CRF in PyTorch",
    ),
    "vectors_memory": Run(
        "benchmarks/vectors_memory.py --gigabytes 5",
        "a file of 5 GB read into an embedding under 500 MB of memory",
    ),
    "proof_beam_sources": Run(
        "-m pytest -v tests/generation/test_beam_sources.py",
        "beam search equals an exhaustive search for 100 random models of two texts; batches equal "
        "single sources",
    ),
    "proof_text_metrics": Run(
        "-m pytest -v tests/metrics/test_text.py",
        "BLEU, chrF and ROUGE equal sacreBLEU and rouge-score on 1,000 random pairs",
    ),
    "lazy_adam": Run(
        "benchmarks/lazy_adam.py {data}/lm_word",
        "the effect of lazy updates of an embedding on the loss, shown",
        ("lm_word/train.txt.gz", "lm_word/valid.txt.gz"),
    ),
    "growth": Run(
        "benchmarks/growth.py --out {out}",
        "step time and memory over length, vocabulary and batch: no super-linear surprise but "
        "attention's own",
    ),
    "speed_layers": Run(
        "benchmarks/speed.py --only lstm_layer --json {out}/speed.json",
        "ratios beside peers: `python benchmarks/speed.py --list`",
    ),
    "speed_training": Run(
        "benchmarks/speed.py --only lstm_lm gpt_4x128 --json {out}/speed.json",
        "ratios beside peers: `python benchmarks/speed.py --list`",
    ),
    "speed_training_large": Run(
        "benchmarks/speed.py --only gpt_6x384 --json {out}/speed.json",
        "ratios beside peers: `python benchmarks/speed.py --list`",
    ),
    "speed_generation": Run(
        "benchmarks/speed.py --only generate --json {out}/speed.json",
        "ratios beside peers: `python benchmarks/speed.py --list`",
    ),
    "speed_rest": Run(
        "benchmarks/speed.py --only pipeline startup --json {out}/speed.json",
        "ratios beside peers: `python benchmarks/speed.py --list`",
    ),
    "proof_steps": Run(
        "benchmarks/proofs.py steps",
        "step equals call to 1e-4 (bfloat16: 3e-2 of the largest logit) and greedy generate equals "
        "full recomputation on 100 prompts, every language model, TensorFlow and JAX",
    ),
    "proof_perplexity": Run(
        "benchmarks/proofs.py perplexity", "Perplexity equals float64 NumPy to 1e-5"
    ),
    "proof_overlap": Run(
        "benchmarks/proofs.py overlap",
        "10^9 distinct sentences; under 1 % of validation documents seen in training",
    ),
    "proof_memory": Run(
        "benchmarks/proofs.py memory", "a text file of 2 GB: under 1 GB of memory for the pipeline"
    ),
}
