//! The merge queue's stories: a real bare repository behind a fake GitHub, the real tick, and a clock that only the story
//! moves. The numbers are those of the design's list of scenarios.

mod base;
mod building;
mod changing;
mod command;
mod entering;
mod failing;
mod last_look;
mod trains;
mod verdicts;
