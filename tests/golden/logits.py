#!/usr/bin/env python3
"""Makes `logits.json`: llama.cpp's log-probabilities on small models of random weights, one for each
architecture and each tensor type.

    pip install xllamacpp
    python tests/golden/logits.py

`crates/local-model/src/transformer/tests.rs` writes the models, the same on every run.
"""

import json
import os
import pathlib
import subprocess
import tempfile

import xllamacpp

from llama_cpp import Llama

HERE = pathlib.Path(__file__).parent
WRITER = "cargo test -p local-model --no-default-features --lib files_for_llama_cpp -- --ignored"
VOCABULARY = 257
LENGTHS = [1, 9, 40]
# The token of the letter a.
WHOLE = 1 + ord("a")


def main() -> None:
    prompt = [(1 + 89 * at + at * at) % (VOCABULARY - 1) + 1 for at in range(max(LENGTHS))]
    models = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(WRITER.split(), check=True, env={**os.environ, "TIDEGATE_WRITE_MODELS": folder}, cwd=HERE)
        for path in sorted(pathlib.Path(folder).glob("*.gguf")):
            llama = Llama(path, context=128)
            models[path.stem] = {length: [round(score, 5) for score in llama.scores(prompt[:length], VOCABULARY, WHOLE)] for length in LENGTHS}
            print(path.stem, [(max(scores), min(scores)) for scores in models[path.stem].values()])
    rows = [f'  "{name}": {json.dumps(scores, separators=(",", ":"))}' for name, scores in models.items()]
    text = "{\n" + f' "made_by": "tests/golden/logits.py, xllamacpp {xllamacpp.__version__}, one thread, float caches",\n "prompt": {json.dumps(prompt)},\n "models": {{\n' + ",\n".join(rows) + "\n }\n}\n"
    json.loads(text)
    (HERE / "logits.json").write_text(text)


if __name__ == "__main__":
    main()
