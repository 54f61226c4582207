//! Every page as its sample: it renders, escapes, and asks for nothing from elsewhere. The files
//! written here are what the screenshots and the browser's checks look at.

use std::path::Path;

use keyhaven::pages::sample;

/// Where the browser's suite finds the samples.
const FOLDER: &str = concat!(env!("CARGO_TARGET_TMPDIR"), "/pages");

#[test]
fn every_sample_renders_and_is_written_for_the_browser() {
    std::fs::create_dir_all(FOLDER).unwrap();
    for (name, html) in sample::all() {
        let html = html.unwrap_or_else(|error| panic!("{name}: {error}"));
        let path = Path::new(FOLDER).join(format!("{name}.html"));
        std::fs::write(path, html).unwrap();
    }
}

#[test]
fn names_of_samples_are_unique() {
    let mut names: Vec<_> = sample::all().into_iter().map(|(name, _)| name).collect();
    let count = names.len();
    names.sort();
    names.dedup();
    assert_eq!(names.len(), count);
}

/// The page that takes people to another service, and the one that carries the answer to an app.
fn leads_away(name: &str) -> bool {
    ["leaving", "form-post"].contains(&name)
}

#[test]
fn a23_no_page_loads_or_links_to_anything_of_somebody_else() {
    for (name, html) in sample::all().into_iter().filter(|(name, _)| !leads_away(name)) {
        let html = html.unwrap();
        for attribute in ["src=\"", "href=\"", "action=\""] {
            for (at, _) in html.match_indices(attribute) {
                let target = &html[at + attribute.len()..];
                assert!(target.starts_with(['/', '#']), "{name}: {}", &target[..40]);
                assert!(!target.starts_with("//"), "{name}: {}", &target[..40]);
            }
        }
    }
}

#[test]
fn no_page_has_what_the_policy_forbids() {
    for (name, html) in sample::all() {
        let html = html.unwrap();
        for forbidden in
            ["style=", "<style", "onclick", "onload", "javascript:", "<base", "<iframe"]
        {
            assert!(!html.contains(forbidden), "{name}: {forbidden}");
        }
        let scripts = html.matches("<script").count();
        assert_eq!(
            scripts,
            html.matches("<script type=\"module\" src=\"/assets/").count(),
            "{name}"
        );
    }
}

#[test]
fn every_form_posts_with_its_token() {
    for (name, html) in sample::all().into_iter().filter(|(name, _)| !leads_away(name)) {
        let html = html.unwrap();
        for form in html.split("<form").skip(1) {
            let form = form.split("</form>").next().unwrap();
            assert!(form.contains("method=\"post\""), "{name}: {form}");
            assert!(form.contains("name=\"form_token\""), "{name}: {form}");
        }
    }
}

#[test]
fn every_field_has_its_label_and_every_id_is_unique() {
    for (name, html) in sample::all() {
        let html = html.unwrap();
        let mut ids: Vec<&str> =
            html.split(" id=\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
        for id in
            html.split(" aria-describedby=\"").skip(1).filter_map(|rest| rest.split('"').next())
        {
            assert!(id.split(' ').all(|id| ids.contains(&id)), "{name}: nothing describes {id}");
        }
        let count = ids.len();
        ids.sort_unstable();
        ids.dedup();
        assert_eq!(ids.len(), count, "{name}: an id is there twice");
    }
}

#[test]
fn the_ids_that_scripts_and_tests_rely_on_are_there() {
    let pages: Vec<_> =
        sample::all().into_iter().map(|(name, html)| (name, html.unwrap())).collect();
    for (page, ids) in [
        ("sign-in", &["username", "password", "login-submit"][..]),
        ("consent", &["consent-allow", "consent-deny"]),
        ("logout", &["logout-confirm"]),
        ("logged-out", &["logged-out"]),
        ("error", &["error-page"]),
    ] {
        let (_, html) = pages.iter().find(|(name, _)| name == page).unwrap();
        for id in ids {
            assert!(html.contains(&format!("id=\"{id}\"")), "{page}: {id}");
        }
    }
}
