//! The package's wasm modules with their JavaScript and what they load, and the relay's worker.

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use duct::cmd;
use sha2::{Digest, Sha256};

use crate::run::{self, Outcome, Steps};
use crate::size::Size;
use crate::toolchain::{TARGET, Toolchain};
use crate::{places, setup, toolchain};

/// Named one by one: with `--all-features` wasm-opt makes modules that browsers refuse.
const WASM_FEATURES: [&str; 10] = [
    "--enable-bulk-memory",
    "--enable-bulk-memory-opt",
    "--enable-call-indirect-overlong",
    "--enable-multivalue",
    "--enable-mutable-globals",
    "--enable-nontrapping-float-to-int",
    "--enable-reference-types",
    "--enable-relaxed-simd",
    "--enable-sign-ext",
    "--enable-simd",
];

/// One wasm module and how it is built.
struct Module {
    /// Name of the outputs: `NAME.js`, `NAME_bg.wasm`.
    name: &'static str,
    /// What the person reads.
    title: &'static str,
    /// The crate; its library's name is the same.
    package: &'static str,
    /// Features, with commas between them; the crate's defaults are off.
    features: &'static str,
    /// Whether several threads share the memory.
    threads: bool,
    /// cargo's profile.
    profile: &'static str,
}

const CPU: Module = Module {
    name: "tidegate_cpu",
    title: "wasm for pages without WebGPU",
    package: "browser",
    features: "",
    threads: false,
    profile: "wasm",
};

const CPU_RELAXED: Module = Module {
    name: "tidegate_cpu_relaxed",
    title: "wasm for pages without WebGPU, with relaxed SIMD",
    features: "relaxed-simd",
    ..CPU
};

const CPU_THREADS: Module = Module {
    name: "tidegate_cpu_threads",
    title: "wasm for pages without WebGPU, with relaxed SIMD and threads",
    threads: true,
    ..CPU_RELAXED
};

/// For the linker, where threads share the memory: a page makes the memory and hands it to every thread, and
/// each thread needs storage of its own, which wasm-bindgen's start function prepares with these symbols.
/// A shared memory must say how large it may become: 4 GiB, what there is to address; the browser reserves
/// addresses, and memory as it grows.
const SHARED_MEMORY: [&str; 7] = [
    "--shared-memory",
    "--import-memory",
    "--max-memory=4294967296",
    "--export=__wasm_init_tls",
    "--export=__tls_size",
    "--export=__tls_align",
    "--export=__tls_base",
];

const GPU: Module = Module {
    name: "tidegate_gpu",
    title: "wasm with WebGPU (Burn: 15 minutes the first time)",
    features: "wgpu",
    profile: "wasm-gpu",
    ..CPU
};

/// Verifies hardware evidence: no part of a page's own module, and downloaded only where an app asks for it.
const ATTESTATION: Module = Module {
    name: "attestation",
    title: "wasm that verifies hardware evidence",
    package: "attestation",
    ..CPU
};

const WORKER: Module = Module {
    name: "relay",
    title: "the relay as a worker",
    package: "relay",
    features: "worker",
    ..CPU
};

/// How many steps `steps` takes.
pub const STEPS: usize = 7;

/// `cargo xtask wasm`.
pub fn wasm(cpu_only: bool, names: bool) -> Result<()> {
    let mut progress = Steps::new(2 + if cpu_only { STEPS - 1 } else { STEPS });
    progress.step("Rust toolchain for wasm32", toolchain::ensure)?;
    progress.step("npm packages from the lockfile", setup::ensure_npm_packages)?;
    if cpu_only {
        return build_all(
            &mut progress,
            &[CPU, CPU_RELAXED, CPU_THREADS, ATTESTATION, WORKER],
            names,
        );
    }
    steps(&mut progress, names)
}

/// Builds the modules without WebGPU and the relay's worker, if their sources have changed.
pub fn small_steps(progress: &mut Steps) -> Result<()> {
    build_all(
        progress,
        &[CPU, CPU_RELAXED, CPU_THREADS, ATTESTATION, WORKER],
        false,
    )
}

/// Builds the relay's worker alone: two steps.
pub fn worker_steps(progress: &mut Steps) -> Result<()> {
    build_all(progress, &[WORKER], false)
}

/// Builds all modules whose sources have changed.
pub fn steps(progress: &mut Steps, names: bool) -> Result<()> {
    build_all(
        progress,
        &[CPU, CPU_RELAXED, CPU_THREADS, ATTESTATION, WORKER, GPU],
        names,
    )
}

fn build_all(progress: &mut Steps, modules: &[Module], names: bool) -> Result<()> {
    progress.step("bindgen, which writes the JavaScript", build_bindgen)?;
    for module in modules {
        progress.step(module.title, || build(module, names))?;
    }
    Ok(())
}

