//! A maker of processors like AMD: root key, signing key, chip, report and revocation list, field by field as the
//! SEV-SNP ABI (56860) and the certificates' specification (57230) say.

use std::{str::FromStr, sync::LazyLock, time::Duration};

use base64::{Engine as _, engine::general_purpose::STANDARD as BASE64};
use p384::ecdsa::signature::Signer as _;
use rand::{SeedableRng, rngs::StdRng};
use rsa::{RsaPrivateKey, pss, signature::RandomizedSigner, signature::SignatureEncoding};
use sha2::Sha384;
use x509_cert::{
    Certificate, TbsCertificate, Version,
    crl::{CertificateList, RevokedCert, TbsCertList},
    der::{
        Any, Decode, Encode,
        asn1::{BitString, GeneralizedTime, ObjectIdentifier, OctetString},
    },
    ext::Extension,
    name::Name,
    serial_number::SerialNumber,
    spki::{AlgorithmIdentifierOwned, SubjectPublicKeyInfoOwned},
    time::{Time, Validity},
};

use crate::SnpProof;

/// What can be wrong with it, each by itself.
#[derive(Clone)]
pub(super) struct Made {
    pub(super) report_data: [u8; 64],
    pub(super) measurement: [u8; 48],
    /// Bootloader, TEE, SNP, microcode as the report says.
    pub(super) tcb: [u8; 4],
    /// The same as the certificate says.
    pub(super) certified_tcb: [u8; 4],
    pub(super) certified_chip: [u8; 64],
    pub(super) vmpl: u8,
    pub(super) policy: u64,
    /// From and until, seconds since 1970.
    pub(super) ask_valid: (u64, u64),
    pub(super) crl_valid: (u64, u64),
    pub(super) revoked: Vec<u8>,
    /// The list is signed by the signing key instead of the root.
    pub(super) crl_by_ask: bool,
}

const CHIP: [u8; 64] = [0xc1; 64];
/// The serial number of the signing key's certificate.
pub(super) const ASK_SERIAL: u8 = 7;

impl Made {
    pub(super) fn at(now: u64, report_data: [u8; 64]) -> Self {
        let valid = (now - 1000, now + 100_000);
        Self {
            report_data,
            measurement: [0x33; 48],
            tcb: [3, 0, 8, 115],
            certified_tcb: [3, 0, 8, 115],
            certified_chip: CHIP,
            vmpl: 0,
            // ABI 0.0, SMT allowed, the reserved bit that is one.
            policy: 0x3_0000,
            ask_valid: valid,
            crl_valid: valid,
            revoked: Vec::new(),
            crl_by_ask: false,
        }
    }

    pub(super) fn proof(&self) -> SnpProof {
        let keys = &*KEYS;
        let ask = keys.certificate(
            &keys.ark,
            "ARK-Test",
            "SEV-Test",
            rsa_key(&keys.ask),
            self.ask_valid,
            ASK_SERIAL,
            None,
        );
        let versions = [1, 2, 3, 8].into_iter().zip(self.certified_tcb);
        let mut extensions: Vec<Extension> = versions
            .map(|(part, version)| extension(&format!("3.{part}"), version.to_der().unwrap()))
            .collect();
        extensions.push(extension("4", self.certified_chip.to_vec()));
        let vcek = keys.certificate(
            &keys.ask,
            "SEV-Test",
            "SEV-VCEK",
            chip_key(),
            self.ask_valid,
            0,
            Some(extensions),
        );
        let encode = |der: Vec<u8>| BASE64.encode(der);
        SnpProof {
            report: encode(self.report()),
            vcek: encode(vcek.to_der().unwrap()),
            ask: encode(ask.to_der().unwrap()),
            crl: Some(encode(self.crl().to_der().unwrap())),
        }
    }

    fn report(&self) -> Vec<u8> {
        let mut report = vec![0; 1184];
        let [bootloader, tee, snp, microcode] = self.tcb;
        let tcb = [bootloader, tee, 0, 0, 0, 0, snp, microcode];
        let mut put = |at: usize, bytes: &[u8]| report[at..at + bytes.len()].copy_from_slice(bytes);
        put(0x00, &2_u32.to_le_bytes());
        put(0x08, &self.policy.to_le_bytes());
        put(0x30, &[self.vmpl]);
        put(0x34, &1_u32.to_le_bytes());
        for at in [0x38, 0x180, 0x1e0, 0x1f0] {
            put(at, &tcb);
        }
        put(0x50, &self.report_data);
        put(0x90, &self.measurement);
        put(0x1a0, &CHIP);
        let signature: p384::ecdsa::Signature = chip().sign(&report[..0x2a0]);
        for (at, number) in [(0x2a0, signature.r()), (0x2e8, signature.s())] {
            let mut bytes = number.to_bytes();
            bytes.reverse();
            report[at..at + 48].copy_from_slice(&bytes);
        }
        report
    }

