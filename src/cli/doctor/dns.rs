//! Questions to the system's name servers, each with a short time-out.

use std::{net::IpAddr, time::Duration};

use hickory_resolver::{
    ResolverBuilder, TokioResolver,
    net::{NetError, runtime::TokioRuntimeProvider},
    proto::rr::RData,
};

const WITHIN: Duration = Duration::from_secs(2);

pub(super) struct Dns(TokioResolver);

/// The records that a name has; an error is why nobody could say.
pub(super) type Answer = Result<Vec<String>, String>;

impl Dns {
    /// By `/etc/resolv.conf` and `/etc/hosts`.
    pub(super) fn of_the_system() -> Result<Self, String> {
        let builder = TokioResolver::builder_tokio().map_err(|error| error.to_string())?;
        Self::patient(builder)
    }

    /// By one name server.
    #[cfg(test)]
    pub(super) fn of_server(server: std::net::SocketAddr) -> Self {
        use hickory_resolver::config::{NameServerConfig, ResolverConfig};
        let mut config = NameServerConfig::udp_and_tcp(server.ip());
        config.connections.iter_mut().for_each(|connection| connection.port = server.port());
        let config = ResolverConfig::from_parts(None, Vec::new(), vec![config]);
        Self::patient(TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()))
            .unwrap()
    }

    fn patient(mut builder: ResolverBuilder<TokioRuntimeProvider>) -> Result<Self, String> {
        let options = builder.options_mut();
        (options.timeout, options.attempts) = (WITHIN, 1);
        builder.build().map(Self).map_err(|error| error.to_string())
    }

    pub(super) async fn addresses(&self, name: &str) -> Answer {
        let found = self.0.lookup_ip(absolute(name)).await;
        none_is_an_answer(found.map(|found| found.iter().map(|ip| ip.to_string()).collect()))
    }

    pub(super) async fn exchangers(&self, name: &str) -> Answer {
        let found = self.0.mx_lookup(absolute(name)).await;
        none_is_an_answer(found.map(|found| {
            let hosts = found.answers().iter().filter_map(|record| match &record.data {
                RData::MX(mx) => Some(mx.exchange.to_utf8()),
                _ => None,
            });
            hosts.collect()
        }))
    }

    /// What an address is called (PTR).
    pub(super) async fn names(&self, address: IpAddr) -> Answer {
        let found = self.0.reverse_lookup(address).await;
        none_is_an_answer(found.map(|found| {
            let names = found.answers().iter().filter_map(|record| match &record.data {
                RData::PTR(name) => Some(name.to_utf8()),
                _ => None,
            });
            names.collect()
        }))
    }

    pub(super) async fn texts(&self, name: &str) -> Answer {
        let found = self.0.txt_lookup(absolute(name)).await;
        none_is_an_answer(found.map(|found| {
            let texts = found.answers().iter().filter_map(|record| match &record.data {
                // A long text is cut into strings of 255 bytes (RFC 7208 §3.3).
                RData::TXT(text) => {
                    Some(String::from_utf8_lossy(&text.txt_data.concat()).into_owned())
                }
                _ => None,
            });
            texts.collect()
        }))
    }
}

/// Not completed by the domains of `search` in `/etc/resolv.conf`.
fn absolute(name: &str) -> String {
    format!("{}.", name.trim_end_matches('.'))
}

fn none_is_an_answer(found: Result<Vec<String>, NetError>) -> Answer {
    match found {
        Ok(records) => Ok(records),
        Err(error) if error.is_no_records_found() => Ok(Vec::new()),
        Err(error) => Err(error.to_string()),
    }
}