/// The modules without WebGPU and the relay's worker: minutes.
pub fn build_small() -> Result<()> {
    build(&CPU, false)?;
    build(&CPU_RELAXED, false)?;
    build(&CPU_THREADS, false)?;
    build(&ATTESTATION, false)?;
    build(&WORKER, false)?;
    Ok(())
}

/// The module with WebGPU.
pub fn build_gpu() -> Result<()> {
    build(&GPU, false)?;
    Ok(())
}

/// Where the relay's worker is once it is built: `workerd serve relay.capnp` runs it.
pub fn worker_folder() -> PathBuf {
    places::target().join("worker")
}

/// Builds `bindgen.rs`, in a target folder of its own: it need not wait for native builds.
pub fn build_bindgen() -> Result<Outcome> {
    let arguments = "build --quiet --package xtask --features bindgen --bin bindgen --target-dir";
    let words = arguments.split(' ').map(OsString::from);
    let command = cmd("cargo", words.chain([tools().into_os_string()]));
    run::quiet("bindgen", command.dir(places::root()))?;
    Ok(Outcome::Did("up to date".to_owned()))
}

fn tools() -> PathBuf {
    places::target().join("wasm-tools")
}

/// cargo decides whether to compile; bindings and wasm-opt follow only if its output has changed.
fn build(module: &Module, names: bool) -> Result<Outcome> {
    if module.package == CPU.package {
        copy_weights(&output_folder(module))?;
    }
    let toolchain =
        Toolchain::find().context("no toolchain for wasm32; run `cargo xtask setup`")?;
    if module.threads && !toolchain.builds_std() {
        return leave_out(module);
    }
    let target = places::target().join(module.folder());
    run::quiet(
        &format!("wasm-{}", module.name),
        toolchain.build(
            module.package,
            module.features,
            module.profile,
            &module.flags(),
            &target,
        ),
    )?;

    let compiled = target
        .join(TARGET)
        .join(module.profile)
        .join(format!("{}.wasm", module.package));
    let bytes =
        fs::read(&compiled).with_context(|| format!("{}: not readable", compiled.display()))?;
    check_exports(&bytes).with_context(|| compiled.display().to_string())?;

    let output = output_folder(module);
    let wasm = output.join(format!("{}_bg.wasm", module.name));
    let stamp_file = target.join(format!("{}.stamp", module.name));
    let stamp = stamp(module, &bytes, names)?;
    let javascript = output.join(format!("{}.js", module.name));
    let fresh = wasm.is_file()
        && javascript.is_file()
        && fs::read_to_string(&stamp_file).is_ok_and(|old| old == stamp);
    if fresh {
        return Ok(Outcome::There(wasm.display().to_string()));
    }
    // A broken run must not look fresh.
    let _ = fs::remove_file(&stamp_file);
    let bound = bind(module, &compiled, &target)?;
    fs::create_dir_all(&output)?;
    optimize(module, &bound, &wasm, names)?;
    if module.package == WORKER.package {
        copy_worker_files(&output)?;
    }
    copy_javascript(&bound, &output, module)?;
    fs::write(&stamp_file, stamp)?;
    Ok(Outcome::Did(format!(
        "{}: {}",
        wasm.display(),
        Size::of(&wasm)?
    )))
}

impl Module {
    /// Target folder, one for all modules with the same flags: what they share is compiled once. cargo puts the
    /// module of a build in its place even if it has not compiled anything. Builds with other flags would
    /// overwrite what is shared.
    fn folder(&self) -> &'static str {
        if self.threads { "wasm-threads" } else { "wasm" }
    }

    /// For the compiler.
    fn flags(&self) -> String {
        // What every browser of the last years has. Relaxed SIMD is allowed for the kernels alone, by the
        // feature: with a flag each module would compile its dependencies anew.
        let mut flags = "-C target-feature=+simd128".to_owned();
        if self.threads {
            flags += ",+atomics";
            for flag in SHARED_MEMORY {
                flags += &format!(" -C link-arg={flag}");
            }
        }
        flags
    }

    /// For wasm-opt.
    fn wasm_features(&self) -> Vec<&'static str> {
        let threads = self.threads.then_some("--enable-threads");
        WASM_FEATURES.into_iter().chain(threads).collect()
    }
}

/// In place of a module that this toolchain cannot build: JavaScript that says so, for bundlers want a file. The
/// package then takes the module without threads.
fn leave_out(module: &Module) -> Result<Outcome> {
    let (name, output) = (module.name, output_folder(module));
    fs::create_dir_all(&output)?;
    let reason = format!(
        "{name} was not built: it takes a toolchain that can build Rust's std with atomics"
    );
    let javascript =
        format!("export default async () => {{\n  throw new Error({reason:?});\n}};\n");
    fs::write(output.join(format!("{name}.js")), javascript)?;
    let _ = fs::remove_file(output.join(format!("{name}_bg.wasm")));
    Ok(Outcome::Did(format!(
        "left out, pages compute on one thread: the active toolchain's std for {TARGET} is without atomics"
    )))
}

