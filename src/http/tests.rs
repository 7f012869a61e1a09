//! Requests as Slack makes them (and as others do), against the whole inbound side with an engine that only remembers.
mod bench;
mod clicks;
mod doors;
