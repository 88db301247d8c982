//! One signed POST, to the public internet and to what `[egress]` names.
//!
//! The host is looked up once, and the connection goes to an address that was judged: no second look-up can lead
//! elsewhere. Redirects are not followed, no proxy is asked, and of the answer only the head is read.

use std::{
    net::{IpAddr, SocketAddr},
    sync::{Arc, OnceLock},
    time::Duration,
};

use axum::http::{Request, header};
use http_body_util::Full;
use hyper::{body::Bytes, client::conn::http1};
use hyper_util::rt::TokioIo;
use reqwest::Url;
use ring::hmac;
use rustls::ClientConfig;
use secrecy::{ExposeSecret as _, SecretString};
use tokio::{
    io::{AsyncRead, AsyncWrite},
    net::{TcpStream, lookup_host},
};
use tokio_rustls::client::TlsStream;

use crate::{
    config::{Egress, Target},
    domain::time::Instant,
    mail::relay::tls,
};

/// The largest head of an answer.
const HEAD: usize = 64 * 1024;

/// How long one address may take to take a connection.
const CONNECT: Duration = Duration::from_secs(8);

/// Returns the status of an answer that says that it was taken.
pub(super) async fn post(
    target: &Target,
    egress: &Egress,
    secret: &SecretString,
    key: &str,
    body: String,
    now: Instant,
) -> Result<u16, String> {
    let url = &target.url;
    let stream = connect(&addresses(url, egress).await?).await?;
    let mut request = Request::post(path(url))
        .header(header::HOST, host(url))
        .header(header::CONTENT_TYPE, "application/json")
        .header(header::USER_AGENT, concat!("nurtured/", env!("CARGO_PKG_VERSION")))
        .header("Idempotency-Key", key)
        .header("Nurtured-Signature", signature(secret, now, &body));
    for (name, value) in &target.headers {
        request = request.header(name, value);
    }
    let request = request.body(Full::new(Bytes::from(body))).map_err(|error| error.to_string())?;
    let status = if url.scheme() == "https" {
        send(encrypted(stream, url).await?, request).await?
    } else {
        send(stream, request).await?
    };
    match status {
        200..=299 => Ok(status),
        300..=399 => Err(format!("answered {status}: redirects are not followed")),
        _ => Err(format!("answered {status}")),
    }
}

/// `t=…,v1=…`: when, and the HMAC-SHA-256 of that, a point and the body, as Stripe signs.
pub(super) fn signature(secret: &SecretString, now: Instant, body: &str) -> String {
    let seconds = now.millis() / 1_000;
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose_secret().as_bytes());
    let tag = hmac::sign(&key, format!("{seconds}.{body}").as_bytes());
    let digits =
        tag.as_ref().iter().fold(String::new(), |digits, byte| digits + &format!("{byte:02x}"));
    format!("t={seconds},v1={digits}")
}

/// Those of a host that may be reached.
pub(super) async fn addresses(url: &Url, egress: &Egress) -> Result<Vec<SocketAddr>, String> {
    let port = url.port_or_known_default().ok_or("the URL has no port")?;
    let literal =
        url.host_str().and_then(|host| host.trim_matches(['[', ']']).parse::<IpAddr>().ok());
    let found: Vec<SocketAddr> = match (literal, url.host_str()) {
        (Some(address), _) => vec![SocketAddr::new(address, port)],
        (None, Some(host)) => lookup_host((host, port))
            .await
            .map_err(|error| format!("{host} cannot be looked up: {error}"))?
            .collect(),
        (None, None) => Vec::new(),
    };
    let mut refused = None;
    let mut allowed = Vec::new();
    for address in found {
        let ip = address.ip();
        if let Some(why) = egress.refusal(ip) {
            refused.get_or_insert(format!("{ip} is not called: {why}; see [egress]"));
        } else if url.scheme() != "https" && !egress.allows(ip) {
            refused.get_or_insert(format!("{ip} is called by https only; see [egress]"));
        } else {
            allowed.push(address);
        }
    }
    if allowed.is_empty() {
        return Err(refused.unwrap_or_else(|| "its host has no address".to_owned()));
    }
    Ok(allowed)
}

async fn connect(addresses: &[SocketAddr]) -> Result<TcpStream, String> {
    let mut failed = String::new();
    for address in addresses {
        match tokio::time::timeout(CONNECT, TcpStream::connect(address)).await {
            Ok(Ok(stream)) => return Ok(stream),
            Ok(Err(error)) => failed = format!("{address}: {error}"),
            Err(_) => failed = format!("{address} does not take a connection"),
        }
    }
    Err(failed)
}

/// Made once: connections share it, and so their TLS tickets.
fn client_config() -> Result<Arc<ClientConfig>, String> {
    static CONFIG: OnceLock<Result<Arc<ClientConfig>, String>> = OnceLock::new();
    CONFIG.get_or_init(|| tls::client_config(&[]).map(Arc::new)).clone()
}

async fn encrypted(stream: TcpStream, url: &Url) -> Result<TlsStream<TcpStream>, String> {
    let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
    let secured = tls::secure(client_config()?, host, stream).await;
    secured.map_err(|error| format!("TLS: {error}"))
}

async fn send(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<u16, String> {
    let (mut sender, connection) = http1::Builder::new()
        .max_buf_size(HEAD)
        .handshake(TokioIo::new(stream))
        .await
        .map_err(|error| error.to_string())?;
    let asking = sender.send_request(request);
    tokio::pin!(asking, connection);
    // The body of the answer is of no use: the connection ends with the head.
    let answer = tokio::select! {
        answer = &mut asking => answer,
        // Whoever answers and closes has answered: that is known only here.
        _ = &mut connection => asking.await,
    };
    let answer = answer.map_err(|error| format!("no answer: {error}"))?;
    Ok(answer.status().as_u16())
}

fn host(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"))
}

fn path(url: &Url) -> String {
    url.query().map_or_else(|| url.path().to_owned(), |query| format!("{}?{query}", url.path()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The same by `printf '1804930800.{"a":1}' | openssl dgst -sha256 -hmac secret`.
    #[test]
    fn a_signature_can_be_checked_by_others() {
        let at = Instant::from_millis(1_804_930_800_123);
        let signed = signature(&SecretString::from("secret"), at, r#"{"a":1}"#);
        insta::assert_snapshot!(signed, @"t=1804930800,v1=15e2c08a552b2bf09a80989e7db42ab8373d20cfb4d04eb7d9d2a3d8bd13a7c1");
    }

    async fn refused(url: &str) -> Option<String> {
        addresses(&Url::parse(url).unwrap(), &Egress::default()).await.err()
    }

    #[tokio::test]
    async fn no_spelling_of_an_inner_address_is_called() {
        for url in [
            "https://127.0.0.1/",
            "https://0x7f000001/",
            "https://2130706433/",
            "https://127.1/",
            "https://[::1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://169.254.169.254/latest/meta-data/",
            "https://[fd00:ec2::254]/",
            "https://[64:ff9b::7f00:1]/",
            "https://localhost/",
            "http://8.8.8.8/",
        ] {
            assert!(refused(url).await.is_some_and(|why| why.contains("[egress]")), "{url}");
        }
        assert_eq!(refused("https://8.8.8.8/").await, None);
    }
}
