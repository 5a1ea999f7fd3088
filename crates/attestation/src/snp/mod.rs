//! AMD SEV-SNP reports: signatures are `sev`'s, everything else that a certificate and a report promise is checked here.

mod revocation;
mod vcek;

use sev::{
    certs::snp::{Certificate, Chain, Verifiable, builtin, ca},
    firmware::guest::AttestationReport,
    parser::ByteParser,
};
use x509_cert::{
    Certificate as X509,
    der::{Decode, Encode},
};

use crate::{Genuine, Measurement, Refused, SnpMeasurement, SnpProof, bytes};
use vcek::Vcek;

/// ECDSA on P-384 with SHA-384 (SEV-SNP ABI, table "Signature algorithm").
const ECDSA_P384_SHA384: u32 = 1;
/// The report was signed with the chip's own key.
const VCEK: u32 = 0;

/// AMD's root keys, as `sev` carries them.
pub(crate) fn amd_roots() -> Result<Vec<Vec<u8>>, Refused> {
    [
        builtin::milan::ark(),
        builtin::genoa::ark(),
        builtin::turin::ark(),
    ]
    .into_iter()
    .map(|ark| {
        ark.and_then(|ark| ark.to_der())
            .map_err(|error| Refused::malformed("AMD root key", error))
    })
    .collect()
}

/// A report that AMD's hardware made, of a machine that its host can neither debug nor move, with the dates of all that
/// vouches for it. What firmware is new enough is for the list of measurements to say.
pub(crate) fn verify(proof: &SnpProof, roots: &[Vec<u8>], now: u64) -> Result<Genuine, Refused> {
    let report = read_report(&bytes::base64(&proof.report, "SNP report")?)?;
    let vcek = read_certificate(&proof.vcek, "VCEK")?;
    let ask = read_certificate(&proof.ask, "ASK")?;
    let ark = root_of(&ask, roots)?;

    signatures(&ark, &ask, &vcek, &report)?;
    let dates = [
        in_force(&ark, "certificate of AMD's root key (ARK)", now)?,
        in_force(&ask, "certificate of AMD's signing key (ASK)", now)?,
        in_force(&vcek, "certificate of the chip (VCEK)", now)?,
    ];
    Vcek::read(&vcek)?.is_of(&report)?;
    closed(&report)?;
    let listed = revocation::check(proof.crl.as_deref(), &ark, &ask, now)?;

    let tcb = report.reported_tcb;
    Ok(Genuine {
        report_data: report.report_data,
        measurement: Measurement::SevSnp(SnpMeasurement {
            measurement: report.measurement,
            host_data: report.host_data,
            tcb: vcek::tcb(&tcb),
        }),
        until: dates.into_iter().fold(listed, u64::min),
    })
}

/// Reads a report, and only one whose every byte is what it is read as: what was signed is encoded anew when it is
/// checked, so that a byte that nothing reads could otherwise be anything.
fn read_report(bytes: &[u8]) -> Result<AttestationReport, Refused> {
    const LEN: usize = 1184;
    if bytes.len() != LEN {
        let why = format!("{} bytes, expected {LEN}", bytes.len());
        return Err(Refused::malformed("SNP report", why));
    }
    let malformed = |error: &dyn ToString| Refused::malformed("SNP report", error.to_string());
    let report = AttestationReport::from_bytes(bytes).map_err(|error| malformed(&error))?;
    let again = report.to_bytes().map_err(|error| malformed(&error))?;
    if again[..] != *bytes {
        return Err(malformed(&"reserved bytes are not zero"));
    }
    if report.sig_algo != ECDSA_P384_SHA384 {
        return Err(Refused::Unsupported {
            what: format!("signature algorithm {}", report.sig_algo),
        });
    }
    if report.key_info.signing_key() != VCEK {
        return Err(Refused::Unsupported {
            what: "a report that is not signed by the chip's own key".to_owned(),
        });
    }
    Ok(report)
}

fn read_certificate(text: &str, what: &'static str) -> Result<X509, Refused> {
    let der = bytes::base64(text, what)?;
    X509::from_der(&der).map_err(|error| Refused::malformed(what, error))
}

/// The root key by whose name the signing key's certificate was issued.
fn root_of(ask: &X509, roots: &[Vec<u8>]) -> Result<X509, Refused> {
    for root in roots {
        let root =
            X509::from_der(root).map_err(|error| Refused::malformed("AMD root key", error))?;
        if root.tbs_certificate.subject == ask.tbs_certificate.issuer {
            return Ok(root);
        }
    }
    let why = format!(
        "issued by {}, which is not believed",
        ask.tbs_certificate.issuer
    );
    Err(Refused::not_genuine("ASK", why))
}

fn signatures(
    ark: &X509,
    ask: &X509,
    vcek: &X509,
    report: &AttestationReport,
) -> Result<(), Refused> {
    // Names too: `sev` checks none.
    if vcek.tbs_certificate.issuer != ask.tbs_certificate.subject {
        return Err(Refused::not_genuine(
            "VCEK",
            "issued under another name than the ASK's",
        ));
    }
    for (certificate, what) in [(ask, "ASK"), (vcek, "VCEK")] {
        if certificate.signature_algorithm != certificate.tbs_certificate.signature {
            return Err(Refused::not_genuine(what, "two signature algorithms"));
        }
    }
    let certificate = |certificate: &X509| Certificate::from(certificate.clone());
    let chain = Chain {
        ca: ca::Chain {
            ark: certificate(ark),
            ask: certificate(ask),
        },
        vek: certificate(vcek),
    };
    chain
        .verify()
        .map_err(|error| Refused::not_genuine("certificates", error))?;
    (&chain, report)
        .verify()
        .map_err(|error| Refused::not_genuine("SNP report", error))
}

/// When the certificate expires, if it is in force.
fn in_force(certificate: &X509, what: &str, now: u64) -> Result<u64, Refused> {
    let validity = &certificate.tbs_certificate.validity;
    let what = || what.to_owned();
    if now < validity.not_before.to_unix_duration().as_secs() {
        return Err(Refused::NotYetValid { what: what() });
    }
    let until = validity.not_after.to_unix_duration().as_secs();
    if now > until {
        return Err(Refused::Expired { what: what() });
    }
    Ok(until)
}

/// The machine is closed to its host.
fn closed(report: &AttestationReport) -> Result<(), Refused> {
    let open = |why| Err(Refused::Open { why });
    if report.policy.debug_allowed() {
        return open("its policy lets the host debug it");
    }
    if report.policy.migrate_ma_allowed() {
        return open("its policy lets the host move it by a migration agent");
    }
    if report.vmpl != 0 {
        return open("the report was not asked for at the machine's highest privilege");
    }
    Ok(())
}

fn encoded(value: &impl Encode, what: &'static str) -> Result<Vec<u8>, Refused> {
    value
        .to_der()
        .map_err(|error| Refused::malformed(what, error))
}
