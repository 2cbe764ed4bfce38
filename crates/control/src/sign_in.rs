//! Who may use the portal, the API and the commands: the administrator's token, API tokens, one-time links, sessions.
//!
//! Links and sessions are stored as hashes: who reads the database cannot sign in with what is found there.

mod admin;
mod session;

use std::time::Duration;

use mizzen_model::permission::Role;
use mizzen_model::step::UnknownName;
use mizzen_model::time::Timestamp;
use mizzen_runtime::secret::Secret;
use mizzen_store::StoreError;
use unicode_general_category::{GeneralCategory, get_general_category};

pub(crate) use self::admin::{AdminToken, open as open_admin_token};
use crate::api_tokens;
use crate::plane::Inner;
use crate::token::{self, NoRandomness, TokenHash};

/// The file in the data folder that holds the administrator's token.
pub const ADMIN_TOKEN_FILE: &str = "admin-token";
/// How long a one-time link works.
pub const LINK_TTL: Duration = Duration::from_secs(10 * 60);
/// A session ends this long after its last use.
pub const SESSION_IDLE: Duration = Duration::from_secs(12 * 3600);
/// A session ends this long after its start, used or not.
pub const SESSION_MAX: Duration = Duration::from_secs(30 * 24 * 3600);
/// The end of a session is moved only this often: not every request should write.
const SLIDE_STEP: Duration = Duration::from_secs(10 * 60);
pub const NAME_BYTES_MAX: usize = 128;

const LINK_PREFIX: &str = "mzl_";
const SESSION_PREFIX: &str = "mzs_";
const ADMIN_PREFIX: &str = "mza_";
pub(crate) const ADMIN_NAME: &str = "administrator";

/// Somebody who is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    pub role: Role,
    pub name: String,
    /// `None` for the administrator's token and for API tokens without an end.
    pub expires_at: Option<Timestamp>,
    /// `issuer#subject` of who signed in with somebody else's login.
    pub subject: Option<String>,
}

/// What the browser is to keep.
#[derive(Debug, Clone)]
pub struct SessionCookie {
    /// The cookie's value: printable ASCII without `;`, `,`, spaces or quotes.
    pub value: Secret,
    pub max_age: Duration,
    pub session: Session,
}

