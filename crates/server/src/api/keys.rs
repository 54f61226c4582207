//! `/v1/keys`: API keys of people and organizations. What a key may be is `protocol::api_key`; its
//! wire form is in `wire.rs`. A key of another tenant is answered like one that is not there.

use crate::api::open_api::OpenApiRouter;
use crate::api::open_api::routes;
use axum::Json;
use axum::extract::State;
use axum::response::Response;
use keyhaven_protocol::api_key::{DEEPEST, Terms, Wanted};
use keyhaven_protocol::budget::Level;
use keyhaven_protocol::id::{AppId, BudgetId, GrantId, KeyId, OrganizationId, UserId};
use keyhaven_protocol::time::Seconds;
use keyhaven_store::budgets::NewBudget;
use keyhaven_store::keys::{KeyEdit, KeyRecord, KeysOf, NewKey, NewText};
use keyhaven_store::organizations::Power;
use keyhaven_store::{Outcome, Reach};
use utoipa::IntoParams;

use super::administrator::Administrator;
use super::body::{Members, Strict};
use super::deed::Deed;
use super::grants::{Receipt, narrowed};
use super::once::{Ended, Once};
use super::page::{Asked, Listing, PageParams};
use super::problems::{
    ChangeProblems, CreateProblems, IdempotencyKey, ListProblems, NamedProblems,
};
use super::tenant::{Named, find_organization};
use crate::app::{App, Shared};
use crate::http::error::ApiError;
use crate::operations::keys::KeyText;

mod asked;
mod wire;

pub use asked::{CreateKey, KeyLimit, RotateKey, UpdateKey};
pub use wire::{IssuedKey, Key, KeyRateLimit};

/// The longest overlap of a rotation: thirty days.
const MOST_OVERLAP: i64 = 30 * 86_400;

/// The routes of this resource.
pub(super) fn routes() -> OpenApiRouter<Shared> {
    OpenApiRouter::new()
        .routes(routes!(list_keys, create_key))
        .routes(routes!(show_key, update_key, delete_key))
        .routes(routes!(rotate_key))
        .routes(routes!(delete_user_keys))
}

/// How lists of keys can be narrowed.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what the handler reads")]
struct KeyFilters {
    /// Only keys of this organization: id or slug.
    organization: Option<String>,
    /// Only keys made from this one.
    parent: Option<String>,
    /// Only keys of this user.
    owner: Option<String>,
    /// With `owner`: only those that this app holds.
    app: Option<String>,
}

/// Which of a user's keys are meant.
#[derive(IntoParams)]
#[into_params(parameter_in = Query)]
#[expect(dead_code, reason = "documents what the handler reads")]
struct UserKeysFilter {
    /// Only those that this app holds: its id.
    app: Option<String>,
}

/// List keys
///
/// Newest first; never their text. Keys that were deleted are not listed.
#[utoipa::path(
    get, path = "/v1/keys", tag = "keys", params(PageParams, KeyFilters),
    responses((status = 200, description = "A page of keys", body = Listing<Key>), ListProblems)
)]
async fn list_keys(
    State(app): State<Shared>,
    administrator: Administrator,
    asked: Asked,
) -> Result<Json<Listing<Key>>, ApiError> {
    let (page, scope) = asked.page(&app, "keys", &["organization", "parent", "owner", "app"])?;
    let reach = narrowed(&app, administrator.reach, &asked).await?;
    let held_by = asked.id("app", AppId::parse)?;
    let whose = match (asked.text("parent"), asked.id("owner", UserId::parse)?, held_by) {
        (None, None, None) => KeysOf::Reach(reach),
        (None, Some(owner), held_by) => KeysOf::Held(reach, owner, held_by),
        (Some(text), None, None) => {
            let parent = KeyId::parse(text).ok_or_else(|| ApiError::not_found("key"))?;
            KeysOf::Parent(find(&app, reach, parent).await?.terms.id)
        }
        _ => return Err(ApiError::parameter("owner", "goes with app, and not with parent")),
    };
    let listed = app.store.list_keys(whose, page).await?;
    Ok(Json(Listing::of(&app, &scope, listed, |key| Key::from(&key))?))
}

