//! `bindgen INPUT.wasm OUTPUT_FOLDER NAME`: JavaScript and types for a wasm module.
//!
//! The library behind wasm-bindgen's command, in the version that Cargo.lock pins, so that it
//! always fits the `wasm-bindgen` that the module was built with.

use anyhow::{Context, Result, bail};
use walrus::{
    Module, ModuleConfig,
    ir::{Instr, Unreachable},
};
use wasm_bindgen_cli_support::Bindgen;

/// Functions that the module holds and nothing calls, by their names.
///
/// CubeCL's intermediate representation has a textual form, and each operation registers how it is parsed in a
/// table, so that no linker can tell that a page never does.
fn is_never_called(name: &str) -> bool {
    name.contains(" as pliron::parsable::Parsable>::parse")
        || name.contains(" as combine::parser::")
        || name.starts_with("combine::parser::")
        || name.starts_with("pliron::irfmt::parsers::")
}

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [input, folder, name] = arguments.as_slice() else {
        bail!("usage: bindgen INPUT.wasm OUTPUT_FOLDER NAME");
    };
    let bytes = std::fs::read(input).with_context(|| format!("{input}: not readable"))?;
    let mut module = ModuleConfig::new()
        // What the compiler wrote is right.
        .strict_validate(false)
        .parse(&bytes)
        .with_context(|| format!("{input}: not a wasm module"))?;
    empty_what_is_never_called(&mut module);
    Bindgen::new()
        .input_module(name, module)
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

/// Leaves of each such function that it fails when called; wasm-opt then drops what only they used.
fn empty_what_is_never_called(module: &mut Module) {
    let named: Vec<_> = module
        .funcs
        .iter()
        .filter(|function| {
            let name = function.name.as_deref().unwrap_or_default();
            // Without the hashes that compilers put into names.
            is_never_called(&format!("{:#}", rustc_demangle::demangle(name)))
        })
        .map(|function| function.id())
        .collect();
    for (id, function) in module.funcs.iter_local_mut() {
        if named.contains(&id) {
            let entry = function.entry_block();
            let location = Default::default();
            function.block_mut(entry).instrs = vec![(Instr::Unreachable(Unreachable {}), location)];
        }
    }
}