/// Why somebody could not sign in.
#[derive(Debug, thiserror::Error)]
pub enum SignInError {
    #[error("this is not the administrator's token; it is in the file `{ADMIN_TOKEN_FILE}` of the data folder")]
    WrongToken,
    #[error(
        "this API token is unknown, revoked or expired; an administrator makes another with `mizzen tokens create`"
    )]
    WrongApiToken,
    #[error("this sign-in link was used before or has expired; make another with `mizzen signin`")]
    SpentLink,
    #[error("a name must be 1 to {NAME_BYTES_MAX} bytes without control or invisible characters")]
    Name,
    #[error("the role of a session in the database is damaged; sign in again")]
    Damaged(#[from] UnknownName),
    #[error(transparent)]
    Random(#[from] NoRandomness),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Signing in and out; from [`crate::Control::sign_in`].
#[derive(Debug)]
pub struct SignIn<'a>(pub(crate) &'a Inner);

impl SignIn<'_> {
    /// The administrator's token: for the command line, and to print once at the first start.
    #[must_use]
    pub fn admin_token(&self) -> &Secret {
        self.0.admin.secret()
    }

    /// Whom `Authorization: Bearer …` names: the administrator, whom an API token names, or nobody. No I/O.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Option<Session> {
        let Some(hash) = TokenHash::of(api_tokens::PREFIX, token) else { return self.administrator(token) };
        let snapshot = self.0.snapshot();
        let session = snapshot.tokens.get(&hash)?;
        let is_over = session.expires_at.is_some_and(|end| end <= self.0.clock.now());
        (!is_over).then(|| session.clone())
    }

    fn administrator(&self, token: &str) -> Option<Session> {
        let name = ADMIN_NAME.to_owned();
        let administrator = Session { role: Role::Administrator, name, expires_at: None, subject: None };
        self.0.admin.is(token).then_some(administrator)
    }

    /// A code that signs in once, as `name` with `role`, within [`LINK_TTL`].
    ///
    /// # Errors
    /// When the name is unfit, or the database fails.
    pub async fn one_time_link(&self, role: Role, name: &str) -> Result<Secret, SignInError> {
        if !is_name(name) {
            return Err(SignInError::Name);
        }
        let code = token::mint(LINK_PREFIX)?;
        let hash = TokenHash::of(LINK_PREFIX, code.expose()).ok_or(SignInError::SpentLink)?;
        session::insert_link(self.0, hash, role, name).await?;
        Ok(code)
    }

    /// Turns a link's code into a session. Of two that try at once, one succeeds.
    ///
    /// # Errors
    /// When the code is unknown, used or expired, or the database fails.
    pub async fn redeem_link(&self, code: &str) -> Result<SessionCookie, SignInError> {
        let hash = TokenHash::of(LINK_PREFIX, code).ok_or(SignInError::SpentLink)?;
        let (role, name) = session::take_link(self.0, hash).await?.ok_or(SignInError::SpentLink)?;
        self.start(role.parse()?, name, None).await
    }

    /// Turns the administrator's token into a session. An API token becomes none: it would live on when that is revoked.
    ///
    /// # Errors
    /// When it is not the token, or the database fails.
    pub async fn redeem_token(&self, token: &str) -> Result<SessionCookie, SignInError> {
        let session = self.administrator(token).ok_or(SignInError::WrongToken)?;
        self.start(session.role, session.name, None).await
    }

    /// Whose session `cookie` is; `None` when it is unknown, ended or expired. Using a session prolongs it.
    ///
    /// # Errors
    /// When the database fails: nobody is signed in then.
    pub async fn session(&self, cookie: &str) -> Result<Option<Session>, SignInError> {
        let Some(hash) = TokenHash::of(SESSION_PREFIX, cookie) else { return Ok(None) };
        let now = self.0.clock.now();
        // One of a login may be from before that name was refused.
        let is_usurped =
            |found: &session::Found| found.subject.is_some() && (is_reserved(&found.name) || !is_name(&found.name));
        let found = session::find(self.0, hash).await?.filter(|found| found.expires_at > now && !is_usurped(found));
        let Some(found) = found else { return Ok(None) };
        let slid = later(now, SESSION_IDLE).min(later(found.created_at, SESSION_MAX));
        let mut expires_at = found.expires_at;
        if slid.nanos_since(expires_at) >= nanos(SLIDE_STEP) {
            session::prolong(self.0, hash, slid).await?;
            expires_at = slid;
        }
        let role = found.role.parse()?;
        Ok(Some(Session { role, name: found.name, expires_at: Some(expires_at), subject: found.subject }))
    }

    /// Ends a session, if there is one.
    ///
    /// # Errors
    /// When the database fails.
    pub async fn sign_out(&self, cookie: &str) -> Result<(), SignInError> {
        if let Some(hash) = TokenHash::of(SESSION_PREFIX, cookie) {
            session::delete(self.0, hash).await?;
        }
        Ok(())
    }

    /// A session for somebody whose right to it was checked.
    pub(crate) async fn start(
        &self,
        role: Role,
        name: String,
        subject: Option<String>,
    ) -> Result<SessionCookie, SignInError> {
        let value = token::mint(SESSION_PREFIX)?;
        let hash = TokenHash::of(SESSION_PREFIX, value.expose()).ok_or(SignInError::WrongToken)?;
        let now = self.0.clock.now();
        let session = Session { role, name, expires_at: Some(later(now, SESSION_IDLE)), subject };
        session::insert(self.0, hash, &session, now).await?;
        Ok(SessionCookie { value, max_age: SESSION_MAX, session })
    }
}

pub(crate) async fn sweep(inner: &Inner) -> Result<(), StoreError> {
    session::delete_expired(inner).await
}

/// Whether nobody may be called so but who has the administration token.
pub(crate) fn is_reserved(name: &str) -> bool {
    name.trim().eq_ignore_ascii_case(ADMIN_NAME)
}

pub(crate) fn is_name(name: &str) -> bool {
    !name.trim().is_empty() && name.len() <= NAME_BYTES_MAX && !name.contains(is_unseen)
}

/// Control characters, and those that make two names look like one: Unicode's Cf, separators of lines, and what is drawn as
/// nothing or as a blank in other categories.
fn is_unseen(c: char) -> bool {
    use GeneralCategory::{Control, Format, LineSeparator, ParagraphSeparator};
    let is_blank = matches!(c, '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}' | '\u{2800}'
        | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{e0100}'..='\u{e01ef}');
    is_blank || matches!(get_general_category(c), Control | Format | LineSeparator | ParagraphSeparator)
}

fn later(instant: Timestamp, by: Duration) -> Timestamp {
    instant.plus_nanos(nanos(by))
}

fn nanos(duration: Duration) -> i64 {
    i64::try_from(duration.as_nanos()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests;
