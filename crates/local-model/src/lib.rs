//! GGUF file to weights to tokens to text, on the CPU and, through Burn, on WebGPU.
