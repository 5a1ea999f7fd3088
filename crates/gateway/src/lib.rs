//! Opens sealed queries, asks the cloud model, seals the reply. Keeps nothing.
