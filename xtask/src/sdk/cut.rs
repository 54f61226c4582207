//! The pages show what the programs of `examples/` run: a line `@cut PATH NAME` becomes the lines
//! between `// snippet NAME` and `// end` of that file, as its formatter left them.

use super::Files;

const ASKS: &str = "@cut ";

/// The same files, with every such line replaced; the error names one that asks for nothing.
pub(super) fn with_snippets(mut files: Files) -> Result<Files, String> {
    let asking: Vec<String> = files
        .iter()
        .filter(|(_, text)| text.contains(ASKS))
        .map(|(path, _)| path.clone())
        .collect();
    for path in asking {
        let mut lines = Vec::new();
        for line in files[&path].lines() {
            match line.strip_prefix(ASKS) {
                Some(what) => lines.extend(snippet(&files, what)?),
                None => lines.push(line.to_owned()),
            }
        }
        files.insert(path, lines.join("\n") + "\n");
    }
    Ok(files)
}

fn snippet(files: &Files, what: &str) -> Result<Vec<String>, String> {
    let nothing = || format!("there is no snippet `{what}`");
    let (path, name) = what.split_once(' ').ok_or_else(nothing)?;
    let text = files.get(path).ok_or_else(nothing)?;
    let begins = format!("// snippet {name}");
    let mut lines = text.lines().skip_while(|line| line.trim() != begins);
    let first = lines.next().ok_or_else(nothing)?;
    let indent = first.len() - first.trim_start().len();
    let inside = lines.take_while(|line| line.trim() != "// end");
    Ok(inside.map(|line| line.get(indent..).unwrap_or_default().to_owned()).collect())
}
