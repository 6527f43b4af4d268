//! Reading repositories, through gix.