/// Create a key
///
/// The text is in this answer only; a repetition under the same idempotency key shows it again for a
/// day. With `parent` the key is a child: it belongs to whom its parent belongs to, and opens no
/// more, lives no longer and is charged to every budget its parent is charged to.
#[utoipa::path(
    post, path = "/v1/keys", tag = "keys", params(IdempotencyKey), request_body = CreateKey,
    responses((status = 201, description = "The key", body = IssuedKey), CreateProblems)
)]
async fn create_key(
    State(app): State<Shared>,
    administrator: Administrator,
    request: Once<CreateKey>,
) -> Result<Response, Ended> {
    let (body, mut once) = request.split();
    let mut members = Members::default();
    let wanted = body.wanted(once.act.now, &mut members);
    let limit = body.limit(&mut members);
    let label = body.label(&mut members);
    let (Some(wanted), Some(limit), Some(label)) = (wanted, limit, label) else {
        return Err(members.refuse().into());
    };
    members.finish()?;
    let id = once.act.id();
    let text = KeyText::mint(id, &app.dice.bytes(), "");
    let mut new = draft(KeyId(id), label, &text);
    place(&app, administrator.reach, &body, &wanted, &mut new).await?;
    new.budget = limit.map(|limit| NewBudget {
        id: BudgetId(once.act.id()),
        organization: new.organization,
        level: Level::Key,
        subject: id,
        unit: limit.unit,
        period: limit.period,
        most: limit.most,
    });
    let answer = IssuedKey::fresh(&new, once.act.now, &text);
    let (act, answer) = once.created(format!("/v1/keys/{}", new.terms.id), &answer)?;
    let outcome = app.store.create_key(&new, act).await?;
    Ok(answer.after(outcome, "organization").await?)
}

/// Show a key
#[utoipa::path(
    get, path = "/v1/keys/{key}", tag = "keys",
    params(("key" = String, Path, description = "Id")),
    responses((status = 200, description = "The key", body = Key), NamedProblems)
)]
async fn show_key(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(key): Named<KeyId>,
) -> Result<Json<Key>, ApiError> {
    Ok(Json((&find(&app, administrator.reach, key).await?).into()))
}

/// Change a key
///
/// Absent members stay as they are. `disabled` stops the key and every key below it, until it is
/// enabled again.
#[utoipa::path(
    patch, path = "/v1/keys/{key}", tag = "keys",
    params(("key" = String, Path, description = "Id")), request_body = UpdateKey,
    responses((status = 200, description = "As it is now", body = Key), ChangeProblems)
)]
async fn update_key(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(key): Named<KeyId>,
    Deed(act): Deed,
    Strict(body): Strict<UpdateKey>,
) -> Result<Json<Key>, ApiError> {
    let before = find(&app, administrator.reach, key).await?;
    let mut members = Members::default();
    let edited = body.edit(&before, act.now, &mut members);
    members.finish()?;
    let Some((edit, detail)) = edited else { return Ok(Json((&before).into())) };
    if let (Some(terms), Some(parent)) = (&edit.terms, before.parent) {
        stay_within(&app, parent, terms).await?;
    }
    match app.store.update_key(&before, &edit, &detail, act).await? {
        Outcome::Done => Ok(Json((&find(&app, administrator.reach, key).await?).into())),
        other => Err(ApiError::of_outcome(other, "key")),
    }
}

/// Delete a key
///
/// It and every key below it count no more, for good.
#[utoipa::path(
    delete, path = "/v1/keys/{key}", tag = "keys",
    params(("key" = String, Path, description = "Id")),
    responses((status = 200, description = "The receipt", body = Receipt), NamedProblems)
)]
async fn delete_key(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(key): Named<KeyId>,
    Deed(act): Deed,
) -> Result<Json<Receipt>, ApiError> {
    let record = find(&app, administrator.reach, key).await?;
    match app.store.delete_key(record.organization, key, act).await? {
        (Outcome::Done, receipt) => Ok(Json(receipt.into())),
        (other, _) => Err(ApiError::of_outcome(other, "key")),
    }
}

/// Delete a user's keys
///
/// All of them, or with `app` those that this app holds, each with every key below it, for good. An
/// administrator of one organization deletes those within it.
#[utoipa::path(
    delete, path = "/v1/users/{user}/keys", tag = "keys",
    params(("user" = String, Path, description = "Id"), UserKeysFilter),
    responses((status = 200, description = "The receipt", body = Receipt), NamedProblems)
)]
async fn delete_user_keys(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(user): Named<UserId>,
    Deed(act): Deed,
    asked: Asked,
) -> Result<Json<Receipt>, ApiError> {
    asked.refuse_all_but(&["app"])?;
    let held_by = asked.id("app", AppId::parse)?;
    let visible = app.store.find_user(administrator.reach, user).await?;
    visible.ok_or_else(|| ApiError::not_found("user"))?;
    let receipt = app.store.delete_keys_of(administrator.reach, user, held_by, act).await?;
    Ok(Json(receipt.into()))
}

