//! How many tests passed and failed.
