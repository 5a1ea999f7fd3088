//! Decides where a query is answered. Pure: no I/O, no clock of its own.
