//! What can be wrong with keys, requests and tokens.

/// What is wrong. Nothing of a token or a key is in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The public key is none, or not one of type 2.
    #[error(
        "the token key is no RSA key of 2048 bits in the form of RFC 9578 §6.5; take it from the issuer's directory"
    )]
    TokenKey,
    /// The secret key is none, or not one of type 2.
    #[error(
        "the issuer's key is no RSA key of 2048 bits in PKCS #8; make one with `tidegate tokens generate`"
    )]
    IssuerKey,
    /// A name in a challenge is empty, or too long.
    #[error("the name of an issuer or origin has 1 to 65,535 bytes, all of them printable ASCII")]
    Name,
    /// A request for tokens is malformed: what of it.
    #[error("the request for tokens: {0}")]
    Request(&'static str),
    /// A request names a key that the issuer does not sign with.
    #[error(
        "the request is for a key that the issuer does not sign with now; fetch its directory again"
    )]
    OtherKey,
    /// A token is malformed: what of it.
    #[error("the token: {0}")]
    Token(&'static str),
    /// A token was signed with a key that is not accepted, or no longer.
    #[error(
        "the token is of an issuer's key that is not accepted, or has expired; fetch new tokens"
    )]
    UnknownKey,
    /// A token was made for another issuer or origin.
    #[error(
        "the token answers another challenge; set the issuer's and the origin's names as the gateway's challenge says"
    )]
    OtherChallenge,
    /// A token's signature does not hold.
    #[error("the token's signature does not hold")]
    Signature,
    /// There is no randomness, or the library failed.
    #[error("signing failed")]
    Library,
}
