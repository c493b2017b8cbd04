//! Admission.

/// A permit.
#[derive(Debug)]
pub struct Permit;
