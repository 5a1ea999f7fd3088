#!/usr/bin/env python3
"""Makes `tokenizers.json`: small made-up vocabularies, nasty texts, and llama.cpp's token ids for them.

    pip install xllamacpp gguf numpy
    python tests/golden/tokenizers.py

The merges of the byte-pair vocabulary come from these texts and reach over everything, so that each
end of a word that a pre-tokenizer sees, or fails to see, shows in the ids.
"""

import collections
import json
import pathlib
import random
import tempfile

import gguf
import numpy
import xllamacpp

from llama_cpp import Llama

HERE = pathlib.Path(__file__).parent
NORMAL, UNKNOWN, CONTROL, USER_DEFINED, BYTE = 1, 2, 3, 4, 6
PRE = ["default", "gpt-2", "smollm", "llama-bpe", "qwen2", "dbrx"]

TEXTS = [
    "", " ", "  ", "\n", "\n\n", " \n ", "\t\tx", "a", " a", "  a", "   a b", "a ", "a  ", "a\n\n  b", "a \n", "\r\n", "a\r\nb", "a \r\n \n b", "\n a", " \n\n\na", "!\n\n x", "?!\r\n", " .\n",
    "Hello, world!", "hello   world", "I'm you're we'll he'd they've it's don't SHOULDN'T I'M WE'LL You'Ve", "'s 'S ''s '", "'sx 'llama 'Rex", "’s can’t", "'ſ 'K",
    "0", "12", "123", "1234", "12345", "1234567890", " 42", "3.14159", "1,000,000", "v2.0-rc1", "٣٤٥", "٣٤٥12345", "12٣456", "½", "x²", "Ⅷ", "a1b2c3", "7th", "$100", "2024-01-31T23:59:59Z", "一二三", "①②③④", " ½1",
    "café", "cafe\u0301", "naïve", "Straße", "ŁÓDŹ", "Привет, мир!", "日本語のテキスト", "中文字符测试", "한국어", "עברית", "العربية", "हिन्दी", "ไทย", "ªº", "ʰ", "Ǆ",
    "🙂", "👩‍👩‍👧‍👦", "🇫🇷", "a🙂b", "😀😀😀", "e\u0301\u0302\u0303", "\u200b", "\u00a0", "a\u00a0b", "\u3000x", "\u2028", "\ufeffx", "\u0085x", "\x01\x02", "\x7f", "\u180e", "\u202f1", "\u1680 x",
    "_", "__init__", "snake_case", "camelCase", "fn main() { println!(\"{}\", 1); }", "#include <stdio.h>\n\nint main(void)\n{\n\treturn 0;\n}\n", "a==b!=c<=d", "...", "…", "—", "!!!???", " !", "  !", "a`b`", "``` x", "~^|<>$+=", "@user #tag", "https://example.org/a?b=c&d=%20", "me@example.org", "«x»", "„y“", "§ 5", "€5 £6", "∑∫", "´`¨",
    "<|im_start|>", "<|im_end|>", "<|im_start|>user\nHi<|im_end|>\n", "<|im_start", "|im_end|>", "x<|im_end|>y", "<|im_end|><|im_end|>", "<|IM_END|>", "< |im_end|>", "<|im_end|> ", " <|im_end|>", "<|im_end|> \n\t x", "<|im_end|>\u00a0x", "<s>", "<s> a", "a<s>b", "</s> a", "<|endoftext|> a", "<unk>", "a <unk> b", "<tool>", "x<tool> y</tool>", "<|im_<tool>end|>", "<<tool>>", "\n\n\n\n\n\n\n", "a\n\n\nb",
    "▁", "▁▁a", "a▁b", " ▁ ", "<0x41>", "<0x0A>x", "a<0xFF>",
    "a" * 40, "ab" * 30, "=" * 70, "-" * 5, " " * 33, "\n" * 9, "the " * 12, "Supercalifragilisticexpialidocious", "antidisestablishmentarianism",
]


