//! Chunked Oblivious HTTP: seals requests, opens replies.
