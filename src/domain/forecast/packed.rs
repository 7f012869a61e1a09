//! A replica between two readings: in half of the bytes, and in those that are stored.
//!
//! Every container of a cluster has one, and each is looked at twice a minute for some microseconds. Only what is asked of all replicas
//! at once, and what a reading changes, can be had without unpacking.
use super::replica::Replica;
use serde::{Deserialize, Serialize};

/// A reading that waits for others of the same time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Pending {
    pub t: f64,
    pub used: f64,
    pub limit: f64,
}

/// What can be asked for without unpacking.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Front {
    /// The caller's number.
    pub id: u64,
    /// It runs.
    pub alive: bool,
    /// Samples of this run.
    pub samples: u32,
    /// Newest reading.
    pub last: f64,
    /// Highest level that this run has held for hours, in bytes: siblings may go there, too.
    pub calm: f32,
    /// The newest reading, until it is worked in.
    pub pending: Option<Pending>,
}

impl Front {
    /// Whether bytes from a disk are what this code makes.
    pub fn is_sound(&self) -> bool {
        self.last.is_finite()
            && self
                .pending
                .is_none_or(|p| p.t.is_finite() && p.used.is_finite() && p.limit > 0.0)
    }
}

/// A replica that nobody looks at.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub(super) struct Packed {
    pub front: Front,
    #[serde(with = "rest")]
    rest: Rest,
}

/// All but the front.
#[derive(Clone, Debug)]
enum Rest {
    /// Its bytes; none of a replica that was never kept.
    Packed(Vec<u8>),
    /// It is about to be changed again, over and over.
    Open(Box<Replica>),
}

impl Default for Rest {
    fn default() -> Self {
        Rest::Packed(Vec::new())
    }
}

/// Memory is taken in steps of so many bytes, and given back when two of them are free: from one reading to the next the number of
/// bytes differs a little, and what moves leaves holes.
const STEP: usize = 64;
/// A replica has hardly ever more.
const USUAL: usize = 2048;

impl Packed {
    /// The replica, to be looked at, or to be worked with and kept. One that was never kept is new.
    pub fn open(&self) -> Replica {
        // The bytes were made by `keep`, or were looked at when they came from the disk.
        self.opened().unwrap_or_default()
    }

    fn opened(&self) -> Option<Replica> {
        let replica = match &self.rest {
            Rest::Packed(bytes) => postcard::from_bytes::<Replica>(bytes).ok()?,
            Rest::Open(replica) => (**replica).clone(),
        };
        Some(Replica {
            front: self.front,
            ..replica
        })
    }

    /// Keeps what became of it.
    pub fn keep(&mut self, replica: &Replica) {
        self.front = replica.front;
        let bytes = pack(replica);
        let fits = bytes.len()..=bytes.len() + 2 * STEP;
        let mut kept = match std::mem::take(&mut self.rest) {
            Rest::Packed(kept) if fits.contains(&kept.capacity()) => kept,
            _ => with_room(bytes.len()),
        };
        kept.clear();
        kept.extend_from_slice(&bytes);
        self.rest = Rest::Packed(kept);
    }

    /// Packs it again after changes.
    pub fn pack(&mut self) {
        if let Rest::Open(_) = self.rest {
            self.keep(&self.open());
        }
    }

    /// Changes it and leaves it open until it is kept or packed: a past is taken in by thousands of points.
    pub fn change(&mut self, change: impl FnOnce(&mut Replica)) {
        if let Rest::Packed(_) = self.rest {
            self.rest = Rest::Open(Box::new(self.open()));
        }
        if let Rest::Open(replica) = &mut self.rest {
            replica.front = self.front;
            change(replica);
            self.front = replica.front;
        }
    }

    /// Whether bytes from a disk are what this code makes.
    pub fn is_sound(&self) -> bool {
        self.opened().is_some_and(|replica| replica.is_sound())
    }
}

/// Room for so many bytes, and for a few more.
fn with_room(bytes: usize) -> Vec<u8> {
    Vec::with_capacity((bytes + STEP / 2).next_multiple_of(STEP))
}

fn pack(replica: &Replica) -> Vec<u8> {
    // Writing to memory fails only for types that have no length, and there are none in a replica.
    postcard::to_extend(replica, Vec::with_capacity(USUAL)).unwrap_or_default()
}

/// The bytes as one piece, not one by one.
mod rest {
    use super::{Rest, pack, with_room};
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(rest: &Rest, to: S) -> Result<S::Ok, S::Error> {
        match rest {
            Rest::Packed(bytes) => to.serialize_bytes(bytes),
            Rest::Open(replica) => to.serialize_bytes(&pack(replica)),
        }
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Rest, D::Error> {
        let bytes = <&[u8]>::deserialize(from)?;
        let mut kept = with_room(bytes.len());
        kept.extend_from_slice(bytes);
        Ok(Rest::Packed(kept))
    }
}
