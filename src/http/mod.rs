//! See `DESIGN`.
