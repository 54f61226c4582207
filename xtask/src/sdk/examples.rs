//! Snippets for the pages, cut from programs that run: `sdks/examples/<language>/<operation id>.*`,
//! between a line with `docs: begin` and one with `docs: end`.

use std::collections::BTreeMap;
use std::path::Path;

use crate::shell::Failure;

/// Snippets by language and operation id.
pub(super) type Snippets = BTreeMap<String, BTreeMap<String, String>>;

const LANGUAGES: &[(&str, &str)] = &[("typescript", "ts"), ("go", "go"), ("rust", "rs")];

/// All snippets.
pub(super) fn read(folder: &Path) -> Result<Snippets, Failure> {
    let mut snippets = Snippets::new();
    for (language, extension) in LANGUAGES {
        let own = snippets.entry((*language).to_owned()).or_default();
        let Ok(entries) = std::fs::read_dir(folder.join("examples").join(language)) else {
            continue;
        };
        for entry in entries {
            let path = entry?.path();
            let name = path.file_stem().and_then(|name| name.to_str()).unwrap_or_default();
            if path.extension().is_some_and(|own| own == *extension)
                && let Some(snippet) = cut(&std::fs::read_to_string(&path)?)
            {
                own.insert(name.to_owned(), snippet);
            }
        }
    }
    Ok(snippets)
}

/// The lines between the markers, without the indentation they share.
fn cut(text: &str) -> Option<String> {
    let lines: Vec<&str> = text
        .lines()
        .skip_while(|line| !line.contains("docs: begin"))
        .skip(1)
        .take_while(|line| !line.contains("docs: end"))
        .collect();
    let depth = |line: &&str| line.len() - line.trim_start().len();
    let shared = lines.iter().filter(|line| !line.trim().is_empty()).map(depth).min()?;
    let cut = lines.iter().map(|line| line.get(shared..).unwrap_or_default());
    Some(cut.collect::<Vec<_>>().join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_snippet_loses_its_markers_and_its_indentation() {
        let text = "a\n  // docs: begin\n  b\n\n    c\n  // docs: end\nd";
        assert_eq!(cut(text).unwrap(), "b\n\n  c");
        assert_eq!(cut("no markers"), None);
    }
}
