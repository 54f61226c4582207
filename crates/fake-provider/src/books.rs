//! What the provider has issued, and how often it was asked.

use std::collections::{BTreeMap, HashMap, VecDeque};

use crate::act::{Act, Endpoint};
use crate::rules::{Reuse, Rules};

/// Everything it remembers.
#[derive(Debug)]
pub(crate) struct Books {
    pub(crate) rules: Rules,
    pub(crate) account: String,
    pub(crate) counts: BTreeMap<&'static str, usize>,
    under_way: usize,
    next: BTreeMap<Endpoint, VecDeque<Act>>,
    always: BTreeMap<Endpoint, Act>,
    codes: HashMap<String, Asked>,
    grants: Vec<Grant>,
    /// Which grant a token of either kind is of.
    of: HashMap<String, usize>,
    issued: u64,
}

/// What a code was asked with.
#[derive(Clone, Debug)]
pub(crate) struct Asked {
    pub(crate) account: String,
    pub(crate) redirect_uri: String,
    pub(crate) scope: String,
    pub(crate) challenge: Option<String>,
}

/// One user's consent.
#[derive(Clone, Debug)]
struct Grant {
    account: String,
    scope: String,
    /// The current one last.
    refresh: Vec<String>,
    /// The current one last.
    access: Vec<String>,
    is_dead: bool,
    has_refresh: bool,
}

/// A pair as issued.
#[derive(Clone, Debug)]
pub(crate) struct Issued {
    pub(crate) access: String,
    pub(crate) refresh: Option<String>,
    pub(crate) scope: String,
    pub(crate) account: String,
}

impl Books {
    pub(crate) fn new(rules: Rules) -> Self {
        Self {
            rules,
            account: "account-1".to_owned(),
            counts: BTreeMap::new(),
            under_way: 0,
            next: BTreeMap::new(),
            always: BTreeMap::new(),
            codes: HashMap::new(),
            grants: Vec::new(),
            of: HashMap::new(),
            issued: 0,
        }
    }

    pub(crate) fn count(&mut self, what: &'static str) {
        *self.counts.entry(what).or_default() += 1;
    }

    /// A token request begins.
    pub(crate) fn enter(&mut self) {
        self.under_way += 1;
        let most = self.counts.entry("most_at_once").or_default();
        *most = self.under_way.max(*most);
    }

    /// And ends.
    pub(crate) fn leave(&mut self) {
        self.under_way = self.under_way.saturating_sub(1);
    }

    pub(crate) fn plan(&mut self, endpoint: Endpoint, act: Act) {
        self.next.entry(endpoint).or_default().push_back(act);
    }

    pub(crate) fn plan_always(&mut self, endpoint: Endpoint, act: Option<Act>) {
        match act {
            Some(act) => self.always.insert(endpoint, act),
            None => self.always.remove(&endpoint),
        };
    }

    /// What the next request to `endpoint` meets.
    pub(crate) fn act(&mut self, endpoint: Endpoint) -> Option<Act> {
        let planned = self.next.get_mut(&endpoint).and_then(VecDeque::pop_front);
        planned.or_else(|| self.always.get(&endpoint).cloned())
    }

    pub(crate) fn issue_code(&mut self, asked: Asked) -> String {
        let code = self.name("code");
        self.codes.insert(code.clone(), asked);
        code
    }

    pub(crate) fn spend_code(&mut self, code: &str) -> Option<Asked> {
        self.codes.remove(code)
    }

    /// Begins a grant.
    pub(crate) fn grant(&mut self, account: &str, scope: &str, has_refresh: bool) -> Issued {
        self.grants.push(Grant {
            account: account.to_owned(),
            scope: scope.to_owned(),
            refresh: Vec::new(),
            access: Vec::new(),
            is_dead: false,
            has_refresh,
        });
        let at = self.grants.len() - 1;
        self.turn(at)
    }

    /// Spends a refresh token. `None`: refused.
    pub(crate) fn refresh(&mut self, token: &str) -> Option<Issued> {
        let at = *self.of.get(token)?;
        let grant = &mut self.grants[at];
        if grant.is_dead || !grant.refresh.iter().any(|one| one == token) {
            return None;
        }
        let is_current = grant.refresh.last().is_some_and(|current| current == token);
        let was_current = grant.refresh.iter().rev().nth(1).is_some_and(|before| before == token);
        match (self.rules.reuse, is_current) {
            (Reuse::Static, _) => Some(self.renew(at)),
            (_, true) => Some(self.turn(at)),
            (Reuse::Forgive, false) => Some(self.current(at)),
            (Reuse::ForgiveLast, false) if was_current => Some(self.current(at)),
            (Reuse::Refuse, false) => None,
            (Reuse::ForgiveLast | Reuse::Revoke, false) => {
                grant.is_dead = true;
                None
            }
        }
    }

    /// A new pair.
    fn turn(&mut self, at: usize) -> Issued {
        if self.grants[at].has_refresh {
            let refresh = self.name("refresh");
            self.of.insert(refresh.clone(), at);
            self.grants[at].refresh.push(refresh);
        }
        self.renew(at)
    }

    /// A new access token beside the refresh token that stays.
    fn renew(&mut self, at: usize) -> Issued {
        let access = self.name("access");
        self.of.insert(access.clone(), at);
        let kills = self.rules.kills_access;
        let grant = &mut self.grants[at];
        if kills {
            grant.access.clear();
        }
        grant.access.push(access);
        self.current(at)
    }

    fn current(&self, at: usize) -> Issued {
        let grant = &self.grants[at];
        Issued {
            access: grant.access.last().cloned().unwrap_or_default(),
            refresh: grant.refresh.last().cloned(),
            scope: grant.scope.clone(),
            account: grant.account.clone(),
        }
    }

    /// Whose a live access token is.
    pub(crate) fn account_of(&self, access: &str) -> Option<&str> {
        let grant = &self.grants[*self.of.get(access)?];
        let opens = !grant.is_dead && grant.access.iter().any(|one| one == access);
        opens.then_some(grant.account.as_str())
    }

    /// Ends the grant that a token of either kind belongs to.
    pub(crate) fn end(&mut self, token: &str) {
        if let Some(at) = self.of.get(token) {
            self.grants[*at].is_dead = true;
        }
    }

    pub(crate) fn end_all(&mut self) {
        self.grants.iter_mut().for_each(|grant| grant.is_dead = true);
    }

    pub(crate) fn expire_access_tokens(&mut self) {
        self.grants.iter_mut().for_each(|grant| grant.access.clear());
    }

    pub(crate) fn live_grants(&self) -> usize {
        self.grants.iter().filter(|grant| !grant.is_dead).count()
    }

    /// Recognisable, so that a test can look for it where it must not be.
    fn name(&mut self, kind: &str) -> String {
        self.issued += 1;
        format!("fake-{kind}-token-{}", self.issued)
    }
}
