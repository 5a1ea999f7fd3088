//! The software that may hold a key: a signed list of measurements.

use serde::{Deserialize, Serialize};

use crate::Refused;

/// The type of the signed document.
pub const ALLOWED_TYPE: &str = "application/vnd.tidegate.measurements+json";

/// Whose hardware vouches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hardware {
    /// Intel TDX.
    Tdx,
    /// AMD SEV-SNP.
    SevSnp,
}

impl Hardware {
    /// As evidence and receipts name it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tdx => "tdx",
            Self::SevSnp => "sev-snp",
        }
    }
}

/// A list that somebody signed whom the app trusts. Only [`Allowed::open`] makes one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Allowed(List);

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct List {
    /// Valid from here on, seconds since 1970.
    issued: u64,
    /// Valid until here, seconds since 1970.
    expires: u64,
    software: Vec<Software>,
}

/// A release of the gateway as one kind of hardware measures it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Software {
    /// What people call it: `gateway 0.3.1, reproducible build`.
    pub name: String,
    /// What the hardware says of it.
    #[serde(flatten)]
    pub measurement: Measurement,
}

/// What hardware says of the software in a machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "hardware", rename_all = "kebab-case")]
pub enum Measurement {
    /// Intel TDX.
    Tdx(Box<TdxMeasurement>),
    /// AMD SEV-SNP.
    SevSnp(SnpMeasurement),
}

/// All that a TD report says of software and configuration, each SHA-384.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TdxMeasurement {
    /// MRTD: what was in memory at the start, mostly the firmware.
    #[serde(with = "hex::serde")]
    pub mr_td: [u8; 48],
    /// RTMR0 to RTMR3: the machine's configuration, kernel, command line and applications.
    #[serde(with = "registers")]
    pub rt_mr: [[u8; 48]; 4],
    /// MRCONFIGID: configuration that the owner has chosen at the start.
    #[serde(default = "zeros", with = "hex::serde")]
    pub mr_config_id: [u8; 48],
    /// MROWNER.
    #[serde(default = "zeros", with = "hex::serde")]
    pub mr_owner: [u8; 48],
    /// MROWNERCONFIG.
    #[serde(default = "zeros", with = "hex::serde")]
    pub mr_owner_config: [u8; 48],
}

/// All that an SNP report says of software and configuration; in a list, with the oldest firmware that will do.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SnpMeasurement {
    /// SHA-384 of what was in memory at the start.
    #[serde(with = "hex::serde")]
    pub measurement: [u8; 48],
    /// HOST_DATA: configuration that the host handed in at the start.
    #[serde(default = "zeros", with = "hex::serde")]
    pub host_data: [u8; 32],
    /// Versions of the parts of the firmware: in a report the reported ones, in a list the least.
    pub tcb: SnpTcb,
}

/// Security version numbers of the firmware of an AMD processor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SnpTcb {
    /// FMC, on Turin and later.
    #[serde(default)]
    pub fmc: u8,
    /// PSP bootloader.
    pub bootloader: u8,
    /// PSP operating system.
    pub tee: u8,
    /// SNP firmware.
    pub snp: u8,
    /// Lowest patch level of all cores.
    pub microcode: u8,
}

impl SnpTcb {
    /// The parts that are older than in `least`.
    fn behind(&self, least: &Self) -> Option<String> {
        let parts = [
            ("FMC", self.fmc, least.fmc),
            ("bootloader", self.bootloader, least.bootloader),
            ("TEE", self.tee, least.tee),
            ("SNP firmware", self.snp, least.snp),
            ("microcode", self.microcode, least.microcode),
        ];
        let behind: Vec<String> = parts
            .into_iter()
            .filter(|(_, have, least)| have < least)
            .map(|(part, have, least)| format!("{part} {have}, at least {least} is needed"))
            .collect();
        (!behind.is_empty()).then(|| behind.join("; "))
    }
}

impl Measurement {
    /// Whose hardware says it.
    pub fn hardware(&self) -> Hardware {
        match self {
            Self::Tdx(_) => Hardware::Tdx,
            Self::SevSnp(_) => Hardware::SevSnp,
        }
    }

    /// Its first register, in hex: enough for an operator to see which release it is.
    fn name(&self) -> String {
        match self {
            Self::Tdx(tdx) => format!("MRTD {}", hex::encode(tdx.mr_td)),
            Self::SevSnp(snp) => hex::encode(snp.measurement),
        }
    }

    /// The same software, whatever the firmware.
    fn same_software(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Tdx(one), Self::Tdx(two)) => one == two,
            (Self::SevSnp(one), Self::SevSnp(two)) => {
                (one.measurement, one.host_data) == (two.measurement, two.host_data)
            }
            _ => false,
        }
    }

    fn behind(&self, least: &Self) -> Option<String> {
        match (self, least) {
            (Self::SevSnp(one), Self::SevSnp(least)) => one.tcb.behind(&least.tcb),
            // Intel says itself which versions are up to date, signed and dated.
            _ => None,
        }
    }
}

impl Allowed {
    /// Opens a signed list.
    ///
    /// # Errors
    /// [`Refused::List`] if none of `signers` signed it, [`Refused::Malformed`] if it cannot be read.
    pub fn open(envelope: &str, signers: &[dsse::PublicKey]) -> Result<Self, Refused> {
        let payload = dsse::open(envelope, ALLOWED_TYPE, signers)?;
        let list = serde_json::from_slice(&payload)
            .map_err(|error| Refused::malformed("list of measurements", error))?;
        Ok(Self(list))
    }

    /// Signs a list, valid from `issued` to `expires` (seconds since 1970).
    pub fn sign(software: &[Software], issued: u64, expires: u64, by: &dsse::SigningKey) -> String {
        let list = List {
            issued,
            expires,
            software: software.to_vec(),
        };
        dsse::sign(
            serde_json::json!(list).to_string().as_bytes(),
            ALLOWED_TYPE,
            &[by],
        )
    }

    pub(crate) fn expires(&self) -> u64 {
        self.0.expires
    }

    /// The name of the software that was measured.
    pub(crate) fn software(&self, measured: &Measurement, now: u64) -> Result<&str, Refused> {
        let when = match now {
            _ if now < self.0.issued => Some("yet"),
            _ if now > self.0.expires => Some("any more"),
            _ => None,
        };
        if let Some(when) = when {
            return Err(Refused::ListNotValid { when });
        }
        let same = |software: &&Software| measured.same_software(&software.measurement);
        let mut allowed = self.0.software.iter().filter(same).peekable();
        if allowed.peek().is_none() {
            return Err(Refused::UnknownSoftware {
                measurement: measured.name(),
            });
        }
        let mut what = String::new();
        for software in allowed {
            match measured.behind(&software.measurement) {
                None => return Ok(&software.name),
                Some(behind) => what = behind,
            }
        }
        Err(Refused::OutOfDate { what })
    }
}

fn zeros<const N: usize>() -> [u8; N] {
    [0; N]
}

/// Four registers as four texts in hex.
mod registers {
    use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(
        registers: &[[u8; 48]; 4],
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        registers.map(hex::encode).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<[[u8; 48]; 4], D::Error> {
        let texts = <[String; 4]>::deserialize(deserializer)?;
        let mut registers = [[0; 48]; 4];
        for (register, text) in registers.iter_mut().zip(&texts) {
            hex::decode_to_slice(text, register).map_err(D::Error::custom)?;
        }
        Ok(registers)
    }
}
