"""llama.cpp as the scripts of this folder use it: one thread, float caches, the same on every run."""

import json
import pathlib
import urllib.request

import xllamacpp


class Llama:
    """llama.cpp's server on a loopback port."""

    def __init__(self, model: pathlib.Path, context: int = 2048, **set_params):
        params = xllamacpp.CommonParams()
        params.model.path = str(model)
        params.n_ctx = context
        params.n_parallel = 1
        params.cpuparams.n_threads = 1
        params.cpuparams_batch.n_threads = 1
        params.n_gpu_layers = 0
        params.warmup = False
        params.use_jinja = True
        params.port = 0
        # By default keys and values are rounded to 16 bits, which alone moves log-probabilities.
        params.cache_type_k = xllamacpp.ggml_type.GGML_TYPE_F32
        params.cache_type_v = xllamacpp.ggml_type.GGML_TYPE_F32
        params.flash_attn_type = xllamacpp.llama_flash_attn_type.LLAMA_FLASH_ATTN_TYPE_DISABLED
        for name, value in set_params.items():
            setattr(params, name, value)
        self.server = xllamacpp.Server(params)
        self.address = self.server.listening_address

    def __call__(self, path: str, body: dict) -> dict:
        request = urllib.request.Request(self.address + path, json.dumps(body).encode(), {"content-type": "application/json"})
        with urllib.request.urlopen(request) as reply:
            return json.load(reply)

    def tokenize(self, text: str, **options) -> list[int]:
        return self("/tokenize", {"content": text, "add_special": False, "parse_special": True, **options})["tokens"]

    def scores(self, prompt: list[int], vocabulary: int, whole: int) -> list[float]:
        """Log-probabilities of all tokens after a prompt. The server keeps them to itself when the token
        that it takes is no whole character, so it is made to take `whole`; they are those before that."""
        body = {"prompt": prompt, "n_predict": 1, "temperature": 0, "n_probs": vocabulary, "cache_prompt": False, "logit_bias": [[whole, 1e6]]}
        step = self("/completion", body)["completion_probabilities"][0]
        assert step["id"] == whole, step["id"]
        found = {top["id"]: top["logprob"] for top in step["top_logprobs"]}
        return [found[id] for id in range(vocabulary)]
