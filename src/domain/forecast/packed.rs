//! A replica between two readings: in a third of the bytes, and in those that are stored.
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
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Packed {
    pub front: Front,
    #[serde(with = "raw")]
    rest: Box<[u8]>,
}

impl Packed {
    /// The replica, to be worked with. One that was never kept is new.
    pub fn open(&self) -> Replica {
        // These bytes were made by `keep`, or were looked at when they came from the disk.
        self.opened().unwrap_or_default()
    }

    fn opened(&self) -> Option<Replica> {
        let replica = postcard::from_bytes::<Replica>(&self.rest).ok()?;
        Some(Replica {
            front: self.front,
            ..replica
        })
    }

    /// Keeps what became of it.
    pub fn keep(&mut self, replica: &Replica) {
        self.front = replica.front;
        // Writing to memory fails only for types that have no length, and there are none in a replica.
        let bytes = postcard::to_allocvec(replica).unwrap_or_default();
        // Mostly there are as many as before: it stays where it is.
        if bytes.len() == self.rest.len() {
            self.rest.copy_from_slice(&bytes);
        } else {
            self.rest = bytes.into();
        }
    }

    /// Whether bytes from a disk are what this code makes.
    pub fn is_sound(&self) -> bool {
        self.opened().is_some_and(|replica| replica.is_sound())
    }
}

/// Bytes as one piece, not one by one.
mod raw {
    use serde::{Deserialize, Deserializer, Serializer};

    pub fn serialize<S: Serializer>(bytes: &[u8], to: S) -> Result<S::Ok, S::Error> {
        to.serialize_bytes(bytes)
    }

    pub fn deserialize<'de, D: Deserializer<'de>>(from: D) -> Result<Box<[u8]>, D::Error> {
        <&[u8]>::deserialize(from).map(Box::from)
    }
}
