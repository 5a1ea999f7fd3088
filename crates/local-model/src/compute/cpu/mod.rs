//! Operations on the CPU, one thread: SIMD in a page (SIMD128) and natively (AVX2).
