//! The letters of a server without SMTP, read as their receiver would.

use super::Server;

impl Server {
    /// Every letter's text, oldest first.
    pub(crate) fn letters(&self) -> Vec<String> {
        let folder = self.app().post.outbox().expect("without SMTP there is a folder");
        let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
        let files = entries.map(|entry| entry.expect("a file").path());
        // One that is being written has another name until it is whole.
        let is_whole = |file: &std::path::PathBuf| file.extension().is_some_and(|it| it == "eml");
        let mut files: Vec<_> = files.filter(is_whole).collect();
        files.sort();
        let read = |file| std::fs::read_to_string(file).expect("text").replace("=\r\n", "");
        files.into_iter().map(read).collect()
    }

    /// The code behind the `#` of the newest letter that has one.
    #[track_caller]
    pub(crate) fn code_in_the_outbox(&self) -> String {
        let codes = self.letters().into_iter().rev().find_map(|text| {
            let from = text.split_once('#').map(|(_, rest)| rest.to_owned());
            from.filter(|rest| rest.starts_with("kh_once_"))
        });
        let rest = codes.expect("a letter with a code");
        rest.chars().take_while(|char| char.is_ascii_alphanumeric() || *char == '_').collect()
    }

    /// The newest code for a sign-in under way.
    #[track_caller]
    pub(crate) fn mail_code_in_the_outbox(&self) -> String {
        let is_code = |word: &&str| word.len() == 9 && word.as_bytes()[4] == b' ';
        let found = self.letters().into_iter().rev().find_map(|text| {
            let lines = text.lines().map(str::trim);
            lines.filter(is_code).map(str::to_owned).next()
        });
        found.expect("a letter with a code")
    }
}
