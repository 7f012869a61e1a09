//! Opens a file or standard input, and unpacks gzip, which it knows by its first bytes.
use flate2::bufread::MultiGzDecoder;
use std::{
    fs::File,
    io::{self, BufReader, Cursor, Read},
    path::Path,
};

const GZIP: [u8; 2] = [0x1f, 0x8b];

/// Opens it; `-` is standard input.
///
/// # Errors
/// When it cannot be opened or read.
pub fn open(path: &Path) -> io::Result<Box<dyn Read>> {
    if path.as_os_str() == "-" {
        unpacked(io::stdin())
    } else {
        unpacked(File::open(path)?)
    }
}

/// The bytes themselves, or what is packed in them.
///
/// # Errors
/// When they cannot be read.
pub fn unpacked(mut source: impl Read + 'static) -> io::Result<Box<dyn Read>> {
    let mut magic = Vec::with_capacity(GZIP.len());
    // A pipe may give its bytes one at a time.
    source
        .by_ref()
        .take(GZIP.len() as u64)
        .read_to_end(&mut magic)?;
    let packed = magic == GZIP;
    let whole = BufReader::with_capacity(1 << 16, Cursor::new(magic).chain(source));
    Ok(if packed {
        Box::new(MultiGzDecoder::new(whole))
    } else {
        Box::new(whole)
    })
}
