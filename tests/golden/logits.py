#!/usr/bin/env python3
"""Makes `logits.json`: llama.cpp's log-probabilities on small models of random weights, one for each
architecture and each tensor type.

    pip install xllamacpp gguf numpy
    python tests/golden/logits.py

`crates/local-model/src/transformer/tests.rs` writes the models, the same on every run. llama.cpp leaves
Phi 3's sliding window out, so what should come of that one is computed here.
"""

import json
import os
import pathlib
import subprocess
import tempfile

import gguf
import numpy
import xllamacpp

from llama_cpp import Llama

HERE = pathlib.Path(__file__).parent
WRITER = "cargo test -p local-model --no-default-features --lib files_for_llama_cpp -- --ignored"
VOCABULARY = 257
LENGTHS = [1, 9, 40]
# The token of the letter a.
WHOLE = 1 + ord("a")


def phi3(path: pathlib.Path, prompt: list[int], window: int) -> list[float]:
    """Log-probabilities of all tokens after a prompt, by Phi 3 with a sliding window, in float64."""
    reader = gguf.GGUFReader(path)
    tensors = {tensor.name: tensor.data.astype(numpy.float64) for tensor in reader.tensors}

    def value(key: str):
        return reader.get_field(f"phi3.{key}").contents()

    heads, kv_heads = value("attention.head_count"), value("attention.head_count_kv")
    head_dim, pairs = value("attention.key_length"), value("rope.dimension_count") // 2
    at = numpy.arange(len(prompt))
    angles = at[:, None, None] * value("rope.freq_base") ** (-numpy.arange(pairs) / pairs)
    back = at[:, None] - at[None, :]
    mask = numpy.where((back >= 0) & (back < window), 0, -numpy.inf)

    def norm(x, weight):
        return x / numpy.sqrt((x**2).mean(-1, keepdims=True) + value("attention.layer_norm_rms_epsilon")) * tensors[f"{weight}.weight"]

    def turned(x):
        first, second, rest = x[..., :pairs], x[..., pairs : 2 * pairs], x[..., 2 * pairs :]
        cosine, sine = numpy.cos(angles), numpy.sin(angles)
        return numpy.concatenate([first * cosine - second * sine, first * sine + second * cosine, rest], -1)

    def softmax(x):
        exponential = numpy.exp(x - x.max(-1, keepdims=True))
        return exponential / exponential.sum(-1, keepdims=True)

    x = tensors["token_embd.weight"][prompt]
    for layer in range(value("block_count")):
        blk = f"blk.{layer}."
        qkv = (norm(x, blk + "attn_norm") @ tensors[blk + "attn_qkv.weight"].T).reshape(len(prompt), -1, head_dim)
        q, k, v = numpy.split(qkv, [heads, heads + kv_heads], 1)
        k, v = (numpy.repeat(part, heads // kv_heads, 1) for part in [turned(k), v])
        weights = softmax(numpy.einsum("qhd,khd->hqk", turned(q), k) / head_dim**0.5 + mask)
        x = x + numpy.einsum("hqk,khd->qhd", weights, v).reshape(len(prompt), -1) @ tensors[blk + "attn_output.weight"].T
        gate, up = numpy.split(norm(x, blk + "ffn_norm") @ tensors[blk + "ffn_up.weight"].T, 2, -1)
        x = x + (gate / (1 + numpy.exp(-gate)) * up) @ tensors[blk + "ffn_down.weight"].T
    logits = norm(x[-1], "output_norm") @ tensors["output.weight"].T
    return list(numpy.log(softmax(logits)))


def main() -> None:
    prompt = [(1 + 89 * at + at * at) % (VOCABULARY - 1) + 1 for at in range(max(LENGTHS))]
    models = {}
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(WRITER.split(), check=True, env={**os.environ, "TIDEGATE_WRITE_MODELS": folder}, cwd=HERE)
        for path in sorted(pathlib.Path(folder).glob("*.gguf")):
            llama = Llama(path, context=128)
            scores = {length: llama.scores(prompt[:length], VOCABULARY, WHOLE) for length in LENGTHS}
            if path.stem == "phi3-window":
                # With a window that holds all it is what llama.cpp computes.
                for length in LENGTHS:
                    assert numpy.allclose(phi3(path, prompt[:length], window=length), scores[length], atol=1e-3)
                scores = {length: phi3(path, prompt[:length], window=8) for length in LENGTHS}
            models[path.stem] = {length: [round(score, 5) for score in scores[length]] for length in LENGTHS}
            print(path.stem, [(max(scores), min(scores)) for scores in models[path.stem].values()])
    rows = [f'  "{name}": {json.dumps(scores, separators=(",", ":"))}' for name, scores in models.items()]
    text = "{\n" + f' "made_by": "tests/golden/logits.py, xllamacpp {xllamacpp.__version__}, one thread, float caches",\n "prompt": {json.dumps(prompt)},\n "models": {{\n' + ",\n".join(rows) + "\n }\n}\n"
    json.loads(text)
    (HERE / "logits.json").write_text(text)


if __name__ == "__main__":
    main()
