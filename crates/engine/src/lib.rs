//! Answers a query: privacy, route, local model or sealed cloud, receipt.
