#!/usr/bin/env python3
"""Makes the golden values that hold Tidegate's reading of tensor types against another one.

    pip install gguf
    python tests/golden/dequantize.py

Writes `dequantize.txt` beside itself: a line for each type, `TYPE HEX VALUE VALUE …`: random bytes
(always the same; scales are ordinary numbers) and what the package `gguf` reads from them.
"""

import pathlib
import random

import gguf
import numpy

HERE = pathlib.Path(__file__).parent

# Name, and where in a block the 16-bit scales and minimums are.
TYPES = {
    "F32": [], "F16": [], "BF16": [],
    "Q8_0": [0], "Q4_0": [0], "Q4_1": [0, 2], "Q5_0": [0], "Q5_1": [0, 2],
    "Q2_K": [80, 82], "Q3_K": [108], "Q4_K": [0, 2], "Q5_K": [0, 2], "Q6_K": [208],
}


def main() -> None:
    draw = random.Random(1)
    lines = []
    for name, halves in TYPES.items():
        kind = gguf.GGMLQuantizationType[name]
        block, size = gguf.GGML_QUANT_SIZES[kind]
        data = b""
        for _ in range(8 if block == 1 else 2 if block == 32 else 1):
            if block == 1:
                value = numpy.array([draw.gauss(0, 1)], numpy.float32)
                word = {"F32": value, "F16": value.astype(numpy.float16), "BF16": (value.view(numpy.uint32) >> 16).astype(numpy.uint16)}
                data += word[name].tobytes()
                continue
            one = bytearray(draw.randbytes(size))
            for at in halves:
                one[at : at + 2] = numpy.array([draw.gauss(0, 0.1)], numpy.float16).tobytes()
            data += one
        values = gguf.dequantize(numpy.frombuffer(data, numpy.uint8), kind).reshape(-1)
        lines.append(" ".join([name, data.hex(), *(f"{value:.9g}" for value in values.tolist())]))
    (HERE / "dequantize.txt").write_text("\n".join(lines) + "\n")


main()
