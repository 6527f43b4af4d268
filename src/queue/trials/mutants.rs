//! A safety check that nothing misses is not worth its lines: each is taken out in turn, and a promise must break.
