//! What a chip's certificate says of the chip: its id and its firmware (AMD 57230, "VCEK Certificate and KDS Interface",
//! table of the certificate's extensions).

use sev::firmware::{guest::AttestationReport, host::TcbVersion};
use x509_cert::{
    Certificate,
    der::{Decode, asn1::ObjectIdentifier, asn1::OctetStringRef},
};

use crate::{Refused, SnpTcb};

const BOOTLOADER: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.1");
const TEE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.2");
const SNP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.3");
const MICROCODE: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.8");
const FMC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.3.9");
const CHIP: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.6.1.4.1.3704.1.4");

/// The chip and the firmware that a certificate is for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Vcek {
    /// 64 bytes, or 8 from Turin on.
    chip: Vec<u8>,
    tcb: SnpTcb,
}

impl Vcek {
    pub(super) fn read(certificate: &Certificate) -> Result<Self, Refused> {
        let version = |oid| -> Result<Option<u8>, Refused> {
            extension(certificate, oid)
                .map(|value| u8::from_der(value).map_err(|error| Refused::malformed("VCEK", error)))
                .transpose()
        };
        let needed = |oid, what| version(oid)?.ok_or(Refused::malformed("VCEK", what));
        let chip =
            extension(certificate, CHIP).ok_or(Refused::malformed("VCEK", "it names no chip"))?;
        // As it is, or wrapped once more.
        let chip = OctetStringRef::from_der(chip).map_or(chip, |inner| inner.as_bytes());
        Ok(Self {
            chip: chip.to_vec(),
            tcb: SnpTcb {
                fmc: version(FMC)?.unwrap_or(0),
                bootloader: needed(BOOTLOADER, "it names no bootloader version")?,
                tee: needed(TEE, "it names no TEE version")?,
                snp: needed(SNP, "it names no SNP firmware version")?,
                microcode: needed(MICROCODE, "it names no microcode version")?,
            },
        })
    }

    /// Chip and firmware are those of the report.
    pub(super) fn is_of(&self, report: &AttestationReport) -> Result<(), Refused> {
        if report.chip_id == [0; 64] {
            return Err(Refused::Unsupported {
                what: "a report that hides its chip".to_owned(),
            });
        }
        let mut chip = [0; 64];
        match chip.get_mut(..self.chip.len()) {
            Some(room) if matches!(self.chip.len(), 8 | 64) => room.copy_from_slice(&self.chip),
            _ => return Err(Refused::malformed("VCEK", "its chip id has a wrong length")),
        }
        if chip != report.chip_id {
            return Err(Refused::OtherMachine { what: "chip" });
        }
        let reported = tcb(&report.reported_tcb);
        let parts = [
            ("FMC version", self.tcb.fmc, reported.fmc),
            (
                "bootloader version",
                self.tcb.bootloader,
                reported.bootloader,
            ),
            ("TEE version", self.tcb.tee, reported.tee),
            ("SNP firmware version", self.tcb.snp, reported.snp),
            ("microcode version", self.tcb.microcode, reported.microcode),
        ];
        match parts.into_iter().find(|(_, one, two)| one != two) {
            Some((what, ..)) => Err(Refused::OtherMachine { what }),
            None => Ok(()),
        }
    }
}

/// The versions that a report names.
pub(super) fn tcb(version: &TcbVersion) -> SnpTcb {
    SnpTcb {
        fmc: version.fmc.unwrap_or(0),
        bootloader: version.bootloader,
        tee: version.tee,
        snp: version.snp,
        microcode: version.microcode,
    }
}

fn extension(certificate: &Certificate, oid: ObjectIdentifier) -> Option<&[u8]> {
    let extensions = certificate.tbs_certificate.extensions.iter().flatten();
    let mut named = extensions.filter(|extension| extension.extn_id == oid);
    named
        .next()
        .map(|extension| extension.extn_value.as_bytes())
}
