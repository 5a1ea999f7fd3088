#!/usr/bin/env python3
"""Makes the golden files that hold Tidegate's local model against llama.cpp.

    pip install xllamacpp
    python tests/golden/make.py MODEL.gguf

Writes beside itself: `smollm2-135m-instruct-q4_1.json`, greedy ids with the five most likely tokens
of every step; `perplexity-smollm2.json`, the log-probability of every token of `perplexity.txt`; and
`tokenizer-smollm2.json`, token ids of ordinary and of nasty texts.
llama.cpp runs on one thread, greedy, without a prompt cache, so that a second run gives the same.
"""

import hashlib
import json
import math
import pathlib
import random
import sys

import xllamacpp

from llama_cpp import Llama

HERE = pathlib.Path(__file__).parent
STEPS = 32
TOP = 5

# llama.cpp rounds activations to 8 bits. That moves its log-probabilities by 0.1 to 0.2 (root mean
# square, against float activations), so an answer can be held against it only where its own second
# choice is clearly behind. These were chosen by llama.cpp's margins among forty; look at the margins
# that this script prints before changing one.
PROMPTS = {
    # Few tokens, for a software GPU that takes seconds for each.
    "short": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "List the days of the week."}],
    # No system message: the template puts its own.
    "default-system": [{"role": "user", "content": "Count from 1 to 20."}],
    "explain": [{"role": "user", "content": "What is photosynthesis?"}],
    "turns": [
        {"role": "system", "content": "You are a tutor."},
        {"role": "user", "content": "What is a prime number?"},
        {"role": "assistant", "content": "A prime number is a number greater than 1 that has no divisors other than 1 and itself."},
        {"role": "user", "content": "List the first ten prime numbers."},
    ],
    "code": [{"role": "user", "content": "Write a JavaScript function that adds two numbers."}],
}

TEXTS = [
    "", " ", "  ", "\n", "\n\n", " \n ", "\t\tx", "a", " a", "  a", "   a b", "a ", "a  ", "a\n\n  b", "a \n", "\r\n", "a\r\nb",
    "Hello, world!", "hello   world", "I'm you're we'll he'd they've it's don't SHOULDN'T I'M", "'s 'S ''s '", "’s can’t",
    "0", "12", "123", "1234567890", " 42", "3.14159", "1,000,000", "v2.0-rc1", "٣٤٥", "½", "x²", "Ⅷ", "a1b2c3", "7th", "$100", "2024-01-31T23:59:59Z",
    "café", "cafe\u0301", "naïve", "Straße", "ŁÓDŹ", "Привет, мир!", "日本語のテキスト", "中文字符测试", "한국어", "עברית", "العربية", "हिन्दी", "ไทย",
    "🙂", "👩‍👩‍👧‍👦", "🇫🇷", "a🙂b", "😀😀😀", "e\u0301\u0302\u0303", "\u200b", "\u00a0", "a\u00a0b", "\u3000x", "\u2028", "\ufeffx", "\u0085x", "\x00", "\x01\x02", "\x7f",
    "_", "__init__", "snake_case", "camelCase", "fn main() { println!(\"{}\", 1); }", "#include <stdio.h>\n\nint main(void)\n{\n\treturn 0;\n}\n", "a==b!=c<=d", "...", "…", "—", "!!!???", " !", "  !", "@user #tag", "https://example.org/a?b=c&d=%20", "me@example.org",
    "<|im_start|>", "<|im_end|>", "<|im_start|>user\nHi<|im_end|>\n", "<|im_start", "|im_end|>", "<|endoftext|>x", "x<|im_end|>y", "<|im_end|><|im_end|>", "<repo_name>", "<file_sep>a", "<|IM_END|>", "< |im_end|>", "<|im_end|> ", " <|im_end|>",
    "a" * 40, "ab" * 30, "=" * 70, "-" * 5, " " * 33, "\n" * 9, "the " * 12, "Supercalifragilisticexpialidocious", "antidisestablishmentarianism",
]


