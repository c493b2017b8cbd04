//! obtainShunt: routing that reserves an agent's place.

use serde_json::json;

use crate::service::load;
use crate::service::pool::Pool;
use crate::service::request::{Request, nobody, post, request, user};
use crate::service::run::{Case, Run};
use crate::service::server::Server;

/// Enterprises with a desk; each is one actor.
const DESKS: u64 = 16;

/// Agents of each, and customers that each of them serves at once: enough that every customer of a run finds a
/// free place.
const AGENTS: u64 = 20;
const CAPACITY: u64 = 2_000;

/// Customers who ask once, and those who ask again and get the reservation they have.
const NEWCOMERS: u64 = 200_000;
const REGULARS: u64 = 2_000;

pub fn run(run: &mut Run) {
    run.say("desk: obtainShunt");
    let server = Server::service(
        &run.folder("desk"),
        &[
            "routing.heartbeat_lapse_ms=3600000",
            "routing.client_leases=1000000", // all customers come from one address
        ],
    );
    for desk in 0..DESKS {
        for agent in 0..AGENTS {
            staff(&server, desk, agent);
        }
    }
    let newcomers = Pool::once((0..NEWCOMERS).map(|customer| obtain(5_000_000 + customer)).collect());
    let regulars = || (0..REGULARS).map(|customer| obtain(5_900_000 + customer)).collect();
    let again = "obtainShunt, the reservation there is";
    let mut cases = Case::over_each(run.scale.connections, "shunt-again", again, regulars);
    cases.push(Case::new("shunt", "obtainShunt, a new reservation", newcomers));
    run.contest(&server, cases);
    server.stop();
    run.forget("desk");
}

fn staff(server: &Server, desk: u64, agent: u64) {
    let path = format!("/v1/agents/{}", 1 + desk * AGENTS + agent);
    let record = json!({ "entId": (1 + desk).to_string(), "name": "Mia", "capacity": CAPACITY });
    load::ask(server.address, &request("PUT", &path, &nobody(), &record));
    let online = json!({ "presence": "online" });
    load::ask(server.address, &request("PUT", &format!("{path}/presence"), &nobody(), &online));
}

fn obtain(customer: u64) -> Request {
    post("obtainShunt", &user(customer).ent(1 + customer % DESKS), &json!({ "type": "default" }))
}
