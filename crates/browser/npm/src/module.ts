/// The package's wasm modules.

type Glue = typeof import('./wasm/glue.js');

/** A module's JavaScript, the name of its wasm file, and where that is unless the app says otherwise. */
export interface Module<G extends Glue = Glue> {
  glue: G;
  file: string;
  url: URL;
}

/** The module with WebGPU, the one with relaxed SIMD, or the one that every browser with SIMD runs. */
export async function chooseModule(backend: 'webgpu' | 'cpu', hasRelaxedSimd: boolean): Promise<Module> {
  if (backend === 'webgpu') {
    return {
      glue: await import('./wasm/tidegate_gpu.js'),
      file: 'tidegate_gpu_bg.wasm',
      url: new URL('./wasm/tidegate_gpu_bg.wasm', import.meta.url),
    };
  }
  if (hasRelaxedSimd) {
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

/** Where a file of the package's wasm folder is: `beside` the worker, unless the app says otherwise. */
export function inWasmFolder(file: string, beside: URL, wasmUrl: string | null): URL {
  if (wasmUrl === null) return beside;
  return new URL(file, wasmUrl.endsWith('/') ? wasmUrl : `${wasmUrl}/`);
}

/** The module with relaxed SIMD and threads. Where the package was built without it, it fails to start. */
export async function threadsModule(): Promise<Module<typeof import('./wasm/tidegate_cpu_threads.js')>> {
  return {
    glue: await import('./wasm/tidegate_cpu_threads.js'),
    file: 'tidegate_cpu_threads_bg.wasm',
    url: new URL('./wasm/tidegate_cpu_threads_bg.wasm', import.meta.url),
  };
}

/** The module that verifies hardware evidence: for apps that send restricted texts away, and fetched when they do. */
export async function attestationModule() {
  return {
    glue: await import('./wasm/attestation.js'),
    file: 'attestation_bg.wasm',
    url: new URL('./wasm/attestation_bg.wasm', import.meta.url),
  };
}
