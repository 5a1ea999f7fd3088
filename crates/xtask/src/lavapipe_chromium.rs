//! Chromium whose WebGPU computes on Mesa's lavapipe: several times faster than SwiftShader, and with f16.
//!
//! Chromium offers one CPU adapter alone, SwiftShader, which it loads from a file of its own. A copy of
//! Chromium gets a small library in that place that passes every call on to the Vulkan loader. Debian 12's
//! Mesa is too old for Chromium; the one of its backports is unpacked beside it, the system's stays.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};
use duct::cmd;

use crate::run::{self, Outcome};
use crate::{places, setup};

const CHROMIUM: &str = "/usr/lib/chromium";

const PACKAGES: [&str; 6] = [
    "chromium",
    "libvulkan1",
    "libvulkan-dev",
    // For its dependencies, which the newer one shares.
    "mesa-vulkan-drivers",
    "gcc",
    "libc6-dev",
];

const BACKPORTS: [&str; 3] = ["mesa-vulkan-drivers", "libdrm2", "libdrm-amdgpu1"];

const KEYRING: &str = "/usr/share/keyrings/debian-archive-keyring.gpg";

fn folder() -> Result<PathBuf> {
    Ok(places::cache()?.join("lavapipe-chromium"))
}

/// The program and its environment.
pub fn launch() -> Result<(PathBuf, Vec<(String, String)>)> {
    let folder = folder()?;
    let environment = [
        ("VK_ICD_FILENAMES", folder.join("lavapipe.json")),
        ("LD_LIBRARY_PATH", folder.join("lib")),
    ];
    let environment = environment
        .into_iter()
        .map(|(name, path)| (name.to_owned(), path.display().to_string()));
    Ok((folder.join("chromium/chromium"), environment.collect()))
}

/// Puts it in place; again after Chromium was upgraded.
pub fn ensure() -> Result<Outcome> {
    let (folder, stamp) = (folder()?, folder()?.join("version"));
    let version = || {
        let words = ["-W", "-f", "${Version}", "chromium"];
        run::read(cmd("dpkg-query", words)).unwrap_or_default()
    };
    if fs::read_to_string(&stamp).is_ok_and(|made| made == version()) {
        return Ok(Outcome::There(folder.display().to_string()));
    }
    if !setup::is_debian() {
        bail!("only on Debian; use --adapter swiftshader or --adapter hardware");
    }
    setup::apt_install(&PACKAGES)?;
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir_all(&folder)?;
    unpack_mesa(&folder)?;
    copy_chromium(&folder)?;
    build_shim(&folder)?;
    fs::write(stamp, version())?;
    Ok(Outcome::Did(folder.display().to_string()))
}

/// From the backports of the mirror that this machine uses, with lists of their own, so that apt's stay.
fn unpack_mesa(folder: &Path) -> Result<()> {
    let apt = folder.join("apt");
    for part in ["lists/partial", "cache/archives/partial", "debs"] {
        fs::create_dir_all(apt.join(part))?;
    }
    let release = fs::read_to_string("/etc/os-release")?
        .lines()
        .find_map(|line| line.strip_prefix("VERSION_CODENAME=").map(str::to_owned))
        .context("/etc/os-release names no VERSION_CODENAME")?;
    let targets = cmd!(
        "apt-get",
        "indextargets",
        "--format",
        "$(REPO_URI) $(RELEASE)",
        "Created-By: Packages"
    );
    let targets = run::read(targets)?;
    let mirror = targets
        .lines()
        .find_map(|line| line.strip_suffix(&format!(" {release}")))
        .with_context(|| format!("no apt source for {release}"))?;
    let list = apt.join("backports.list");
    let source = format!("deb [signed-by={KEYRING}] {mirror} {release}-backports main\n");
    fs::write(&list, source)?;
    let private = |words: Vec<String>| {
        let options = [
            format!("Dir::Etc::sourcelist={}", list.display()),
            "Dir::Etc::sourceparts=-".to_owned(),
            format!("Dir::State::lists={}", apt.join("lists").display()),
            format!("Dir::Cache={}", apt.join("cache").display()),
            "APT::Sandbox::User=root".to_owned(),
        ];
        let options = options
            .into_iter()
            .flat_map(|option| ["-o".to_owned(), option]);
        let words = ["-qq".to_owned()].into_iter().chain(options).chain(words);
        run::quiet("backports", cmd("apt-get", words).dir(apt.join("debs")))
    };
    private(vec!["update".to_owned()])?;
    for package in BACKPORTS {
        private(vec![
            "download".to_owned(),
            format!("{package}/{release}-backports"),
        ])?;
    }
    let mesa = folder.join("mesa");
    for package in fs::read_dir(apt.join("debs"))?.flatten() {
        run::quiet("dpkg-deb", cmd!("dpkg-deb", "-x", package.path(), &mesa))?;
    }
    fs::remove_dir_all(&apt)?;
    let library = mesa
        .join("usr/lib")
        .join(run::read(cmd!("gcc", "-print-multiarch"))?);
    std::os::unix::fs::symlink(&library, folder.join("lib"))?;
    let driver = library.join("libvulkan_lvp.so");
    if !driver.is_file() {
        bail!("the package has no {}", driver.display());
    }
    let description = serde_json::json!({
        "file_format_version": "1.0.0",
        "ICD": { "library_path": driver, "api_version": "1.4.305" },
    });
    fs::write(folder.join("lavapipe.json"), description.to_string())?;
    Ok(())
}

/// Hard links where the file system allows them: then the copy takes no room.
fn copy_chromium(folder: &Path) -> Result<()> {
    let copy = folder.join("chromium");
    if run::quiet("copy-chromium", cmd!("cp", "-al", CHROMIUM, &copy)).is_err() {
        let _ = fs::remove_dir_all(&copy);
        run::quiet("copy-chromium", cmd!("cp", "-a", CHROMIUM, &copy))?;
    }
    Ok(())
}

fn build_shim(folder: &Path) -> Result<()> {
    let library = folder.join("chromium/libvk_swiftshader.so");
    // Removed first: it may be a hard link to the system's.
    let _ = fs::remove_file(&library);
    // By its path: Chromium's folder holds a loader of its own under the same name.
    let loader = run::read(cmd!("gcc", "-print-file-name=libvulkan.so.1"))?;
    let loader = fs::canonicalize(loader)?;
    let source = places::browser_specs().join("bench/vulkan-shim.c");
    let define = format!("-DVULKAN_LOADER=\"{}\"", loader.display());
    let words = [
        "-shared",
        "-fPIC",
        "-O2",
        "-Wall",
        "-Werror",
        "-fvisibility=hidden",
    ];
    run::quiet(
        "vulkan-shim",
        cmd(
            "gcc",
            words.into_iter().map(Into::into).chain([
                define.into(),
                "-o".into(),
                library.into_os_string(),
                source.into_os_string(),
                std::ffi::OsString::from("-ldl"),
            ]),
        ),
    )
}
