//! Tests through the front door: the real binary on real repositories.
mod action;
mod critic;
mod examples;
mod readme;
mod support;