fn output_folder(module: &Module) -> PathBuf {
    if module.package == WORKER.package {
        worker_folder()
    } else {
        places::wasm_dist()
    }
}

/// Changes when the compiled module, the bindings, the optimizer or its flags change.
fn stamp(module: &Module, compiled: &[u8], names: bool) -> Result<String> {
    let lock = fs::read(places::root().join("package-lock.json"))?;
    let hash = Sha256::new()
        .chain_update(compiled)
        .chain_update(lock)
        .chain_update(include_str!("bindgen.rs"))
        .chain_update(module.wasm_features().concat())
        .finalize();
    Ok(format!("{} names={names}", hex::encode(hash)))
}

/// Runs `bindgen`; its output folder holds `NAME_bg.wasm`, `NAME.js` and `NAME.d.ts`.
fn bind(module: &Module, compiled: &Path, target: &Path) -> Result<PathBuf> {
    let folder = target.join("bindings").join(module.name);
    let _ = fs::remove_dir_all(&folder);
    let program = tools().join("debug/bindgen");
    run::quiet("bindings", cmd!(program, compiled, &folder, module.name))?;
    Ok(folder)
}

/// wasm-opt for size. It takes minutes for the module with Burn.
fn optimize(module: &Module, bound: &Path, output: &Path, names: bool) -> Result<()> {
    let input = bound.join(format!("{}_bg.wasm", module.name));
    let mut words: Vec<String> = module
        .wasm_features()
        .into_iter()
        .map(str::to_owned)
        .collect();
    words.extend(["-Oz".to_owned(), input.display().to_string()]);
    words.extend(["--output".to_owned(), output.display().to_string()]);
    words.extend(
        if names {
            vec!["--debuginfo"]
        } else {
            vec!["--strip-debug", "--strip-producers"]
        }
        .into_iter()
        .map(String::from),
    );
    run::quiet(
        &format!("wasm-opt-{}", module.name),
        cmd(places::npm_binary("wasm-opt"), words),
    )
}

/// JavaScript and types, and the snippets that crates bring, which keep their place.
fn copy_javascript(bound: &Path, output: &Path, module: &Module) -> Result<()> {
    let wasm = format!("{}_bg.wasm", module.name);
    for file in fs::read_dir(bound)?.flatten() {
        let copy = output.join(file.file_name());
        if file.file_type()?.is_dir() {
            fs::create_dir_all(&copy)?;
            copy_javascript(&file.path(), &copy, module)?;
        } else if file.file_name().to_string_lossy() != wasm {
            fs::copy(file.path(), copy)?;
        }
    }
    Ok(())
}

/// What finds names and addresses, and what weighs a question: a page loads both beside the module, if it has a cloud.
fn copy_weights(output: &Path) -> Result<()> {
    fs::create_dir_all(output)?;
    for (weights, name) in [
        (places::tagger(), "tagger.bin"),
        (places::router(), "router.bin"),
    ] {
        fs::copy(&weights, output.join(name))
            .with_context(|| format!("copying {}", weights.display()))?;
    }
    Ok(())
}

/// What workerd and the hosted edge want beside the module: their configurations and the few lines that join the parts.
fn copy_worker_files(output: &Path) -> Result<()> {
    let source = places::root().join("crates/relay/worker");
    for name in ["relay.capnp", "shim.js", "wrangler.toml"] {
        fs::copy(source.join(name), output.join(name))
            .with_context(|| format!("copying {name} from {}", source.display()))?;
    }
    Ok(())
}

/// No export may be wrapped by the linker.
///
/// A module in which nothing calls `__wasm_call_ctors` is taken for a command: each export then runs
/// all static constructors again at each call, and a dispatch through Burn costs 200 times as much.
/// The wrappers are told by their names, which the shipped module no longer has: `compiled` has them.
pub fn check_exports(compiled: &[u8]) -> Result<()> {
    let has = |needle: &[u8]| {
        compiled
            .windows(needle.len())
            .any(|window| window == needle)
    };
    if has(b".command_export") {
        bail!("an export ends in `command_export`: call __wasm_call_ctors once at start");
    }
    // A custom section's name after its length: the section that holds functions' names.
    if !has(b"\x04name") {
        bail!("the compiled module has no names, so its exports cannot be checked");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::check_exports;

    #[test]
    fn wrapped_exports_are_refused() {
        assert!(check_exports(b"\x04name answer").is_ok());
        assert!(check_exports(b"\x04name answer.command_export").is_err());
        assert!(check_exports(b"no names").is_err());
    }
}
