"""The ONNX graph of a Llama model, as Hugging Face's exports are: products as MatMul (float) or MatMulNBits
(4 bits), GroupQueryAttention with rotary embedding, logits of the last position."""

import numpy as np
from onnx import ModelProto, TensorProto, helper, numpy_helper

MICROSOFT = "com.microsoft"
CONTEXT = 2048
BLOCK = 32
INT8_ACCUMULATION = 4


def quantize_4bit(weight):
    """`[rows, columns]` as `[rows, blocks, 16]` bytes and a scale for each block of 32.

    Symmetric around 8: the value of largest magnitude in a block becomes 0, that is -8 times the scale.
    """
    rows, columns = weight.shape
    blocks = weight.reshape(rows, columns // BLOCK, BLOCK)
    largest = np.abs(blocks).argmax(-1)[..., None]
    scale = np.take_along_axis(blocks, largest, -1) / -8
    scale = np.where(scale == 0, np.float32(1e-8), scale)
    values = np.clip(np.round(blocks / scale) + 8, 0, 15).astype(np.uint8)
    return values[..., 0::2] | (values[..., 1::2] << 4), scale.reshape(-1).astype(np.float32)


def halves(weight, heads):
    """GGUF has the two of a rotary pair side by side, ONNX half a head apart."""
    rows, columns = weight.shape
    return weight.reshape(heads, rows // heads // 2, 2, columns).swapaxes(1, 2).reshape(rows, columns)


class LlamaGraph:
    """`config`: as in Hugging Face's config.json. `weights`: by GGUF's names, float32 `[rows, columns]`."""

    def __init__(self, config, weights, four_bit):
        self.config, self.weights, self.four_bit = config, weights, four_bit
        self.nodes, self.constants, self.inputs, self.outputs = [], [], [], []

    def build(self) -> ModelProto:
        config = self.config
        self.interface()
        self.sequence_lengths()
        self.rotary_tables()
        table = self.weights["token_embd.weight"].astype(np.float32 if self.four_bit else np.float16)
        x = self.node("Gather", [self.constant("embedding", table), "input_ids"], ["embedded"])
        if not self.four_bit:
            x = self.node("Cast", [x], ["embedded_float"], to=TensorProto.FLOAT)
        normed = self.node(
            "SimplifiedLayerNormalization",
            [x, self.norm("blk.0.attn_norm.weight")],
            ["first_norm"],
            axis=-1,
            epsilon=config["rms_norm_eps"],
            stash_type=1,
        )
        last = config["num_hidden_layers"] - 1
        for layer in range(last + 1):
            attended = self.attention(layer, normed)
            x, normed = self.add_and_norm(x, attended, f"blk.{layer}.ffn_norm.weight", f"{layer}.attention")
            fed = self.feed_forward(layer, normed)
            norm = "output_norm.weight" if layer == last else f"blk.{layer + 1}.attn_norm.weight"
            x, normed = self.add_and_norm(x, fed, norm, f"{layer}.feed_forward")
        self.logits(normed)
        graph = helper.make_graph(self.nodes, "llama", self.inputs, self.outputs, self.constants)
        opsets = [helper.make_opsetid("", 18), helper.make_opsetid(MICROSOFT, 1)]
        return helper.make_model(graph, opset_imports=opsets, ir_version=9)

    def constant(self, name, array):
        self.constants.append(numpy_helper.from_array(array, name))
        return name

    def node(self, operation, inputs, outputs, domain="", **attributes):
        node = helper.make_node(operation, inputs, outputs, name=f"/{outputs[0]}", domain=domain, **attributes)
        self.nodes.append(node)
        return outputs[0]

    def norm(self, name):
        return self.constant(name, self.weights[name])

    def linear(self, x, weight, name):
        rows, columns = weight.shape
        if not self.four_bit:
            return self.node("MatMul", [x, self.constant(f"{name}.weight", np.ascontiguousarray(weight.T))], [name])
        packed, scale = quantize_4bit(weight)
        inputs = [x, self.constant(f"{name}.packed", packed), self.constant(f"{name}.scale", scale)]
        sizes = {"K": columns, "N": rows, "bits": 4, "block_size": BLOCK, "accuracy_level": INT8_ACCUMULATION}
        return self.node("MatMulNBits", inputs, [name], MICROSOFT, **sizes)

    def interface(self):
        value, config = helper.make_tensor_value_info, self.config
        self.inputs.append(value("input_ids", TensorProto.INT64, ["batch_size", "sequence_length"]))
        self.inputs.append(value("attention_mask", TensorProto.INT64, ["batch_size", "total_sequence_length"]))
        self.outputs.append(value("logits", TensorProto.FLOAT, ["batch_size", 1, config["vocab_size"]]))
        for layer in range(config["num_hidden_layers"]):
            for kind in ("key", "value"):
                for side, list_, length in (
                    ("past_key_values", self.inputs, "past_sequence_length"),
                    ("present", self.outputs, "total_sequence_length"),
                ):
                    shape = ["batch_size", config["num_key_value_heads"], length, config["head_dim"]]
                    list_.append(value(f"{side}.{layer}.{kind}", TensorProto.FLOAT, shape))

    def sequence_lengths(self):
        one = self.constant("one", np.array([1], np.int64))
        axis = self.constant("axis_one", np.array([1], np.int64))
        index = self.constant("index_one", np.array(1, np.int64))
        self.node("ReduceSum", ["attention_mask", axis], ["mask_sum"], keepdims=1)
        self.node("Sub", ["mask_sum", one], ["last_position"])
        self.node("Cast", ["last_position"], ["seqlens_k"], to=TensorProto.INT32)
        self.node("Shape", ["attention_mask"], ["mask_shape"])
        self.node("Gather", ["mask_shape", index], ["total_length_64"], axis=0)
        self.node("Cast", ["total_length_64"], ["total_length"], to=TensorProto.INT32)

    def rotary_tables(self):
        head = self.config["head_dim"]
        frequency = 1 / self.config["rope_theta"] ** (np.arange(0, head, 2) / head)
        angle = np.arange(CONTEXT)[:, None] * frequency[None]
        self.constant("rotary_cos", np.cos(angle).astype(np.float32))
        self.constant("rotary_sin", np.sin(angle).astype(np.float32))

    def add_and_norm(self, x, update, norm, name):
        """The sum and its norm."""
        self.node(
            "SkipSimplifiedLayerNormalization",
            [x, update, self.norm(norm)],
            [f"{name}.normed", "", "", f"{name}.sum"],
            MICROSOFT,
            epsilon=self.config["rms_norm_eps"],
        )
        return f"{name}.sum", f"{name}.normed"

    def attention(self, layer, x):
        config, weights = self.config, self.weights
        heads, kv_heads = config["num_attention_heads"], config["num_key_value_heads"]
        query = self.linear(x, halves(weights[f"blk.{layer}.attn_q.weight"], heads), f"{layer}.query")
        key = self.linear(x, halves(weights[f"blk.{layer}.attn_k.weight"], kv_heads), f"{layer}.key")
        value = self.linear(x, weights[f"blk.{layer}.attn_v.weight"], f"{layer}.value")
        past = [f"past_key_values.{layer}.key", f"past_key_values.{layer}.value"]
        mixed = self.node(
            "GroupQueryAttention",
            [query, key, value, *past, "seqlens_k", "total_length", "rotary_cos", "rotary_sin"],
            [f"{layer}.mixed", f"present.{layer}.key", f"present.{layer}.value"],
            MICROSOFT,
            num_heads=heads,
            kv_num_heads=kv_heads,
            do_rotary=1,
            rotary_interleaved=0,
            scale=config["head_dim"] ** -0.5,
        )
        return self.linear(mixed, weights[f"blk.{layer}.attn_output.weight"], f"{layer}.attended")

    def feed_forward(self, layer, x):
        weights = self.weights
        gate = self.linear(x, weights[f"blk.{layer}.ffn_gate.weight"], f"{layer}.gate")
        up = self.linear(x, weights[f"blk.{layer}.ffn_up.weight"], f"{layer}.up")
        sigmoid = self.node("Sigmoid", [gate], [f"{layer}.sigmoid"])
        silu = self.node("Mul", [gate, sigmoid], [f"{layer}.silu"])
        gated = self.node("Mul", [silu, up], [f"{layer}.gated"])
        return self.linear(gated, weights[f"blk.{layer}.ffn_down.weight"], f"{layer}.down")

    def logits(self, x):
        start = self.constant("slice_start", np.array([-1], np.int64))
        end = self.constant("slice_end", np.array([2**62], np.int64))
        axis = self.constant("slice_axis", np.array([1], np.int64))
        last = self.node("Slice", [x, start, end, axis], ["last_hidden"])
        # Tied: the output is the embedding.
        self.linear(last, self.weights["token_embd.weight"], "logits")
