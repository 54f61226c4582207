//! F21 on the vault: a row whose secrets do not open. That connection says so and is left as it is; its
//! neighbours work.

use keyhaven_fake_provider::Endpoint;
use keyhaven_protocol::id::ConnectionId;
use keyhaven_store::engine::{Commit, Statement, Step};
use keyhaven_store::values;

use crate::harness::{Connector, Server};

static SWAP: Statement = Statement::new(
    "faults.swap_tokens",
    "UPDATE connections SET access = refresh, refresh = access WHERE id = $1",
);

static LOSE_KEY: Statement = Statement::new(
    "faults.lose_data_key",
    "UPDATE connections SET data_key = (SELECT data_key FROM connectors LIMIT 1) WHERE id = $1",
);

async fn altered(statement: &'static Statement) -> (Server, Connector, [String; 2]) {
    let server = Server::with_providers().await;
    let connector = server.a_connector().await;
    let one = connector.connect(&server).await;
    connector.fake.sign_in("account-2");
    let other = connector.connect(&server).await;
    let id = ConnectionId::parse(&one).expect("an id");
    let step = Step::one(statement, values![id.0]);
    let done = server.app().store.engine().commit(vec![step]).await.expect("commits");
    assert!(matches!(done, Commit::Done(_)));
    (server, connector, [one, other])
}

#[tokio::test]
async fn f21_a_token_that_does_not_open_is_not_handed_out_and_not_dropped() {
    for statement in [&SWAP, &LOSE_KEY] {
        let (server, connector, [one, other]) = altered(statement).await;
        let broken = connector.token(&server, &one).await;
        assert!(matches!(broken.status, 500 | 503), "{}: {}", statement.name, broken.text());
        assert!(!broken.text().contains("fake-"), "{}", broken.text());
        connector.token(&server, &other).await.expect(200);
        server.present.pass(3_600);
        let broken = connector.token(&server, &one).await;
        assert!(matches!(broken.status, 500 | 503), "{}: {}", statement.name, broken.text());
        connector.token(&server, &other).await.expect(200);
        assert_eq!(connector.fake.requests(Endpoint::Token), 3, "nothing wrong was sent");
        let shown = connector.shown(&server, &one).await;
        assert_eq!(shown["status"], "active", "nobody is asked to reconnect: {shown}");
        assert_eq!(connector.connections(&server).await.len(), 2);
    }
}
