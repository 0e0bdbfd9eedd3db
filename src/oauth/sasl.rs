//! What a client says to prove itself with a token: OAUTHBEARER (RFC 7628) or Google's and Microsoft's XOAUTH2.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use secrecy::{ExposeSecret, SecretString};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mechanism {
    OAuthBearer,
    XOAuth2,
}

impl Mechanism {
    /// The better one that the server offers; names are asked for in capitals.
    pub fn choose(offers: impl Fn(&str) -> bool) -> Option<Mechanism> {
        [Mechanism::OAuthBearer, Mechanism::XOAuth2].into_iter().find(|mechanism| offers(mechanism.name()))
    }

    pub fn name(self) -> &'static str {
        match self {
            Mechanism::OAuthBearer => "OAUTHBEARER",
            Mechanism::XOAuth2 => "XOAUTH2",
        }
    }

    /// The client's one message, in base64. `at`: the server's host and port as configured.
    pub fn message(self, user: &str, token: &SecretString, (host, port): (&str, u16)) -> SecretString {
        let token = token.expose_secret();
        let message = match self {
            Mechanism::OAuthBearer => {
                format!("n,a={},\x01host={host}\x01port={port}\x01auth=Bearer {token}\x01\x01", saslname(user))
            }
            Mechanism::XOAuth2 => format!("user={user}\x01auth=Bearer {token}\x01\x01"),
        };
        STANDARD.encode(message).into()
    }

    /// What a server that explains its refusal in a challenge must be told, in base64, before it refuses (RFC 7628 §3.2.3:
    /// a lone ^A; XOAUTH2: nothing).
    pub fn acknowledgement(self) -> &'static str {
        match self {
            Mechanism::OAuthBearer => "AQ==",
            Mechanism::XOAuth2 => "",
        }
    }
}

/// RFC 5801 §4.
fn saslname(user: &str) -> String {
    user.replace('=', "=3D").replace(',', "=2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_standard_is_preferred() {
        use Mechanism::{OAuthBearer, XOAuth2};
        for (offered, chosen) in [
            (&["PLAIN", "XOAUTH2", "OAUTHBEARER"][..], Some(OAuthBearer)),
            (&["XOAUTH2"], Some(XOAuth2)),
            (&["PLAIN"], None),
        ] {
            assert_eq!(Mechanism::choose(|name| offered.contains(&name)), chosen, "{offered:?}");
        }
    }

    /// The example of RFC 7628 §4.1 (its user has no comma), and Google's of XOAUTH2.
    #[test]
    fn messages_are_those_of_the_examples() {
        let check = |mechanism: Mechanism, user, token: &str, at, expected: &str| {
            let message = mechanism.message(user, &token.into(), at);
            let decoded = STANDARD.decode(message.expose_secret()).unwrap();
            assert_eq!(String::from_utf8(decoded).unwrap(), expected);
        };
        let at = ("server.example.com", 143);
        let token = "vF9dft4qmTc2Nvb3RlckBhbHRhdmlzdGEuY29tCg==";
        check(
            Mechanism::OAuthBearer,
            "user@example.com",
            token,
            at,
            &format!("n,a=user@example.com,\x01host=server.example.com\x01port=143\x01auth=Bearer {token}\x01\x01"),
        );
        check(
            Mechanism::OAuthBearer,
            "a,b=c",
            "t",
            at,
            "n,a=a=2Cb=3Dc,\x01host=server.example.com\x01port=143\x01auth=Bearer t\x01\x01",
        );
        let google = "user=someuser@example.com\x01auth=Bearer ya29.vF9dft4\x01\x01";
        check(Mechanism::XOAuth2, "someuser@example.com", "ya29.vF9dft4", at, google);
    }
}
