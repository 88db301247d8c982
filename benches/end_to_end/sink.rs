//! Postfix's `smtp-sink`, a process of its own: it takes mail and forgets it.

use std::{
    net::{SocketAddr, TcpListener, TcpStream},
    process::{Child, Command, Stdio},
    time::Duration,
};

pub struct Sink {
    pub addr: SocketAddr,
    process: Child,
}

impl Sink {
    pub fn start(connections: usize) -> Self {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        let addr = free.local_addr().unwrap();
        drop(free);
        let tools = concat!(env!("CARGO_MANIFEST_DIR"), "/target/tools/usr");
        let path = std::env::var("PATH").unwrap_or_default();
        let mut process = Command::new("smtp-sink")
            // Where the tests unpack it, it does not find its libraries by itself.
            .env("PATH", format!("{path}:{tools}/sbin"))
            .env("LD_LIBRARY_PATH", format!("{tools}/lib/postfix"))
            // It will not run as root without being told whom to run as.
            .args(["-u", "nobody", "-m", &(connections * 4).to_string()])
            .args([&addr.to_string(), "512"])
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("smtp-sink, a part of Postfix, in PATH");
        for _ in 0..500 {
            if TcpStream::connect(addr).is_ok() {
                return Self { addr, process };
            }
            assert!(process.try_wait().unwrap().is_none(), "smtp-sink ended");
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("smtp-sink does not listen");
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
