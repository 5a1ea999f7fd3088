//! A maker of processors like Intel: a real quote and Intel's word on its platform, both signed anew under a test root,
//! so that the report data can be chosen.

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer,
    CustomExtension, DnType, IsCa, KeyIdMethod, KeyPair, KeyUsagePurpose, SerialNumber, SigningKey,
    date_time_ymd,
};
use sha2::{Digest, Sha256};
use x509_cert::der::DecodePem;

use super::recorded;
use crate::TdxProof;

/// A proof with this report data, and the root's certificate.
pub(super) fn made(report_data: [u8; 64]) -> (TdxProof, Vec<u8>) {
    let root = CertifiedIssuer::self_signed(authority("Test Root CA"), key()).unwrap();
    let platform = CertifiedIssuer::signed_by(authority("Test Platform CA"), key(), &root).unwrap();
    let [word_key, pck_key, quoting_key] = [key(), key(), key()];
    let word = named("Test TCB Signing")
        .signed_by(&word_key, &root)
        .unwrap();

    let real = BASE64.decode(recorded::quote().quote).unwrap();
    let (signed, certified) = real.split_at(632);
    let mut signed = signed.to_vec();
    signed[48 + 520..].copy_from_slice(&report_data);
    // Length, the quote's signature, the key that made it, type and length of what follows; then the quoting enclave's
    // report, its signature, what else it was asked to sign, type and length of the chain of certificates, and that.
    let (mut enclave, rest) = (certified[138..522].to_vec(), &certified[586..]);
    let also_len = usize::from(u16::from_le_bytes([rest[0], rest[1]]));
    let (also, chain) = rest[2..].split_at(also_len);
    let point = &quoting_key.public_key_raw()[1..];
    enclave[320..352].copy_from_slice(&Sha256::digest([point, also].concat()));

    let real_pck = chain[6..].split_inclusive(|&byte| byte == b'\n');
    let mut first = Vec::new();
    for line in real_pck {
        first.extend(line);
        if line.starts_with(b"-----END") {
            break;
        }
    }
    let real_pck = x509_cert::Certificate::from_pem(&first).unwrap();
    let platform_is = real_pck
        .tbs_certificate
        .extensions
        .iter()
        .flatten()
        .find(|extension| extension.extn_id.to_string() == "1.2.840.113741.1.13.1")
        .unwrap();
    let mut pck = named("Test PCK");
    pck.custom_extensions = vec![CustomExtension::from_oid_content(
        &[1, 2, 840, 113_741, 1, 13, 1],
        platform_is.extn_value.as_bytes().to_vec(),
    )];
    let pck = pck.signed_by(&pck_key, &platform).unwrap();
    let chain = [pck.pem(), platform.pem(), root.pem()].concat();

    let inner = [
        &enclave[..],
        &sign(&pck_key, &enclave),
        &(also_len as u16).to_le_bytes(),
        also,
        &5_u16.to_le_bytes(),
        &(chain.len() as u32).to_le_bytes(),
        chain.as_bytes(),
    ]
    .concat();
    let outer = [
        &sign(&quoting_key, &signed)[..],
        point,
        &6_u16.to_le_bytes(),
        &(inner.len() as u32).to_le_bytes(),
        &inner,
    ]
    .concat();
    let length = (outer.len() as u32).to_le_bytes();
    let quote = [&signed[..], &length, &outer].concat();

    let mut collateral = recorded::quote().collateral;
    let word_chain = [word.pem(), root.pem()].concat();
    collateral.tcb_info_signature = sign(&word_key, collateral.tcb_info.as_bytes());
    collateral.qe_identity_signature = sign(&word_key, collateral.qe_identity.as_bytes());
    collateral.tcb_info_issuer_chain.clone_from(&word_chain);
    collateral.qe_identity_issuer_chain = word_chain;
    collateral.root_ca_crl = nothing_revoked(&root);
    collateral.pck_crl = nothing_revoked(&platform);
    collateral.pck_crl_issuer_chain = [platform.pem(), root.pem()].concat();
    let proof = TdxProof {
        quote: BASE64.encode(quote),
        collateral,
    };
    (proof, root.der().to_vec())
}

fn key() -> KeyPair {
    KeyPair::generate().unwrap()
}

fn named(name: &str) -> CertificateParams {
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, name);
    params.not_before = date_time_ymd(2025, 1, 1);
    params.not_after = date_time_ymd(2026, 1, 1);
    params
}

fn authority(name: &str) -> CertificateParams {
    let mut params = named(name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

fn nothing_revoked(by: &CertifiedIssuer<'_, KeyPair>) -> Vec<u8> {
    let list = CertificateRevocationListParams {
        this_update: date_time_ymd(2025, 6, 1),
        next_update: date_time_ymd(2025, 8, 1),
        crl_number: SerialNumber::from(1_u64),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    list.signed_by(by).unwrap().der().to_vec()
}

/// r and s, 32 bytes each.
fn sign(key: &KeyPair, what: &[u8]) -> Vec<u8> {
    let der = key.sign(what).unwrap();
    p256::ecdsa::Signature::from_der(&der)
        .unwrap()
        .to_bytes()
        .to_vec()
}
