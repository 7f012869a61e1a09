//! A proxy between Heal and an API server that can hold the traffic, so that a kill hits Heal at a chosen moment. It moves bytes
//! and does not read them: TLS goes through it.
use std::{sync::Arc, time::Duration};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    sync::watch,
};

/// What it does with bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// Everything gets through at once.
    Pass,
    /// Nothing gets through, in either direction.
    Hold,
    /// Answers come late; requests go through at once.
    LateAnswers(Duration),
}

/// A running proxy; it ends with the runtime.
pub struct Proxy {
    /// `host:port` to connect to.
    pub address: String,
    mode: Arc<watch::Sender<Mode>>,
}

impl Proxy {
    /// A proxy in front of `target` (`host:port`).
    ///
    /// # Errors
    /// When no port is free.
    pub async fn before(target: &str) -> std::io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?.to_string();
        let mode = Arc::new(watch::Sender::new(Mode::Pass));
        let (modes, target) = (mode.clone(), target.to_owned());
        tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (modes, target) = (modes.clone(), target.clone());
                tokio::spawn(async move {
                    let Ok(server) = TcpStream::connect(&target).await else {
                        return;
                    };
                    // Bytes leave as they come: otherwise the second part of an answer waits 40 ms for the acknowledgement of
                    // the first. A socket that refuses is closed already.
                    let _ = client.set_nodelay(true);
                    let _ = server.set_nodelay(true);
                    let (client_read, client_write) = client.into_split();
                    let (server_read, server_write) = server.into_split();
                    tokio::join!(
                        carry(client_read, server_write, modes.subscribe(), false),
                        carry(server_read, client_write, modes.subscribe(), true),
                    );
                });
            }
        });
        Ok(Self { address, mode })
    }

    /// Changes what it does from now on.
    pub fn set(&self, mode: Mode) {
        self.mode.send_replace(mode);
    }
}

async fn carry(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut mode: watch::Receiver<Mode>,
    is_answer: bool,
) {
    let mut buffer = vec![0; 64 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer).await {
        if mode.wait_for(|mode| *mode != Mode::Hold).await.is_err() {
            break;
        }
        let late = match *mode.borrow() {
            Mode::LateAnswers(late) if is_answer => Some(late),
            _ => None,
        };
        if let Some(late) = late {
            tokio::time::sleep(late).await;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            break;
        }
    }
    let _ = to.shutdown().await;
}
