//! `bindgen INPUT.wasm OUTPUT_FOLDER NAME web|module`: JavaScript and types for a wasm module.
//!
//! The library behind wasm-bindgen's command, in the version that Cargo.lock pins, so that it
//! always fits the `wasm-bindgen` that the module was built with.

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder, name, kind] = arguments.as_slice() else {
        bail!("usage: bindgen INPUT.wasm OUTPUT_FOLDER NAME web|module");
    };
    let mut bindgen = Bindgen::new();
    match kind.as_str() {
        "web" => bindgen.web(true)?,
        // The runtime compiles the wasm and hands it over by import: what workerd wants.
        "module" => bindgen.module(true)?,
        other => bail!("{other:?} is no kind of output; use web or module"),
    };
    bindgen
        .input_path(input)
        .out_name(name)
        .typescript(kind == "web")
        // Names stay for now: wasm-opt drops them unless they are asked for.
        .remove_name_section(false)
        // The package names its files itself, by `new URL('…', import.meta.url)` that bundlers see.
        .omit_default_module_path(true)
        .generate(folder)
        .with_context(|| format!("bindings for {input}"))
}
