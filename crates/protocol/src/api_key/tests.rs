//! Every reason why a key does not count, and what its children may not.

use super::*;
use crate::id::Id;

const NOW: Timestamp = Timestamp(1_000);

fn terms(nth: u8) -> Terms {
    Terms {
        id: KeyId(Id::v7(u64::from(nth), [nth; 10])),
        scopes: Scopes::parse("read write keyhaven:usage").unwrap(),
        expires_at: Some(Timestamp(2_000)),
        disabled_at: None,
        allowed: AllowList::default(),
        rate_limits: Vec::new(),
        depth: 2,
    }
}

fn a_key() -> ApiKey {
    ApiKey {
        label: "a key".into(),
        organization: None,
        owner: None,
        project: None,
        group: None,
        app: None,
        secrets: Secrets { current: Digest::of(b"new"), previous: Some((Digest::of(b"old"), NOW)) },
        backing: Backing::Firm,
        created_at: Timestamp(900),
        own: terms(1),
        above: vec![terms(2)],
    }
}

#[track_caller]
fn stands(edit: impl FnOnce(&mut ApiKey), expected: Option<&str>) {
    let mut key = a_key();
    edit(&mut key);
    let got = key.stands(NOW).err().map(|refusal| refusal.reason);
    assert_eq!(got.as_deref(), expected);
}

#[test]
fn a_live_key_stands() {
    stands(|_| (), None);
    stands(|key| key.own.expires_at = None, None);
}

#[test]
fn every_cause_of_death_is_named() {
    stands(|key| key.own.disabled_at = Some(NOW), Some("the key is disabled"));
    stands(|key| key.above[0].disabled_at = Some(NOW), Some("a key above the key is disabled"));
    stands(|key| key.own.expires_at = Some(NOW), Some("the key expired"));
    stands(|key| key.above[0].expires_at = Some(NOW), Some("the key expired"));
    for (backing, reason) in [
        (Backing::Revoked, "the key or a grant above it was revoked"),
        (Backing::OwnerDisabled, "the owner of the key is gone or disabled"),
        (Backing::OwnerLeft, "the owner of the key has left the organization"),
        (Backing::OrganizationDisabled, "the organization of the key is gone or disabled"),
        (Backing::AppBlocked, "the app the key was handed to is blocked"),
    ] {
        stands(|key| key.backing = backing, Some(reason));
    }
}

#[test]
fn the_secret_before_counts_until_its_overlap_ends() {
    let secrets = a_key().secrets;
    assert!(secrets.fit(Digest::of(b"new"), NOW));
    assert!(secrets.fit(Digest::of(b"old"), Timestamp(NOW.0 - 1)));
    assert!(!secrets.fit(Digest::of(b"old"), NOW));
    assert!(!secrets.fit(Digest::of(b"other"), Timestamp(0)));
}

#[test]
fn a_parent_narrowed_later_narrows_its_children() {
    let mut key = a_key();
    key.above[0].scopes = Scopes::parse("read").unwrap();
    assert_eq!(key.scopes().as_str(), "read");
    key.above[0].allowed = AllowList::parse(["https://a.test"], []).unwrap();
    assert!(key.admits(Caller::default()).is_err());
    key.above[0].depth = 1;
    assert_eq!(key.depth(), 0);
}

#[track_caller]
fn child(wanted: &Wanted, expected: Result<&str, &str>) {
    let mut key = a_key();
    key.above.clear();
    let id = KeyId(Id::v7(9, [9; 10]));
    let got = key.narrow(wanted, id).map(|terms| terms.scopes.as_str().to_owned());
    let got = got.map_err(|refusal| refusal.reason);
    assert_eq!(got.as_deref().map_err(|reason| &**reason), expected);
}

#[test]
fn a_child_inherits_what_it_does_not_ask_for_but_nothing_reserved() {
    child(&Wanted::default(), Ok("read write"));
}

#[test]
fn a71_a_child_never_goes_beyond_its_parent() {
    let wanted = Wanted::default;
    let scopes = Scopes::parse("read admin").ok();
    child(&Wanted { scopes, ..wanted() }, Err("a child opens no more than its parent"));
    let expires_at = Some(Timestamp(2_001));
    child(&Wanted { expires_at, ..wanted() }, Err("a child does not outlive its parent"));
    let too_deep = "a child has fewer generations below it than its parent";
    child(&Wanted { depth: Some(2), ..wanted() }, Err(too_deep));
    child(&Wanted { depth: Some(1), ..wanted() }, Ok("read write"));
}

#[test]
fn a_child_is_not_used_from_where_its_parent_may_not() {
    let mut key = a_key();
    key.own.allowed = AllowList::parse([], ["192.0.2.0/24"]).unwrap();
    let id = KeyId(Id::v7(9, [9; 10]));
    let inside = AllowList::parse([], ["192.0.2.7"]).ok();
    assert!(key.narrow(&Wanted { allowed: inside, ..Wanted::default() }, id).is_ok());
    let everywhere = Some(AllowList::default());
    let refusal = key.narrow(&Wanted { allowed: everywhere, ..Wanted::default() }, id).unwrap_err();
    assert_eq!(refusal.reason, "a child is not used from where its parent may not");
    let inherited = key.narrow(&Wanted::default(), id).unwrap();
    assert_eq!(inherited.allowed, key.own.allowed);
}

#[test]
fn a_key_without_depth_has_no_children() {
    let mut key = a_key();
    key.own.depth = 0;
    let refusal = key.narrow(&Wanted::default(), key.id()).unwrap_err();
    assert_eq!(refusal.reason, "the key may have no children");
}
