//! The page for marketing ops: every example of it compiles.
#[test]
fn placeholder() {}
