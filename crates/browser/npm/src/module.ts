/// Which of the package's wasm modules suits the browser.

type Glue = typeof import('./wasm/glue.js');

/** A module's JavaScript, the name of its wasm file, and where that is unless the app says otherwise. */
export interface Module {
  glue: Glue;
  file: string;
  url: URL;
}

/** The module with WebGPU, the one with relaxed SIMD, or the one that every browser with SIMD runs. */
export async function chooseModule(backend: 'webgpu' | 'cpu'): Promise<Module> {
  if (backend === 'webgpu') {
    return {
      glue: await import('./wasm/tidegate_gpu.js'),
      file: 'tidegate_gpu_bg.wasm',
      url: new URL('./wasm/tidegate_gpu_bg.wasm', import.meta.url),
    };
  }
  if (WebAssembly.validate(RELAXED_SIMD)) {
    return {
      glue: await import('./wasm/tidegate_cpu_relaxed.js'),
      file: 'tidegate_cpu_relaxed_bg.wasm',
      url: new URL('./wasm/tidegate_cpu_relaxed_bg.wasm', import.meta.url),
    };
  }
  return {
    glue: await import('./wasm/tidegate_cpu.js'),
    file: 'tidegate_cpu_bg.wasm',
    url: new URL('./wasm/tidegate_cpu_bg.wasm', import.meta.url),
  };
}

/**
 * `(func (result v128) (i8x16.relaxed_swizzle (i8x16.splat (i32.const 1)) (i8x16.splat (i32.const 2))))`: only
 * browsers with relaxed SIMD take it for a module.
 */
const RELAXED_SIMD = Uint8Array.of(
  ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00], // \0asm, version 1
  ...[0x01, 0x05, 0x01, 0x60, 0x00, 0x01, 0x7b], // one type: () -> v128
  ...[0x03, 0x02, 0x01, 0x00], // one function of it
  ...[0x0a, 0x0f, 0x01, 0x0d, 0x00], // its body, without locals
  ...[0x41, 0x01, 0xfd, 0x0f, 0x41, 0x02, 0xfd, 0x0f], // two splats
  ...[0xfd, 0x80, 0x02, 0x0b], // relaxed_swizzle, end
);
