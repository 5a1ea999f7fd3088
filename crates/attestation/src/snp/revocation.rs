//! AMD's list of revoked certificates (RFC 5280 §5), signed by its root key. Chips are not in it: what a chip is worth
//! is its firmware's versions.

use rsa::{RsaPublicKey, pss, signature::Verifier};
use sha2::Sha384;
use x509_cert::{
    Certificate,
    crl::CertificateList,
    der::{Decode, asn1::ObjectIdentifier, referenced::OwnedToRef},
};

use super::encoded;
use crate::{Refused, bytes};

const WHAT: &str = "revocation list";
const RSA_SSA_PSS: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.10");

/// When the list expires, if it is the root key's, in force, and holds neither root nor signing key.
pub(super) fn check(
    crl: Option<&str>,
    ark: &Certificate,
    ask: &Certificate,
    now: u64,
) -> Result<u64, Refused> {
    let der = bytes::base64(crl.ok_or(Refused::NoRevocationList)?, WHAT)?;
    let list = CertificateList::from_der(&der).map_err(|error| Refused::malformed(WHAT, error))?;
    signed_by(ark, &list)?;

    let list = &list.tbs_cert_list;
    if now < list.this_update.to_unix_duration().as_secs() {
        return Err(Refused::NotYetValid { what: WHAT.into() });
    }
    let until = list
        .next_update
        .ok_or(Refused::malformed(
            WHAT,
            "it does not say when the next one comes",
        ))?
        .to_unix_duration()
        .as_secs();
    if now > until {
        return Err(Refused::Expired { what: WHAT.into() });
    }
    // What must be understood and is not (a list of part of the certificates, say) makes the list say nothing.
    let mut extensions = list.crl_extensions.iter().flatten();
    if let Some(unknown) = extensions.find(|extension| extension.critical) {
        let why = format!("extension {} is not supported", unknown.extn_id);
        return Err(Refused::malformed(WHAT, why));
    }
    let revoked = list.revoked_certificates.iter().flatten();
    for entry in revoked {
        for (certificate, what) in [(ark, "root key (ARK)"), (ask, "signing key (ASK)")] {
            if entry.serial_number == certificate.tbs_certificate.serial_number {
                return Err(Refused::Revoked { what: what.into() });
            }
        }
    }
    Ok(until)
}

fn signed_by(ark: &Certificate, list: &CertificateList) -> Result<(), Refused> {
    let wrong = |why: &dyn ToString| Refused::not_genuine(WHAT, why.to_string());
    if list.tbs_cert_list.issuer != ark.tbs_certificate.subject {
        return Err(wrong(&"it is another issuer's"));
    }
    if list.signature_algorithm != list.tbs_cert_list.signature
        || list.signature_algorithm.oid != RSA_SSA_PSS
    {
        return Err(wrong(&"it is not signed with RSASSA-PSS"));
    }
    let key = ark.tbs_certificate.subject_public_key_info.owned_to_ref();
    let key = RsaPublicKey::try_from(key).map_err(|error| wrong(&error))?;
    let signature = pss::Signature::try_from(list.signature.raw_bytes());
    let signature = signature.map_err(|error| wrong(&error))?;
    let signed = encoded(&list.tbs_cert_list, WHAT)?;
    pss::VerifyingKey::<Sha384>::new(key)
        .verify(&signed, &signature)
        .map_err(|error| wrong(&error))
}
