//! Small builders of evidence for tests.
