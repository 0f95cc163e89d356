//! The routes that agents call: whoever is no agent is refused, and an agent speaks for itself alone.

use lastgood::web::{Access, Audit};
use lastgood_protocol::{AgentId, AgentKey, ENROL_PATH, EVENTS_PATH};
use lastgood_tests::reporter::{Reporter, enrolment, json, new_id, now, post};
use lastgood_tests::wire::Answer;

use super::cast::cookie;
use super::world::World;

/// What an agent is told, without the time.
fn told(answer: &Answer) -> (u16, serde_json::Value) {
    let mut problem = json(answer);
    problem.as_object_mut().unwrap().remove("server_time");
    (answer.status, problem)
}

#[test]
fn agents_routes_believe_a_key_and_nothing_else() {
    let world = World::make();
    let mut known = 0;
    for route in lastgood::routes::table()
        .iter()
        .filter(|route| route.access == Access::Agent)
    {
        known += 1;
        match route.path {
            EVENTS_PATH => {
                assert_eq!(route.audit, Audit::Nothing);
                events(&world);
            }
            ENROL_PATH => {
                let Audit::Records(action) = route.audit else {
                    panic!("an enrolment is audited")
                };
                enrolments(&world, action);
            }
            unknown => panic!("tell the matrix what an agent sends to {unknown}"),
        }
    }
    assert_eq!(known, 2);
    for word in ["panicked", "ERROR"] {
        assert!(!world.server_said().contains(word), "nothing failed inside");
    }
}

fn events(world: &World) {
    let key = AgentKey::generate().unwrap();
    let body = world.agent.batch(&[]);
    let stored = || world.database.number("select count(*) from inbox");
    let before = (stored(), world.tally(""));
    // A session is no token: people do not report.
    for caller in &world.callers {
        let cookie = cookie(caller);
        let authority = world.address.authority();
        let headers = [
            ("Host", authority.as_str()),
            ("Cookie", &cookie),
            ("Content-Type", "application/json"),
        ];
        let answer = world
            .address
            .connect()
            .unwrap()
            .request("POST", EVENTS_PATH, &headers, &body);
        assert_eq!(answer.unwrap().status, 401, "as {}", caller.name);
    }
    // Another's id with a key of one's own is like an id that nobody has.
    let foreign = world
        .database
        .value("select matrix.fresh('agent', 'canary-elsewhere', '', null)");
    let answers = [world.agent.id, AgentId(foreign.parse().unwrap()), AgentId(new_id())].map(|agent| {
        let token = key.sign(agent, new_id(), now(), &body).unwrap();
        told(&world.agent.post_raw(EVENTS_PATH, Some(&token), &body).unwrap())
    });
    assert_eq!(answers[0].0, 401, "{:?}", answers[0]);
    assert_eq!(answers[0], answers[1]);
    assert_eq!(answers[0], answers[2]);
    for malformed in ["not-a-token", "a.b.c", "%00", ""] {
        let answer = world.agent.post_raw(EVENTS_PATH, Some(malformed), &body).unwrap();
        assert_eq!(answer.status, 401, "{malformed}: {}", answer.text());
    }
    assert_eq!((stored(), world.tally("")), before, "nothing was stored");
    let own = world.agent.post_raw(EVENTS_PATH, Some(&world.agent.sign(&body)), &body);
    assert_eq!(own.unwrap().status, 200);
}

fn enrolments(world: &World, action: &'static str) {
    let tokens = &world.tokens;
    let before = world.tally(action);
    let good = serde_json::to_value(enrolment(&tokens[0], &AgentKey::generate().unwrap())).unwrap();
    let send = |request: &serde_json::Value| {
        post(&world.address, ENROL_PATH, None, &serde_json::to_vec(request).unwrap()).unwrap()
    };
    let mut unknown = Vec::new();
    for secret in ["AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA", "not base64 !", "", "%00"] {
        let mut request = good.clone();
        request["secret"] = secret.into();
        unknown.push(told(&send(&request)));
    }
    assert_eq!(unknown[0].0, 403, "{unknown:?}");
    assert!(
        unknown.iter().all(|answer| (400..500).contains(&answer.0)),
        "{unknown:?}"
    );
    assert_eq!(
        world.tally(action),
        before,
        "a refused enrolment leaves no entry of this kind"
    );

    let enrolled = send(&good);
    assert_eq!(enrolled.status, 200, "{}", enrolled.text());
    let after = world.tally(action);
    assert_eq!(
        (after.all, after.with_action),
        (before.all + 1, before.with_action + 1),
        "leaves one entry '{action}'"
    );
    // The token was made for a practice, and so its agent is there and nowhere else.
    let second = Reporter::enrol(&world.address, &tokens[1]);
    let place = world.database.value(&format!(
        "select practices.name from agents join practices using (firm_id, practice_id) where agent_id = '{}'",
        second.id
    ));
    assert_eq!(place, "canary-harbor practice");
}
