"""llama.cpp's OpenAI-compatible server on a port of its own choice, until standard input ends.

    python llama.py MODEL.gguf
"""

import sys

import xllamacpp

parameters = xllamacpp.CommonParams()
parameters.model.path = sys.argv[1]
parameters.port = 0
parameters.n_ctx = 2048
parameters.n_parallel = 1
# Two threads spin against each other on a busy machine.
parameters.cpuparams.n_threads = 1
parameters.cpuparams_batch.n_threads = 1
server = xllamacpp.Server(parameters)
print("listening", server.listening_address, flush=True)
sys.stdin.read()
