//! A Vulkan adapter in software (Mesa's lavapipe), so that WebGPU code is tested without a GPU.

use std::fs;
use std::path::PathBuf;

use anyhow::{Result, bail};

use crate::run::Outcome;
use crate::setup;

/// Where Debian's package puts the driver's description; its name ends in the architecture.
const DRIVERS: &str = "/usr/share/vulkan/icd.d";

/// Finds or installs lavapipe.
pub fn ensure() -> Result<Outcome> {
    if let Some(driver) = driver() {
        return Ok(Outcome::There(driver.display().to_string()));
    }
    if !setup::is_debian() {
        bail!("no lavapipe in {DRIVERS}: install Mesa's Vulkan drivers and the Vulkan loader");
    }
    setup::apt_install(&["mesa-vulkan-drivers", "libvulkan1"])?;
    match driver() {
        Some(driver) => Ok(Outcome::Did(format!("installed {}", driver.display()))),
        None => bail!("mesa-vulkan-drivers is installed, but {DRIVERS} has no lvp_icd*.json"),
    }
}

/// Environment variables that make a native program see only the software adapter.
pub fn environment() -> Vec<(&'static str, String)> {
    driver()
        .map(|driver| ("VK_ICD_FILENAMES", driver.display().to_string()))
        .into_iter()
        .collect()
}

fn driver() -> Option<PathBuf> {
    let files = fs::read_dir(DRIVERS)
        .ok()?
        .flatten()
        .map(|file| file.path());
    let mut drivers: Vec<PathBuf> = files
        .filter(|file| {
            file.file_name()
                .is_some_and(|name| name.to_string_lossy().starts_with("lvp_icd"))
        })
        .collect();
    drivers.sort();
    // More than one is there on machines with several architectures; the native one is what Rust was built for.
    let native = drivers
        .iter()
        .position(|file| file.to_string_lossy().contains(std::env::consts::ARCH));
    native
        .map(|index| drivers.swap_remove(index))
        .or_else(|| drivers.pop())
}