def nasty(seed: int, count: int) -> list[str]:
    """Texts of pieces that pre-tokenizers disagree about."""
    draw = random.Random(seed)
    pieces = list("abzAZ019 \n\t'.,!-_<|>") + ["  ", " \n", "\r\n", "'s", "'ll", "'RE", "é", "ß", "ñ", "Я", "日", "本", "한", "ا", "٤", "½", "🙂", "\u0301", "\u200d", "\u00a0", "\u2003", "<|im_end|>", "<|im_start|>", "<s>", "<tool>", "the", " The", "ing", "12", "345", "▁"]
    texts = ["".join(draw.choice(pieces) for _ in range(draw.randint(1, 24))) for _ in range(count // 2)]
    for _ in range(count - len(texts)):
        # No code point beyond the ninth version of Unicode: tables differ in the newest ones.
        points = [draw.choice([draw.randint(1, 0x7F), draw.randint(0xA0, 0x24F), draw.randint(0x370, 0x52F), draw.randint(0x900, 0xDFF), draw.randint(0x1E00, 0x24FF), draw.randint(0x2500, 0x27BF), draw.randint(0x3041, 0x9FA5), draw.randint(0xAC00, 0xD7A3), draw.randint(0x1F300, 0x1F5FF), draw.randint(0x20000, 0x2A6D6)]) for _ in range(draw.randint(1, 16))]
        texts.append("".join(map(chr, points)))
    return texts


def printable() -> dict[int, str]:
    """GPT-2's characters for bytes."""
    themselves = [*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)]
    others = [byte for byte in range(256) if byte not in themselves]
    return {byte: chr(byte) for byte in themselves} | {byte: chr(256 + at) for at, byte in enumerate(others)}


def byte_pairs(texts: list[str], count: int) -> dict:
    """Merges by frequency, over word ends too; some are never reached, as a real list's."""
    spell = printable()
    special = {"<|im_start|>": CONTROL, "<|im_end|>": CONTROL, "<s>": CONTROL, "<tool>": USER_DEFINED, "\n\n\n": USER_DEFINED}
    words = [[spell[byte] for byte in text.encode()] for text in texts]
    merges = []
    while len(merges) < count:
        pairs = collections.Counter((left, right) for word in words for left, right in zip(word, word[1:]) if left + right not in special)
        left, right = max(pairs, key=lambda pair: (pairs[pair], pair))
        merges.append((left, right))
        for word in words:
            at = 0
            while at + 1 < len(word):
                if (word[at], word[at + 1]) == (left, right):
                    word[at : at + 2] = [left + right]
                at += 1
    # Whole words that no merge makes: only a vocabulary that takes words as they are has them.
    whole = ["whole", "Ġwhole", "worlds"]
    tokens = list(dict.fromkeys([*spell.values(), *(left + right for left, right in merges), *whole, *special]))
    types = [special.get(token, NORMAL) for token in tokens]
    return {"model": "gpt2", "tokens": tokens, "types": types, "merges": [f"{left} {right}" for left, right in merges]}


def pieces(texts: list[str], count: int) -> dict:
    """Frequent stretches with scores, some of them equal; characters, bytes, special tokens."""
    found = collections.Counter()
    for text in texts:
        text = "▁" + text.replace(" ", "▁")
        found.update(text[start : start + length] for start in range(len(text)) for length in range(2, 6) if start + length <= len(text))
    special = {"<unk>": UNKNOWN, "<s>": CONTROL, "</s>": CONTROL, "<|endoftext|>": CONTROL, "<|im_start|>": CONTROL, "<|im_end|>": CONTROL, "<tool>": USER_DEFINED, "\n\n": USER_DEFINED, "\n\n\n": USER_DEFINED, "  ": USER_DEFINED, "   ": USER_DEFINED}
    usual = [piece for piece, _ in sorted(found.items(), key=lambda item: (-item[1], item[0])) if piece not in special and not piece.startswith(("<|im", "<0x"))][:count]
    characters = sorted({character for text in texts for character in text if ord(character) < 0x3000} | {"▁"} - {"\n", " "})
    tokens = list(special) + [f"<0x{byte:02X}>" for byte in range(256)] + usual + characters
    types = list(special.values()) + [BYTE] * 256 + [NORMAL] * (len(usual) + len(characters))
    scores = [0.0] * (len(special) + 256) + [-float(rank // 3) for rank in range(len(usual))] + [-1000.0 - at for at in range(len(characters))]
    return {"model": "llama", "tokens": tokens, "types": types, "scores": scores}


def write(path: pathlib.Path, vocabulary: dict, name: str, pre: str, add_space: bool) -> None:
    """The vocabulary with the smallest model that llama.cpp loads."""
    width = 32
    writer = gguf.GGUFWriter(str(path), "llama")
    writer.add_name(name)
    writer.add_block_count(1)
    writer.add_context_length(4096)
    writer.add_embedding_length(width)
    writer.add_feed_forward_length(width)
    writer.add_head_count(1)
    writer.add_layer_norm_rms_eps(1e-5)
    writer.add_tokenizer_model(vocabulary["model"])
    writer.add_tokenizer_pre(pre)
    writer.add_token_list(vocabulary["tokens"])
    writer.add_token_types(vocabulary["types"])
    if "merges" in vocabulary:
        writer.add_token_merges(vocabulary["merges"])
    else:
        writer.add_token_scores(vocabulary["scores"])
        writer.add_add_space_prefix(add_space)
        writer.add_unk_token_id(0)
    writer.add_bos_token_id(vocabulary["tokens"].index("<s>"))
    writer.add_eos_token_id(vocabulary["tokens"].index("<|im_end|>"))
    draw = numpy.random.default_rng(1)
    shapes = {"token_embd": (len(vocabulary["tokens"]), width), "output_norm": (width,), "blk.0.attn_norm": (width,), "blk.0.ffn_norm": (width,)}
    shapes |= {f"blk.0.{part}": (width, width) for part in ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"]}
    for part, shape in shapes.items():
        writer.add_tensor(f"{part}.weight", draw.standard_normal(shape, dtype=numpy.float32))
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


def all_texts() -> list[str]:
    return TEXTS + nasty(seed=7, count=200)


def main() -> None:
    texts = all_texts() + ["the whole world", "whole", " whole worlds", "worlds wholes"]
    vocabularies = {"pairs": byte_pairs(texts, 420), "pieces": pieces(texts, 500)}
    variants = [("pairs", "Made up", pre, True) for pre in PRE]
    variants += [("pieces", "Made up", "default", True), ("pieces", "Made up", "default", False), ("pieces", "Phi-3 made up", "default", True)]
    out = []
    with tempfile.TemporaryDirectory() as folder:
        for vocabulary, name, pre, add_space in variants:
            path = pathlib.Path(folder) / f"{len(out)}.gguf"
            write(path, vocabularies[vocabulary], name, pre, add_space)
            llama = Llama(path)
            ids = [llama.tokenize(text) for text in texts]
            out.append({"vocabulary": vocabulary, "name": name, "pre": pre, "add_space": add_space, "ids": ids})
            print(vocabulary, name, pre, add_space, sum(map(len, ids)), "tokens")
    compact = {"ensure_ascii": True, "separators": (",", ":")}
    lines = [f' "made_by": "tests/golden/tokenizers.py, xllamacpp {xllamacpp.__version__}"', f' "texts": {json.dumps(texts, **compact)}']
    lines.append(' "vocabularies": {\n' + ",\n".join(f'  "{name}": {json.dumps(value, **compact)}' for name, value in vocabularies.items()) + "\n }")
    lines.append(' "variants": [\n' + ",\n".join(f"  {json.dumps(variant, **compact)}" for variant in out) + "\n ]")
    text = "{\n" + ",\n".join(lines) + "\n}\n"
    json.loads(text)
    (HERE / "tokenizers.json").write_text(text)


if __name__ == "__main__":
    main()
