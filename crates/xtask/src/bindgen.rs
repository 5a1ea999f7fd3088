//! `bindgen INPUT.wasm OUTPUT_FOLDER NAME`: JavaScript and types for a wasm module.
//!
//! The library behind wasm-bindgen's command, in the version that Cargo.lock pins, so that it
//! always fits the `wasm-bindgen` that the module was built with.

use anyhow::{Context, Result, bail};
use wasm_bindgen_cli_support::Bindgen;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder, name] = arguments.as_slice() else {
        bail!("usage: bindgen INPUT.wasm OUTPUT_FOLDER NAME");
    };
    Bindgen::new()
        .input_path(input)
        .web(true)?
        .out_name(name)
        .typescript(true)
        // Names stay for now: wasm-opt drops them unless they are asked for.
        .remove_name_section(false)
        // Who loads the module names its file, by a `new URL('…', import.meta.url)` that bundlers see.
        .omit_default_module_path(true)
        .generate(folder)
        .with_context(|| format!("bindings for {input}"))
}