    fn crl(&self) -> CertificateList {
        let keys = &*KEYS;
        let revoked: Vec<RevokedCert> = self
            .revoked
            .iter()
            .map(|&serial| RevokedCert {
                serial_number: SerialNumber::new(&[serial]).unwrap(),
                revocation_date: time(self.crl_valid.0),
                crl_entry_extensions: None,
            })
            .collect();
        let list = TbsCertList {
            version: Version::V2,
            signature: pss_algorithm(),
            issuer: name("ARK-Test"),
            this_update: time(self.crl_valid.0),
            next_update: Some(time(self.crl_valid.1)),
            revoked_certificates: (!revoked.is_empty()).then_some(revoked),
            crl_extensions: None,
        };
        let key = if self.crl_by_ask {
            &keys.ask
        } else {
            &keys.ark
        };
        CertificateList {
            signature: sign(key, &list),
            tbs_cert_list: list,
            signature_algorithm: pss_algorithm(),
        }
    }
}

/// The root's certificate, and one of the same name and another key.
pub(super) fn roots() -> [Vec<u8>; 2] {
    let keys = &*KEYS;
    [&keys.ark, &keys.ask].map(|key| {
        let valid = (1_600_000_000, 2_300_000_000);
        keys.certificate(key, "ARK-Test", "ARK-Test", rsa_key(key), valid, 1, None)
            .to_der()
            .unwrap()
    })
}

/// 1024 bits: quick to make, and nothing depends on how long they are.
struct Keys {
    ark: RsaPrivateKey,
    ask: RsaPrivateKey,
}

static KEYS: LazyLock<Keys> = LazyLock::new(|| {
    let mut random = StdRng::seed_from_u64(1);
    let mut key = || RsaPrivateKey::new(&mut random, 1024).unwrap();
    Keys {
        ark: key(),
        ask: key(),
    }
});

impl Keys {
    #[expect(clippy::too_many_arguments, reason = "the fields of a certificate")]
    fn certificate(
        &self,
        by: &RsaPrivateKey,
        issuer: &str,
        subject: &str,
        key: SubjectPublicKeyInfoOwned,
        (from, until): (u64, u64),
        serial: u8,
        extensions: Option<Vec<Extension>>,
    ) -> Certificate {
        let certificate = TbsCertificate {
            version: Version::V3,
            serial_number: SerialNumber::new(&[serial]).unwrap(),
            signature: pss_algorithm(),
            issuer: name(issuer),
            validity: Validity {
                not_before: time(from),
                not_after: time(until),
            },
            subject: name(subject),
            subject_public_key_info: key,
            issuer_unique_id: None,
            subject_unique_id: None,
            extensions,
        };
        Certificate {
            signature: sign(by, &certificate),
            tbs_certificate: certificate,
            signature_algorithm: pss_algorithm(),
        }
    }
}

fn chip() -> p384::ecdsa::SigningKey {
    p384::ecdsa::SigningKey::from_slice(&[9; 48]).unwrap()
}

fn chip_key() -> SubjectPublicKeyInfoOwned {
    let p384 = ObjectIdentifier::new_unwrap("1.3.132.0.34");
    let point = chip().verifying_key().to_encoded_point(false);
    SubjectPublicKeyInfoOwned {
        algorithm: AlgorithmIdentifierOwned {
            oid: ObjectIdentifier::new_unwrap("1.2.840.10045.2.1"),
            parameters: Some(Any::encode_from(&p384).unwrap()),
        },
        subject_public_key: BitString::from_bytes(point.as_bytes()).unwrap(),
    }
}

fn rsa_key(key: &RsaPrivateKey) -> SubjectPublicKeyInfoOwned {
    let der = rsa::pkcs8::EncodePublicKey::to_public_key_der(&key.to_public_key()).unwrap();
    SubjectPublicKeyInfoOwned::from_der(der.as_bytes()).unwrap()
}

fn sign(key: &RsaPrivateKey, what: &impl Encode) -> BitString {
    let mut random = StdRng::seed_from_u64(2);
    let signature = pss::SigningKey::<Sha384>::new(key.clone())
        .sign_with_rng(&mut random, &what.to_der().unwrap());
    BitString::from_bytes(&signature.to_bytes()).unwrap()
}

fn pss_algorithm() -> AlgorithmIdentifierOwned {
    pss::get_default_pss_signature_algo_id::<Sha384>().unwrap()
}

fn extension(oid: &str, value: Vec<u8>) -> Extension {
    Extension {
        extn_id: ObjectIdentifier::new_unwrap(&format!("1.3.6.1.4.1.3704.1.{oid}")),
        critical: false,
        extn_value: OctetString::new(value).unwrap(),
    }
}

fn name(common: &str) -> Name {
    Name::from_str(&format!("CN={common}")).unwrap()
}

fn time(seconds: u64) -> Time {
    Time::GeneralTime(GeneralizedTime::from_unix_duration(Duration::from_secs(seconds)).unwrap())
}
