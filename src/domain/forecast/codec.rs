//! State as bytes: a version, the state in postcard's format, and a checksum.
use super::series::State;

/// Changes whenever the shape of the state changes: what another version wrote is not read.
const VERSION: u8 = 6;
const SUM: usize = 8;

/// The state as bytes.
pub(super) fn encode(state: &State) -> Vec<u8> {
    let mut bytes = vec![VERSION];
    // Writing to memory fails only for types that have no length, and there are none in the state; an empty answer is read as `None`.
    match postcard::to_allocvec(state) {
        Ok(body) => bytes.extend(body),
        Err(_) => return Vec::new(),
    }
    let sum = checksum(&bytes);
    bytes.extend(sum.to_le_bytes());
    bytes
}

/// The state from bytes, unless they are of another version or damaged.
pub(super) fn decode(bytes: &[u8]) -> Option<State> {
    let (body, sum) = bytes.split_at_checked(bytes.len().checked_sub(SUM)?)?;
    if sum != checksum(body).to_le_bytes() || *body.first()? != VERSION {
        return None;
    }
    let (state, rest) = postcard::take_from_bytes::<State>(&body[1..]).ok()?;
    (rest.is_empty() && state.is_sound()).then_some(state)
}

/// FNV-1a, 64 bits: finds damage, not malice.
fn checksum(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |sum, b| {
        (sum ^ u64::from(*b)).wrapping_mul(0x0000_0100_0000_01b3)
    })
}
