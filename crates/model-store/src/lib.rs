//! Which model file, is it whole, and how to go on with half a download. Pure logic over a storage trait.