/// Rotate a key
///
/// The new text is in this answer only. The text before keeps working for `overlap_seconds`; one
/// still older ends at once. Id, budgets and history stay.
#[utoipa::path(
    post, path = "/v1/keys/{key}/rotate", tag = "keys",
    params(("key" = String, Path, description = "Id"), IdempotencyKey), request_body = RotateKey,
    responses((status = 200, description = "The key with its new text", body = IssuedKey), CreateProblems)
)]
async fn rotate_key(
    State(app): State<Shared>,
    administrator: Administrator,
    Named(key): Named<KeyId>,
    request: Once<RotateKey>,
) -> Result<Response, Ended> {
    let mut record = find(&app, administrator.reach, key).await?;
    let (body, once) = request.split();
    let overlap = body.overlap_seconds.unwrap_or(0);
    if !(0..=MOST_OVERLAP).contains(&overlap) {
        return Err(ApiError::member("/overlap_seconds", "is 0 to 2592000").into());
    }
    let wrapper = record.prefix.split_once("kh_key_").map_or("", |(wrapper, _)| wrapper);
    let text = KeyText::mint(key.0, &app.dice.bytes(), wrapper);
    let new = NewText {
        hash: text.hash,
        prefix: text.prefix.clone(),
        last_four: text.last_four.clone(),
        overlap: Seconds(overlap),
    };
    let before = record.clone();
    (record.prefix, record.last_four) = (text.prefix.clone(), text.last_four.clone());
    record.previous_ends_at = (overlap > 0).then(|| once.act.now.plus(Seconds(overlap)));
    let (act, answer) = once.done(&IssuedKey::of(&record, &text))?;
    let outcome = app.store.rotate_key(&before, &new, act).await?;
    Ok(answer.after(outcome, "key").await?)
}

async fn find(app: &App, reach: Reach, key: KeyId) -> Result<KeyRecord, ApiError> {
    app.store.find_key(reach, key).await?.ok_or_else(|| ApiError::not_found("key"))
}

fn draft(id: KeyId, label: String, text: &KeyText) -> NewKey {
    NewKey {
        terms: Terms {
            id,
            scopes: Default::default(),
            expires_at: None,
            disabled_at: None,
            allowed: Default::default(),
            rate_limits: Vec::new(),
            depth: 0,
        },
        parent: None,
        organization: None,
        owner: None,
        project: None,
        group: None,
        app: None,
        label,
        hash: text.hash,
        prefix: text.prefix.clone(),
        last_four: text.last_four.clone(),
        budget: None,
    }
}

/// Whose a new key is and what it says: its parent's, or as the body has it.
async fn place(
    app: &App,
    reach: Reach,
    body: &CreateKey,
    wanted: &Wanted,
    new: &mut NewKey,
) -> Result<(), ApiError> {
    let Some(parent) = body.parent()? else {
        new.organization = owner_of(app, reach, body.organization()).await?;
        body.belong(new)?;
        new.terms = Terms {
            id: new.terms.id,
            scopes: wanted.scopes.clone().unwrap_or_default(),
            expires_at: wanted.expires_at,
            disabled_at: None,
            allowed: wanted.allowed.clone().unwrap_or_default(),
            rate_limits: wanted.rate_limits.clone(),
            depth: wanted.depth.unwrap_or(1).min(DEEPEST),
        };
        return Ok(());
    };
    find(app, reach, parent).await?;
    let known = app.store.recall_key(parent, app.clock.tick()).await?;
    let parent = known.ok_or_else(|| ApiError::not_found("key"))?;
    parent.key.stands(app.clock.now()).map_err(|refusal| {
        ApiError::member("/parent", "does not count any more").because(refusal)
    })?;
    new.terms = parent.key.narrow(wanted, new.terms.id).map_err(asked::beyond)?;
    new.parent = Some(GrantId(parent.key.id().0));
    (new.organization, new.owner) = (parent.key.organization, parent.key.owner);
    (new.project, new.group) = (parent.key.project, parent.key.group);
    Ok(())
}

/// The tenant a key is made in: the one named, the caller's own, or none.
async fn owner_of(
    app: &App,
    reach: Reach,
    named: Option<&str>,
) -> Result<Option<OrganizationId>, ApiError> {
    let Some(text) = named else { return Ok(reach.organization()) };
    let found = find_organization(app, reach, text).await?;
    let found = found.ok_or_else(|| ApiError::member("/organization", "is not there"))?;
    Ok(Some(found.id))
}

/// A child that is changed stays within its parent.
async fn stay_within(app: &App, parent: GrantId, terms: &Terms) -> Result<(), ApiError> {
    let known = app.store.recall_key(KeyId(parent.0), app.clock.tick()).await?;
    let Some(parent) = known else { return Ok(()) };
    let wanted = Wanted {
        scopes: Some(terms.scopes.clone()),
        expires_at: terms.expires_at,
        depth: Some(terms.depth),
        allowed: Some(terms.allowed.clone()),
        rate_limits: terms.rate_limits.clone(),
    };
    parent.key.narrow(&wanted, terms.id).map(|_| ()).map_err(asked::beyond)
}

/// What a change of standing is.
pub(super) const fn power(disabled: bool) -> Power {
    if disabled { Power::Disabled } else { Power::Enabled }
}

/// For `wire`: an edit and its audit detail.
pub(super) type Edited = Option<(KeyEdit, String)>;
