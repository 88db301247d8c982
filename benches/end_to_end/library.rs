//! The other side: lettre alone, with mails that are made already.

use std::{net::SocketAddr, sync::Arc};

use lettre::{
    address::Envelope,
    transport::smtp::{client::AsyncSmtpConnection, extension::ClientId},
};
use tokio::net::TcpStream;

pub struct Prebuilt {
    pub bytes: Vec<u8>,
}

pub async fn send(sink: SocketAddr, mail: &Prebuilt, count: usize, connections: usize) {
    let bytes: Arc<[u8]> = mail.bytes.clone().into();
    let work = (0..connections).map(|connection| {
        let bytes = Arc::clone(&bytes);
        let share = count / connections + usize::from(connection < count % connections);
        tokio::spawn(async move {
            let stream = TcpStream::connect(sink).await.unwrap();
            stream.set_nodelay(true).unwrap();
            let hello = ClientId::default();
            let mut connection =
                AsyncSmtpConnection::connect_with_transport(Box::new(stream), &hello)
                    .await
                    .unwrap();
            let from = Some("bounce@bounce.example.com".parse().unwrap());
            let envelope = Envelope::new(from, vec!["grace@example.org".parse().unwrap()]).unwrap();
            for _ in 0..share {
                connection.send(&envelope, &bytes).await.unwrap();
            }
        })
    });
    for done in work.collect::<Vec<_>>() {
        done.await.unwrap();
    }
}