def nasty(seed: int, count: int) -> list[str]:
    """Texts of pieces that pre-tokenizers disagree about."""
    draw = random.Random(seed)
    pieces = list("abzAZ019 \n\t'.,!-_<|>") + ["  ", " \n", "\r\n", "'s", "'ll", "é", "ß", "ñ", "Я", "日", "本", "한", "ا", "٤", "½", "🙂", "\u0301", "\u200d", "\u00a0", "\u2003", "<|im_end|>", "<|im_start|>", "the", " The", "ing", "12", "345"]
    texts = ["".join(draw.choice(pieces) for _ in range(draw.randint(1, 24))) for _ in range(count // 2)]
    for _ in range(count - len(texts)):
        points = [draw.choice([draw.randint(1, 0x7F), draw.randint(0x80, 0x24FF), draw.randint(0x2500, 0xD7FF), draw.randint(0xE000, 0x1FAFF), draw.randint(0x20000, 0x2FFFF)]) for _ in range(draw.randint(1, 16))]
        texts.append("".join(map(chr, points)))
    return texts


def generation(llama: Llama, messages: list[dict], steps: int) -> dict:
    """The answer to a conversation in the file's own chat template."""
    prompt = llama("/apply-template", {"messages": messages})["prompt"]
    return {"messages": messages, **continuation(llama, prompt, [], steps)}


def continuation(llama: Llama, prompt: str, begin: list[int], steps: int) -> dict:
    """What comes after a text; `begin` are tokens before it."""
    prompt_ids = begin + llama.tokenize(prompt)
    body = {"prompt": prompt_ids, "n_predict": steps, "temperature": 0, "n_probs": TOP, "cache_prompt": False, "return_tokens": True}
    answer = llama("/completion", body)["completion_probabilities"]
    return {
        "prompt": prompt,
        "prompt_ids": prompt_ids,
        "ids": [step["id"] for step in answer],
        "top": [[[top["id"], round(top["logprob"], 5)] for top in step["top_logprobs"]] for step in answer],
    }


def scores(llama: Llama, ids: list[int]) -> list[float]:
    """Log-probability of each token but the first: the server gives that of the token it takes, so
    each is forced upon it in turn, over the cache of those before it."""
    out = []
    for at in range(1, len(ids)):
        body = {"prompt": ids[:at], "n_predict": 1, "n_probs": 1, "cache_prompt": True, "logit_bias": [[ids[at], 1e6]], "temperature": 0}
        step = llama("/completion", body)["completion_probabilities"][0]
        assert step["id"] == ids[at], (at, step)
        out.append(round(step["logprob"], 5))
    return out


def write(name: str, head: dict, lists: dict) -> None:
    """JSON with one row of a list a line, so that a change reads well."""
    text = json.dumps(head, indent=1)[:-2]
    for key, rows in lists.items():
        lines = [json.dumps(row, ensure_ascii=True, separators=(",", ":")) for row in rows]
        text += f',\n "{key}": [\n' + ",\n".join(lines) + "\n ]"
    text += "\n}\n"
    json.loads(text)
    (HERE / name).write_text(text)


def main() -> None:
    model = pathlib.Path(sys.argv[1])
    head = {
        "made_by": f"tests/golden/make.py, xllamacpp {xllamacpp.__version__}, one thread",
        "model": model.name,
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
    }
    llama = Llama(model, context=4096)
    prompts = [{"name": name, **generation(llama, messages, STEPS)} for name, messages in PROMPTS.items()]
    for prompt in prompts:
        margins = sorted(first[1] - second[1] for first, second, *_ in prompt["top"])
        print(prompt["name"], len(prompt["prompt_ids"]), "tokens; smallest margins", [round(margin, 2) for margin in margins[:4]])
    write("smollm2-135m-instruct-q4_1.json", head, {"prompts": prompts})
    ids = llama.tokenize((HERE / "perplexity.txt").read_text())[:2001]
    found = scores(llama, ids)
    print("perplexity of", len(found), "tokens:", math.exp(-sum(found) / len(found)))
    write("perplexity-smollm2.json", head, {"tokens": [list(pair) for pair in zip(ids, [None, *found])]})
    texts = TEXTS + nasty(seed=7, count=160)
    cases = [[text, llama.tokenize(text)] for text in texts]
    write("tokenizer-smollm2.json", head, {"cases": cases})


if __name__ == "__main__":
    main()
