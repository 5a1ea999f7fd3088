//! Intent: training and measuring.
