//! Postfix's own SMTP server for tests, which writes each mail into a file.

use std::{
    net::SocketAddr,
    os::unix::fs::MetadataExt as _,
    path::PathBuf,
    process::{Child, Command, Stdio},
};

use tempfile::TempDir;

use super::skipped::skipped;

/// A running smtp-sink; it ends when this is dropped.
pub struct SmtpSink {
    child: Child,
    dump: TempDir,
    pub address: SocketAddr,
}

impl SmtpSink {
    /// `None`, having said so, where smtp-sink is not installed.
    pub async fn start() -> Option<Self> {
        let Some(program) = program() else {
            skipped("mails to Postfix's own server: smtp-sink is not installed");
            return None;
        };
        let dump = tempfile::tempdir().unwrap();
        let address = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = Command::new(&program);
        // As root it wants to be told who to be.
        if std::fs::metadata(&dump).unwrap().uid() == 0 {
            command.args(["-u", "root"]);
        }
        // Unpacked beside its libraries it does not find them by itself.
        command.env("LD_LIBRARY_PATH", program.parent().unwrap().join("../lib/postfix"));
        command.args(["-d", "mail.", &address.to_string(), "50"]).current_dir(&dump);
        let mut child = command.stdin(Stdio::null()).spawn().unwrap();
        while tokio::net::TcpStream::connect(address).await.is_err() {
            assert!(child.try_wait().unwrap().is_none(), "it ended");
            tokio::task::yield_now().await;
        }
        Some(Self { child, dump, address })
    }

    /// How many mails it has begun to write.
    pub fn count(&self) -> usize {
        std::fs::read_dir(&self.dump).unwrap().count()
    }

    pub fn mails(&self) -> Vec<String> {
        let files = std::fs::read_dir(&self.dump).unwrap();
        files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect()
    }
}

impl Drop for SmtpSink {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Debian's, where it is installed.
fn program() -> Option<PathBuf> {
    let on_path = std::env::var_os("PATH")
        .into_iter()
        .flat_map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
    let tools = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/usr/sbin"));
    on_path
        .chain([tools, "/usr/sbin".into()])
        .map(|folder| folder.join("smtp-sink"))
        .find(|file| file.exists())
}
