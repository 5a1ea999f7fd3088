//! Intel TDX quotes: signatures, certificates, revocation, dates and Intel's word on the platform are `dcap-qvl`'s.

use dcap_qvl::{QuotePolicy, TcbStatus, quote::Report, verify::QuoteVerifier};

use crate::{Genuine, Measurement, Refused, TdxMeasurement, TdxProof, bytes};

/// Intel's SGX root CA, SHA-256 44:A0:19:6B…B6:74:D3, from
/// <https://certificates.trustedservices.intel.com/Intel_SGX_Provisioning_Certification_RootCA.cer>, the same that
/// `dcap-qvl` carries and does not show.
pub(crate) const INTEL_ROOT: &[u8] = include_bytes!("intel-sgx-root-ca.der");

/// A quote that Intel's hardware made, on a platform that Intel calls up to date, in a machine that is not debugged.
pub(crate) fn verify(proof: &TdxProof, root: &[u8], now: u64) -> Result<Genuine, Refused> {
    let quote = bytes::base64(&proof.quote, "TDX quote")?;
    // Whether a platform has two sockets, kept its keys with Intel or runs two threads a core is told, not judged: Intel's
    // verdict on the platform already counts what follows from it.
    let judged_here = QuotePolicy::claims_only(now);
    let claims = QuoteVerifier::new(root.to_vec())
        .verify_with_policy(&quote, &proof.collateral, now, &judged_here)
        .map_err(|error| refused(&format!("{error:#}")))?;
    let Some(report) = claims.report.as_td10() else {
        return Err(Refused::Unsupported {
            what: match claims.report {
                Report::SgxEnclave(_) => "an SGX enclave's quote".to_owned(),
                _ => "an unknown report".to_owned(),
            },
        });
    };
    if claims.tcb.status != TcbStatus::UpToDate {
        let advisories = match &claims.tcb.advisory_ids[..] {
            [] => String::new(),
            ids => format!(", {}", ids.join(", ")),
        };
        return Err(Refused::OutOfDate {
            what: format!("Intel says {}{advisories}", claims.tcb.status),
        });
    }
    Ok(Genuine {
        report_data: report.report_data,
        measurement: Measurement::Tdx(Box::new(TdxMeasurement {
            mr_td: report.mr_td,
            rt_mr: [report.rt_mr0, report.rt_mr1, report.rt_mr2, report.rt_mr3],
            mr_config_id: report.mr_config_id,
            mr_owner: report.mr_owner,
            mr_owner_config: report.mr_owner_config,
        })),
        until: claims.earliest_expiration_date,
    })
}

/// `dcap-qvl` says in words what does not fit. All of it is a refusal; the words decide only what a person reads.
fn refused(why: &str) -> Refused {
    let has = |word: &str| why.contains(word);
    if has("expired") || has("Expired") {
        return Refused::Expired {
            what: format!("Intel collateral ({why})"),
        };
    }
    if has("in the future") || has("NotValidYet") {
        return Refused::NotYetValid {
            what: format!("Intel collateral ({why})"),
        };
    }
    if has("No matching TCB level") || has("below minimum required") {
        return Refused::OutOfDate {
            what: "older than all that Intel knows".to_owned(),
        };
    }
    if has("Revoked") {
        return Refused::Revoked {
            what: format!("platform ({why})"),
        };
    }
    if has("ebug") {
        return Refused::Open {
            why: "it is being debugged",
        };
    }
    Refused::not_genuine("TDX quote", why)
}
