//! What there is in the matrix: two practices of one firm, another firm, and rows of every kind at each place, whose names tell
//! whose they are; and the ways to call a route.

use std::cell::RefCell;
use std::collections::HashMap;

use lastgood::users::Role;
use lastgood::web::{Ids, Route};
use lastgood_tests::database::{Database, quoted};
use lastgood_tests::mail::MailServer;
use lastgood_tests::reporter::{Reporter, new_id};
use lastgood_tests::server::Server;
use lastgood_tests::visitor::escape;
use lastgood_tests::wire::{Address, Answer, Connection};

use super::cast::{Caller, Place, callers, cookie, session_text};
use super::forms;
use super::ids::ids_of;
use crate::journeys::{HARBOR, LAKESIDE};

/// How a browser sends a form.
pub(super) const FORM: &str = "application/x-www-form-urlencoded";

/// What stands in the audit log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Tally {
    /// Entries of every firm.
    pub(super) all: i64,
    /// Those with the action asked for.
    pub(super) with_action: i64,
}

/// Ids by what they are asked for, where, and whose.
type Kept = HashMap<(&'static str, Place, &'static str), Vec<String>>;

/// Everything.
pub(super) struct World {
    server: RefCell<Server>,
    pub(super) database: Database,
    pub(super) address: Address,
    pub(super) callers: Vec<Caller>,
    /// An agent at Harbor.
    pub(super) agent: Reporter,
    /// By which two more may enrol there.
    pub(super) tokens: [String; 2],
    connection: RefCell<Option<Connection>>,
    kept: RefCell<Kept>,
    _mail: MailServer,
}

impl World {
    /// The world as it is before anybody is in it: what a server's first start leaves. Its path to the set-up page comes with it.
    pub(super) fn empty() -> (Server, MailServer, String) {
        let mail = MailServer::start();
        let mut server = Server::wishes().mailing(&mail).start();
        let public = format!("{}/set-up/", server.url());
        server.process().wait_for(&public);
        let said = server.process().said();
        let (_, link) = said.split_once(&public).unwrap();
        let token = link.split_whitespace().next().unwrap();
        (server, mail, format!("/set-up/{token}"))
    }

    /// Fills it, once Olivia has set it up.
    pub(super) fn fill(server: Server, mail: MailServer) -> Self {
        for practice in [HARBOR, LAKESIDE] {
            server.add_practice(practice);
        }
        server.add_user("theo@northwind.example", "technician", None);
        server.add_user("rosa@northwind.example", "read_only", None);
        server.add_user("vera@harbor.example", "practice_viewer", Some(HARBOR));
        server.add_user("lena@lakeside.example", "practice_viewer", Some(LAKESIDE));
        let agent = Reporter::enrol(&server.address(), &server.token(HARBOR));
        let tokens = [server.token(HARBOR), server.token(HARBOR)];
        let database = Database::open(&server.state());
        database.execute(forms::ELSEWHERE);
        for (place, name) in [
            (Place::Harbor, HARBOR),
            (Place::Lakeside, LAKESIDE),
            (Place::Elsewhere, "Elsewhere"),
        ] {
            database.execute(&format!(
                "update practices set name = '{} practice' where name = {}",
                place.canary(),
                quoted(name)
            ));
        }
        let callers = callers();
        for caller in callers.iter().filter(|caller| caller.role.is_some()) {
            let (address, text) = (quoted(caller.email), quoted(&session_text(caller)));
            database.execute(&format!("select matrix.sign_in({address}, {text})"));
        }
        Self {
            address: server.address(),
            server: RefCell::new(server),
            database,
            callers,
            agent,
            tokens,
            connection: RefCell::default(),
            kept: RefCell::default(),
            _mail: mail,
        }
    }

    /// Both at once, for a test that is about something else.
    pub(super) fn make() -> Self {
        let (server, mail, _) = Self::empty();
        server.add_user("olivia@northwind.example", "owner", None);
        Self::fill(server, mail)
    }

    pub(super) fn server_said(&self) -> String {
        self.server.borrow_mut().process().said()
    }

    pub(super) fn owner(&self) -> &Caller {
        self.callers
            .iter()
            .find(|caller| caller.role == Some(Role::Owner))
            .unwrap()
    }

    /// Somebody else who sees a place.
    fn resident(&self, place: Place, but: &Caller) -> &Caller {
        let others = self.callers.iter().filter(|caller| caller.email != but.email);
        let mut residents = others.filter(|caller| caller.may_see(place));
        residents.next().unwrap()
    }

    /// What is the caller's own, made anew: for the ids named in the path of a route, in its order.
    pub(super) fn fresh_ids(&self, route: &Route, caller: &Caller) -> Vec<String> {
        match route.ids {
            Ids::Rows => self.rows(route.path, caller.home, caller),
            Ids::Link | Ids::FirstLink => vec![self.link(route.ids, caller.home)],
            Ids::File => {
                let page = self.get("/sign-in", "");
                let style = page.text();
                let (_, rest) = style.split_once("href=\"/static/").expect("the page has a style sheet");
                let path = rest.split('"').next().unwrap();
                path.splitn(2, '/').map(str::to_owned).collect()
            }
        }
    }

    /// What is somebody's at a place, to be called by whom it must not help: it is not used up and so made once.
    pub(super) fn ids_at(&self, route: &Route, place: Place, caller: &Caller) -> Vec<String> {
        let key = (route.path, place, caller.email);
        if let Some(ids) = self.kept.borrow().get(&key) {
            return ids.clone();
        }
        let resident = if caller.home == place {
            caller
        } else {
            self.resident(place, caller)
        };
        let ids = if route.ids == Ids::Rows {
            self.rows(route.path, place, resident)
        } else {
            self.fresh_ids(route, resident)
        };
        self.kept.borrow_mut().insert(key, ids.clone());
        ids
    }

