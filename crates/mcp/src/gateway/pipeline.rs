//! The life of a message, and of a call, in the order they must have. Each stage consumes the one before, and the next
//! can be made from nothing else, so that a call cannot reach a tool server unidentified, undecided or unrecorded.

mod authorise;
mod decode;
mod identify;
mod oblige;
mod places;
mod redact;
mod route;
mod screen;
mod secrets;

use axum::body::Body;
use http::{Request, Response};
use mizzen_runtime::lanes;
use tokio::task::JoinError;

pub(super) use self::authorise::{Granted, UnderWay, failed, unanswered};
pub(super) use self::decode::{Client, Decoded, Incoming, bridged};
pub use self::identify::TokenCheck;
pub(super) use self::identify::{Identified, Received, check_origin, door_url};
pub(super) use self::oblige::not_kept;
pub(super) use self::redact::redacted;
pub(super) use self::route::{Subject, Target, missing};
pub(super) use self::screen::introduction;
pub(super) use self::secrets::{Searched, Searches, Withheld};
use super::refusal::Refusal;
use super::stream::Out;
use super::{bridge, methods};
use crate::wire::rpc::{Answer, INTERNAL_ERROR, RpcError};

/// Takes one message from its door and answers it.
pub(super) async fn message(received: Received, request: Request<Body>) -> Result<Response<Body>, Refusal> {
    // A valid key or token says who calls; loopback is not identity.
    let identified = received.identify(request).await?;
    // One whole message, and header fields that say what it says.
    let decoded = identified.decode().await?;
    Ok(methods::answer(decoded).await)
}

/// What a client is told whose answer is not finished when the process ends.
pub(super) fn ending(_: JoinError) -> Answer {
    RpcError::new(INTERNAL_ERROR, "the gateway ends; try again in a moment").into()
}

/// Carries one call to its tool server and back.
pub(super) async fn call(incoming: Incoming, out: Out) -> Answer {
    carried(incoming, &out).await.unwrap_or_else(|instead| instead)
}

/// `Err` is what the client is told instead.
async fn carried(incoming: Incoming, out: &Out) -> Result<Answer, Answer> {
    // A name that two servers have is nobody's, and what is withheld is nowhere.
    let routed = incoming.route().await?;
    // Secrets among the arguments that may not leave; what is left is what everybody decides on.
    let screened = routed.screen().await?;
    let under_way = match screened.resume().await? {
        // The client brings the answer that the call waited for: it was permitted, and goes on where it stood.
        Ok(under_way) => under_way,
        // Policies, arguments, taint, evidence, budget; a held call waits for its person here.
        Err(screened) => screened.authorise(out).await?.begin().await?,
    };
    // What the tool server says and asks meanwhile goes to the client, in words of the client's era.
    let replied = bridge::pass(under_way, out).await?;
    // What the permit asks for: values that must not go on, and how much may; and no secret that may not.
    let obliged = lanes::away(replied.answer.bytes(), replied.oblige()).await.map_err(ending)??;
    // What the result brings into the run is kept before the result is handed over.
    let touched = obliged.touch().await?;
    Ok(touched.settle())
}
