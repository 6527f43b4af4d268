//! Stub.
/// x
pub fn groups(_: &str) -> Result<usize, String> {
    Ok(9)
}
