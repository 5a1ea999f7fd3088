//! Evidence of real hardware as it was recorded (`recorded/README.md`), and of test chains that bind a key.

mod binding;
mod hostile;
mod made_snp;
mod made_tdx;
mod recorded;

use crate::{Allowed, Software};

/// What test chains are made for, and the recorded evidence was not.
const KEY: [u8; 32] = [0x11; 32];
const NONCE: [u8; 32] = [0x22; 32];

fn signer() -> dsse::SigningKey {
    dsse::SigningKey::from_seed([5; 32])
}

/// A list of this software that is valid at `now` and an hour longer.
fn allowed(software: &[Software], now: u64) -> Allowed {
    let list = Allowed::sign(software, now, now + 3600, &signer());
    Allowed::open(&list, &[signer().public()]).unwrap()
}
