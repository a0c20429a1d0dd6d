"""BLEU and chrF of tokenized, lower-cased answers against raw references, by sacreBLEU.

    python benchmarks/raw_bleu.py runs/multi30k/answers_test.txt \\
        ../shared/data/translation/multi30k/raw/test_2016_flickr.de.gz --language de

The answers are put together again by Moses's rules (sacremoses), and case is ignored, since they
have none. The last line is JSON.
"""

import argparse
import json
from pathlib import Path

from sacrebleu.metrics import BLEU, CHRF
from sacremoses import MosesDetokenizer

from lmzoo.data.readers.text import read_lines


def main() -> None:
    """Measures one file of answers."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("answers", type=Path)
    parser.add_argument("references", type=Path)
    parser.add_argument("--language", required=True, help="of the answers: de, en, fr")
    args = parser.parse_args()
    detokenizer = MosesDetokenizer(lang=args.language)
    answers = [detokenizer.detokenize(line.split(" ")) for line in read_lines(args.answers)]
    references = list(read_lines(args.references))
    if len(answers) != len(references):
        parser.error(f"{len(answers)} answers and {len(references)} references")
    bleu, chrf = BLEU(lowercase=True), CHRF(lowercase=True)
    found = {
        "bleu": bleu.corpus_score(answers, [references]).score,
        "chrf": chrf.corpus_score(answers, [references]).score,
        "bleu_signature": str(bleu.get_signature()),
        "chrf_signature": str(chrf.get_signature()),
        "answers": len(answers),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
