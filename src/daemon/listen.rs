//! Binding ports.

use std::{io, net::SocketAddr};

use tokio::net::TcpListener;

use super::DaemonError;

/// Listens on `address`; `key` is the key of `nurtured.toml` that it comes from.
///
/// # Errors
/// When the port is taken or not ours to take, with what to do about it.
pub async fn bind(address: SocketAddr, key: &str) -> Result<TcpListener, DaemonError> {
    TcpListener::bind(address).await.map_err(|error| {
        let advice = match error.kind() {
            io::ErrorKind::AddrInUse => {
                "another program has this port, perhaps another nurtured: stop it, or choose another port"
            }
            io::ErrorKind::PermissionDenied => {
                "ports below 1024 are for the superuser: choose a higher one behind your reverse proxy"
            }
            io::ErrorKind::AddrNotAvailable => "this machine does not have that address",
            _ => "see the address in nurtured.toml",
        };
        DaemonError::Environment(format!("cannot listen on {address} ({key}): {error}: {advice}"))
    })
}

pub(super) fn address(listener: &TcpListener) -> Result<SocketAddr, DaemonError> {
    listener
        .local_addr()
        .map_err(|error| DaemonError::Environment(format!("a listener has no address: {error}")))
}
