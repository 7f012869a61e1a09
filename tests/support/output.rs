//! What a program that was started says.
use std::time::Duration;
use tokio::{
    io::{AsyncBufReadExt, AsyncRead, BufReader},
    time::timeout,
};

/// The first line of which `find` makes something; nothing when the output ends before, or no line comes for so long. What comes
/// later is read and dropped: the program never waits for a reader.
pub async fn first<T>(
    output: impl AsyncRead + Unpin + Send + 'static,
    patience: Duration,
    find: impl Fn(&str) -> Option<T>,
) -> Option<T> {
    let mut lines = BufReader::new(output).lines();
    let found = loop {
        let line = timeout(patience, lines.next_line()).await;
        let line = line.ok()?.ok()??;
        if let Some(found) = find(&line) {
            break found;
        }
    };
    tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
    Some(found)
}
