"""A Llama GGUF file whose output is tied to its embedding, as ONNX files for onnxruntime-web and transformers.js:

config.json, generation_config.json
onnx/model_q4.onnx         4-bit blocks of 32, float32 activations
onnx/model_quantized.onnx  dynamic int8, what transformers.js calls q8

Usage: gguf_to_onnx.py MODEL.gguf FOLDER
"""

import json
import logging
import sys
import tempfile
from pathlib import Path

import numpy as np
import onnx
from gguf import GGUFReader, dequantize
from llama_graph import CONTEXT, LlamaGraph
from onnxruntime.quantization import QuantType, quantize_dynamic


def config(reader):
    def field(name):
        return reader.fields[name].contents()

    hidden, heads = field("llama.embedding_length"), field("llama.attention.head_count")
    # Kept as float32; here the decimal that it was written as.
    epsilon = np.format_float_positional(np.float32(field("llama.attention.layer_norm_rms_epsilon")))
    return {
        "architectures": ["LlamaForCausalLM"],
        "model_type": "llama",
        "hidden_size": hidden,
        "intermediate_size": field("llama.feed_forward_length"),
        "num_attention_heads": heads,
        "num_key_value_heads": field("llama.attention.head_count_kv"),
        "head_dim": hidden // heads,
        "num_hidden_layers": field("llama.block_count"),
        "vocab_size": len(field("tokenizer.ggml.tokens")),
        "max_position_embeddings": CONTEXT,
        "rms_norm_eps": float(epsilon),
        "rope_theta": field("llama.rope.freq_base"),
        "tie_word_embeddings": True,
        "hidden_act": "silu",
        "bos_token_id": field("tokenizer.ggml.bos_token_id"),
        "eos_token_id": field("tokenizer.ggml.eos_token_id"),
    }


def write_int8(shape, weights, path):
    # The quantizer advises a step of preparation that does not apply to this graph.
    logging.getLogger().setLevel(logging.ERROR)
    with tempfile.TemporaryDirectory(dir=path.parent) as scratch:
        full = Path(scratch) / "model.onnx"
        onnx.save(LlamaGraph(shape, weights, four_bit=False).build(), full)
        quantize_dynamic(
            full,
            path,
            weight_type=QuantType.QUInt8,
            op_types_to_quantize=["MatMul"],
            # Its inference of types does not know the operators of com.microsoft.
            extra_options={"DefaultTensorType": onnx.TensorProto.FLOAT},
        )


def main():
    source, target = Path(sys.argv[1]), Path(sys.argv[2])
    (target / "onnx").mkdir(parents=True, exist_ok=True)
    reader = GGUFReader(source)
    if reader.fields["general.architecture"].contents() != "llama":
        sys.exit("only the architecture llama can be converted")
    if any(tensor.name == "output.weight" for tensor in reader.tensors):
        sys.exit("only models whose output is tied to the embedding can be converted")
    shape = config(reader)
    weights = {
        tensor.name: dequantize(tensor.data, tensor.tensor_type).astype(np.float32) for tensor in reader.tensors
    }
    onnx.save(LlamaGraph(shape, weights, four_bit=True).build(), target / "onnx/model_q4.onnx")
    write_int8(shape, weights, target / "onnx/model_quantized.onnx")
    special = {key: shape[key] for key in ("bos_token_id", "eos_token_id")}
    (target / "generation_config.json").write_text(json.dumps(special))
    # Last: who finds it, finds everything.
    (target / "config.json").write_text(json.dumps(shape))


if __name__ == "__main__":
    main()
