//! The boundary between the engine and a web page.
