//! `cargo xtask test`: everything that must hold, from a fresh machine to the browser specs.
//!
//! Two lanes run side by side, because native and wasm builds share nothing: Rust's own checks and
//! tests in one, the package and the page in the other. A stage that fails does not stop its lane,
//! so that one run tells everything.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Instant;

use anyhow::{Result, anyhow, bail};
use duct::{Expression, cmd};

use crate::count::Count;
use crate::run::{self, Steps};
use crate::size::Size;
use crate::{model, package, places, setup, software_gpu, wasm};

/// JavaScript and wasm that a page may download, gzipped: the page's own and one wasm module.
const SIZE_BUDGET: usize = 2_000_000;

/// A stage's name and what it does.
type Stage = (&'static str, fn() -> Result<Count>);

const RUST: [Stage; 5] = [
    ("format of Rust", format),
    ("clippy (Burn: 10 minutes the first time)", clippy),
    ("Rust builds", build),
    ("Rust tests", cargo_test),
    (
        "the package's types are those of crate query",
        generated_types,
    ),
];

const WEB: [Stage; 10] = [
    ("wasm, relay's worker", wasm_modules),
    ("the npm package", npm_package),
    ("types of the page and the specs", typescript),
    ("format and lint of TypeScript", biome),
    ("tests of the npm package", package_tests),
    ("tests of the page", page_tests),
    (
        "wasm with WebGPU (Burn: 15 minutes the first time)",
        wasm_gpu,
    ),
    ("the npm package, whole", npm_package),
    ("the page", page),
    ("size of JavaScript and wasm", size),
];

const TOGETHER: [Stage; 1] = [("browser specs", browser_specs)];

/// Runs everything; an error if anything failed.
pub fn test() -> Result<()> {
    let mut progress = Steps::new(setup::STEPS + 1);
    setup::steps(&mut progress)?;
    progress.step("bindgen, which writes the JavaScript", wasm::build_bindgen)?;

    let board = Board::new(RUST.len() + WEB.len() + TOGETHER.len());
    let mut count = thread::scope(|scope| {
        let web = scope.spawn(|| board.lane(&WEB));
        let mut count = board.lane(&RUST);
        // A panic in a lane is a defect of this program: one failure more.
        count += web.join().unwrap_or(Count::check(false));
        count
    });
    count += board.lane(&TOGETHER);
    report(count)
}

fn report(count: Count) -> Result<()> {
    println!("{} passed, {} failed", count.passed, count.failed);
    if count.failed > 0 {
        bail!("something failed; whole logs: {}", places::logs().display());
    }
    Ok(())
}

/// Prints whole lines from both lanes and numbers them.
struct Board {
    started: AtomicUsize,
    total: usize,
}

impl Board {
    fn new(total: usize) -> Self {
        Self {
            started: AtomicUsize::new(0),
            total,
        }
    }

    fn lane(&self, stages: &[Stage]) -> Count {
        let mut sum = Count::default();
        for &(name, work) in stages {
            let position = self.started.fetch_add(1, Ordering::Relaxed) + 1;
            let label = format!("[{position}/{}] {name}", self.total);
            println!("{label}");
            let start = Instant::now();
            let count = work().unwrap_or_else(|error| {
                println!("{label}: {error:#}");
                Count::check(false)
            });
            println!(
                "{label}: {} passed, {} failed ({})",
                count.passed,
                count.failed,
                run::seconds(start)
            );
            sum += count;
        }
        sum
    }
}

fn format() -> Result<Count> {
    check("fmt", cargo("fmt --all --check"))
}

/// Lints all crates while it builds them, unoptimized, on top of the dependencies that [`build`] needs too.
/// `cargo clippy` would check each dependency first, Burn too, which takes as long as everything else here.
///
/// Comes before [`build`], which puts its own programs in the place of these slow ones.
fn clippy() -> Result<Count> {
    let settings = [
        "--config=profile.dev.opt-level=0",
        "--config=profile.dev.package.local-model.opt-level=0",
    ];
    let words = settings
        .into_iter()
        .chain(["build", "--workspace", "--all-targets"]);
    let command = cmd("cargo", words)
        .dir(places::root())
        .env("RUSTC_WORKSPACE_WRAPPER", "clippy-driver")
        .env("CLIPPY_ARGS", "-Dwarnings");
    check("clippy", command)
}

/// Everything that the tests and the specs run, in one build: a second one with other features would
/// compile Burn again.
fn build() -> Result<Count> {
    check("build", cargo("build --workspace --bins --tests"))
}

/// `cargo xtask test --models`: real files of other architectures, which are too large for every run.
pub fn models() -> Result<()> {
    let mut progress = Steps::new(1 + model::OTHERS.len());
    progress.step("Python environment, for downloads", setup::ensure_python)?;
    for file in &model::OTHERS {
        progress.step(file.title, || file.ensure())?;
    }
    let stages: [Stage; 1] = [("real files against llama.cpp", model_tests)];
    let count = Board::new(stages.len()).lane(&stages);
    report(count)
}

/// On the CPU, so that Burn need not be built.
fn model_tests() -> Result<Count> {
    let words = "test --package tests --no-default-features --test golden models:: -- --ignored --nocapture";
    counted("models", cargo(words), |output| Ok(Count::cargo(output)))
}

fn cargo_test() -> Result<Count> {
    let mut command = cargo("test --workspace --no-fail-fast");
    for (name, value) in software_gpu::environment() {
        command = command.env(name, value);
    }
    counted("cargo-test", command, |output| Ok(Count::cargo(output)))
}

fn generated_types() -> Result<Count> {
    let command = cargo("test --package query --features typescript");
    counted("types", command, |output| Ok(Count::cargo(output)))
}

fn wasm_modules() -> Result<Count> {
    wasm::build_small()?;
    Ok(Count::check(true))
}

/// Also the check that no export of the module is wrapped (see `wasm::check_exports`).
fn wasm_gpu() -> Result<Count> {
    wasm::build_gpu()?;
    Ok(Count::check(true))
}

fn npm_package() -> Result<Count> {
    package::build_package()?;
    Ok(Count::check(true))
}

fn page() -> Result<Count> {
    package::build_page()?;
    Ok(Count::check(true))
}

fn typescript() -> Result<Count> {
    for (name, folder) in [
        ("tsc-www", places::www()),
        ("tsc-specs", places::browser_specs()),
    ] {
        run::quiet(name, cmd!("npm", "run", "check").dir(folder))?;
    }
    Ok(Count::check(true))
}

fn biome() -> Result<Count> {
    check(
        "biome",
        cmd!(
            places::npm_binary("biome"),
            "check",
            "--error-on-warnings",
            "."
        )
        .dir(places::root()),
    )
}

fn package_tests() -> Result<Count> {
    vitest("vitest-package", &places::npm_package(), &[])
}

fn page_tests() -> Result<Count> {
    vitest("vitest-www", &places::www(), &[])
}

fn vitest(name: &str, folder: &Path, environment: &[(&str, PathBuf)]) -> Result<Count> {
    let report = places::logs().join(format!("{name}.json"));
    let _ = fs::remove_file(&report);
    let output = format!("--outputFile={}", report.display());
    let program = places::npm_binary("vitest");
    // The log gets the readable report, the file the one that is counted.
    let reporters = ["run", "--reporter=verbose", "--reporter=json"];
    let words = reporters
        .iter()
        .map(|&word| word.to_owned())
        .chain([output]);
    let mut command = cmd(program, words).dir(folder);
    for (name, value) in environment {
        command = command.env(name, value);
    }
    let ran = run::quiet(name, command);
    let count = fs::read_to_string(&report)
        .map_err(anyhow::Error::from)
        .and_then(|text| Count::vitest(&text));
    judge(ran, count)
}

/// What a page downloads: its own JavaScript and one of the wasm modules. What verifies hardware evidence only pages load
/// whose app asks for it.
fn size() -> Result<Count> {
    let mut page = Size::default();
    let mut modules = BTreeMap::<String, Size>::new();
    for file in places::files_under(&places::www().join("dist"))? {
        if file
            .extension()
            .is_some_and(|kind| kind == "js" || kind == "wasm")
        {
            if is_attestation(&file) {
                continue;
            }
            let size = Size::of(&file)?;
            match module_of(&file) {
                Some(name) => {
                    let sum = modules.entry(name).or_default();
                    *sum = sum.plus(size);
                }
                None => page = page.plus(size),
            }
        }
    }
    if modules.is_empty() {
        bail!("www/dist holds no wasm module");
    }
    for (name, module) in modules {
        let sum = page.plus(module);
        println!("      JavaScript and wasm with {name}: {sum}");
        if sum.gzip > SIZE_BUDGET {
            bail!(
                "JavaScript and wasm of www/dist with {name}: {} bytes gzipped; the budget is {SIZE_BUDGET}",
                sum.gzip
            );
        }
    }
    Ok(Count::check(true))
}

/// The wasm module that a file belongs to, from `tidegate_cpu_bg-HASH.wasm` or `tidegate_cpu-HASH.js`.
fn module_of(file: &Path) -> Option<String> {
    let name = file.file_name()?.to_str()?;
    let stem = name
        .starts_with("tidegate_")
        .then(|| name.split('-').next())??;
    Some(stem.trim_end_matches("_bg").to_owned())
}

fn is_attestation(file: &Path) -> bool {
    let name = file.file_name().and_then(|name| name.to_str());
    name.is_some_and(|name| name.starts_with("attestation"))
}

fn browser_specs() -> Result<Count> {
    let environment = [
        ("TIDEGATE_BINARY", places::binary("tidegate")),
        ("TIDEGATE_MODEL", model::path()?),
        ("TIDEGATE_PYTHON", places::python()?),
        ("TIDEGATE_WORKER", wasm::worker_folder()),
        ("CHROMIUM", setup::chromium().unwrap_or_default()),
    ];
    vitest("browser-specs", &places::browser_specs(), &environment)
}

fn cargo(arguments: &str) -> Expression {
    cmd("cargo", arguments.split(' ')).dir(places::root())
}

/// A command that either succeeds or does not.
fn check(name: &str, command: Expression) -> Result<Count> {
    run::quiet(name, command).map(|()| Count::check(true))
}

/// A test runner whose output tells how many passed.
fn counted(
    name: &str,
    command: Expression,
    parse: impl Fn(&str) -> Result<Count>,
) -> Result<Count> {
    let ran = run::quiet(name, command);
    let output = fs::read(run::log(name))?;
    judge(ran, parse(&String::from_utf8_lossy(&output)))
}

/// A runner that failed without naming a failed test failed all the same; one that ran nothing, too.
fn judge(ran: Result<()>, count: Result<Count>) -> Result<Count> {
    match (ran, count) {
        (Ok(()), Ok(count)) if count.passed == 0 => Err(anyhow!("no test ran")),
        (Ok(()), count) => count,
        (Err(error), Ok(count)) if count.failed > 0 => {
            println!("      {error:#}");
            Ok(count)
        }
        (Err(error), Ok(mut count)) => {
            println!("      {error:#}");
            count += Count::check(false);
            Ok(count)
        }
        (Err(error), Err(_)) => Err(error),
    }
}
