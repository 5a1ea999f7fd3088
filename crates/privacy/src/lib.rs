//! Finds personal data, decides its class, swaps it for placeholders and puts it back.
