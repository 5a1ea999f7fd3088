//! Expected gain and novelty: training and measuring.
