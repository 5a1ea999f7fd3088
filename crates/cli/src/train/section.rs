//! One section of the file of the router's weights.

use std::{fs, io::ErrorKind, path::Path};

use anyhow::Context;
use router::{Sections, gain, intent, write_sections};

/// Writes a file of the router's weights in which one section is put in or replaced; the others stay as they are.
pub(super) fn replace(path: &Path, name: &'static str, content: Vec<u8>) -> anyhow::Result<()> {
    let place = || path.display().to_string();
    let mut sections = vec![(name, content)];
    match fs::read(path) {
        Ok(bytes) => {
            let file = Sections::read(&bytes).with_context(place)?;
            for other in [gain::SECTION, intent::SECTION] {
                if let (true, Ok(content)) = (other != name, file.get(other)) {
                    sections.push((other, content.to_vec()));
                }
            }
        }
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        Err(error) => return Err(error).with_context(place),
    }
    sections.sort();
    fs::write(path, write_sections(&sections)).with_context(place)
}
