//! Short stories with one point each.
