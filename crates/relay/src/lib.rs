//! Passes sealed bytes on and drops who sent them: on workerd and as a native server.
