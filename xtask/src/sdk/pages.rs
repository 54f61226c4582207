//! What the pages of `docs/sdks/` need beside templates.

/// A description as a cell of a table.
pub(super) fn cell(text: &str) -> String {
    text.replace('\n', " ").replace('|', "\\|")
}