    fn rows(&self, path: &str, place: Place, caller: &Caller) -> Vec<String> {
        let names = ids_of(path);
        if names.is_empty() {
            return Vec::new();
        }
        let email = if caller.email.is_empty() {
            self.resident(place, caller).email
        } else {
            caller.email
        };
        let row = self.database.row(&forms::rows_for(path, &names, place.canary(), email));
        assert!(
            row.iter().all(|id| !id.is_empty()),
            "{path}: no row was made at {place:?}: {row:?}"
        );
        row
    }

    /// The secret of a link that was just made and not used.
    fn link(&self, ids: Ids, place: Place) -> String {
        let token = format!("matrix-{}", new_id().simple());
        let first = ids == Ids::FirstLink;
        self.database.execute(&format!(
            "select matrix.link({}, {}, {first})",
            quoted(&token),
            quoted(place.canary())
        ));
        token
    }

    /// The id of a practice or an office, for the field of a form.
    pub(super) fn id_of(&self, kind: &str, place: Place) -> String {
        let key = (if kind == "office" { "office" } else { "practice" }, place, "");
        if let Some(ids) = self.kept.borrow().get(&key) {
            return ids[0].clone();
        }
        let id = self.database.value(&format!(
            "select matrix.fresh({}, {}, '', null)",
            quoted(kind),
            quoted(place.canary())
        ));
        self.kept.borrow_mut().insert(key, vec![id.clone()]);
        id
    }

    /// Counts the audit log, and signs everybody in again whom their last call has signed out.
    pub(super) fn tally(&self, action: &str) -> Tally {
        self.database
            .execute("update sessions set ended_at = null, authenticated_at = now() where user_agent = 'matrix'");
        let row = self.database.row(&format!(
            "select count(*), count(*) filter (where action = {}) from audit_entries",
            quoted(action)
        ));
        let number = |column: usize| row[column].parse().unwrap();
        Tally {
            all: number(0),
            with_action: number(1),
        }
    }

    /// Lets everybody's password have been typed an hour ago.
    pub(super) fn age_sign_ins(&self) {
        self.database
            .execute("update sessions set authenticated_at = now() - interval '1 hour'");
    }

    /// Calls a route as a browser would; an agent shows what it shows to the server of its reports.
    pub(super) fn call(&self, route: &Route, caller: &Caller, path: &str, form: &[(&str, String)]) -> Answer {
        self.call_from(route, caller, path, form, Some("same-origin"))
    }

    /// Calls a route with what a browser says of where the form stood.
    pub(super) fn call_from(
        &self,
        route: &Route,
        caller: &Caller,
        path: &str,
        form: &[(&str, String)],
        site: Option<&str>,
    ) -> Answer {
        let body = if route.method == "POST" {
            encoded(form)
        } else {
            String::new()
        };
        self.send_form(route, caller, path, (FORM, &body), site)
    }

    /// Sends anything as a form.
    pub(super) fn send_form(
        &self,
        route: &Route,
        caller: &Caller,
        path: &str,
        (kind, body): (&str, &str),
        site: Option<&str>,
    ) -> Answer {
        let cookie = cookie(caller);
        let bearer = caller
            .is_agent
            .then(|| format!("Bearer {}", self.agent.sign(body.as_bytes())));
        let mut headers = vec![("Accept", "text/html")];
        if !cookie.is_empty() {
            headers.push(("Cookie", &cookie));
        }
        if let Some(bearer) = &bearer {
            headers.push(("Authorization", bearer));
        }
        if route.method == "POST" {
            headers.push(("Content-Type", kind));
            headers.extend(site.map(|site| ("Sec-Fetch-Site", site)));
        }
        self.send(route.method.as_str(), path, &headers, body)
    }

    fn get(&self, path: &str, cookie: &str) -> Answer {
        self.send("GET", path, &[("Accept", "text/html"), ("Cookie", cookie)], "")
    }

    /// Over the connection that is open, or a new one when the server has closed it.
    fn send(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let authority = self.address.authority();
        let mut all = vec![("Host", authority.as_str())];
        all.extend_from_slice(headers);
        let kept = self.connection.borrow_mut().take();
        let connections = kept
            .into_iter()
            .chain(std::iter::from_fn(|| self.address.connect().ok()).take(1));
        for mut connection in connections {
            let Ok(answer) = connection.request(method, path, &all, body.as_bytes()) else {
                continue;
            };
            let is_stream = answer
                .header("content-type")
                .is_some_and(|kind| kind.starts_with("text/event-stream"));
            if answer.header("connection") != Some("close") && !is_stream {
                *self.connection.borrow_mut() = Some(connection);
            }
            return answer;
        }
        panic!("{method} {path}: no answer")
    }

    /// A form of a route as it should be, for the ids in its path.
    pub(super) fn good_form(&self, route: &Route, caller: &Caller, ids: &[String]) -> Vec<(&'static str, String)> {
        let of = |name: &str| self.id_of(name, caller.home);
        forms::fields(route, caller.home.canary(), ids, &of)
    }
}

/// Fields as a form or a query holds them.
pub(super) fn encoded(fields: &[(&str, String)]) -> String {
    let pairs: Vec<_> = fields
        .iter()
        .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
        .collect();
    pairs.join("&")
}
