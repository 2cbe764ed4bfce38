use super::{Owner, RESPONSE_ID_BYTES_MAX, RETENTION, ResponseError};
use crate::plane::tests::planes;

fn owner(caller: &str, upstream: &str) -> Option<Owner> {
    Some(Owner { caller: caller.into(), upstream: upstream.into() })
}

#[tokio::test]
async fn a_response_is_its_owners_until_it_is_forgotten() {
    for plane in planes().await {
        let responses = plane.control.responses();
        assert_eq!(responses.owner("resp_1").await.unwrap(), None);
        responses.own("resp_1", "ada", "openai").await.unwrap();
        assert_eq!(plane.reopen().await.unwrap().responses().owner("resp_1").await.unwrap(), owner("ada", "openai"));
        responses.forget("resp_1").await.unwrap();
        assert_eq!(responses.owner("resp_1").await.unwrap(), None, "{}", plane.test.name);
    }
}

#[tokio::test]
async fn an_id_that_comes_again_stays_with_its_first_owner() {
    for plane in planes().await {
        let responses = plane.control.responses();
        responses.own("resp_1", "ada", "openai").await.unwrap();
        responses.own("resp_1", "ada", "mirror").await.unwrap();
        let error = responses.own("resp_1", "eve", "evil").await.unwrap_err();
        assert!(matches!(error, ResponseError::Taken(_)), "{}: {error}", plane.test.name);
        assert_eq!(responses.owner("resp_1").await.unwrap(), owner("ada", "mirror"));
    }
}

#[tokio::test]
async fn an_ownership_expires_and_the_id_is_free_again() {
    for plane in planes().await {
        let responses = plane.control.responses();
        responses.own("resp_1", "ada", "openai").await.unwrap();
        responses.own("resp_2", "ada", "openai").await.unwrap();
        plane.clock.advance(RETENTION);
        assert_eq!(responses.owner("resp_1").await.unwrap(), None);
        responses.own("resp_1", "eve", "openai").await.unwrap();
        plane.control.sweep().await;
        assert_eq!(responses.owner("resp_1").await.unwrap(), owner("eve", "openai"), "{}", plane.test.name);
    }
}

#[tokio::test]
async fn an_id_of_unfit_length_is_refused() {
    let plane = planes().await.swap_remove(0);
    for id in [String::new(), "x".repeat(RESPONSE_ID_BYTES_MAX + 1)] {
        let result = plane.control.responses().own(&id, "ada", "openai").await;
        assert!(matches!(result, Err(ResponseError::Id { .. })));
    }
}
