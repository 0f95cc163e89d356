//! Somebody with a browser, as far as HTTP is concerned: a cookie jar, forms, and the headers a browser adds.

use crate::wire::{Address, Answer, Connection};

/// One browser.
#[derive(Debug)]
pub struct Visitor {
    address: Address,
    cookies: Vec<(String, String)>,
    connection: Option<Connection>,
}

impl Visitor {
    /// A browser that was never here before.
    pub fn new(address: &Address) -> Self {
        Self {
            address: address.clone(),
            cookies: Vec::new(),
            connection: None,
        }
    }

    /// Opens a page.
    pub fn get(&mut self, path: &str) -> Answer {
        self.send("GET", path, &[("Accept", "text/html"), ("Sec-Fetch-Site", "none")], "")
    }

    /// Sends a form of a page of this site.
    pub fn post(&mut self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.post_from(path, fields, "same-origin")
    }

    /// Sends a form, with what the browser says of the page it stood on.
    pub fn post_from(&mut self, path: &str, fields: &[(&str, &str)], site: &str) -> Answer {
        let body: Vec<String> = fields
            .iter()
            .map(|(name, value)| format!("{}={}", escape(name), escape(value)))
            .collect();
        let headers = [
            ("Accept", "text/html"),
            ("Content-Type", "application/x-www-form-urlencoded"),
            ("Sec-Fetch-Site", site),
        ];
        self.send("POST", path, &headers, &body.join("&"))
    }

    /// Opens a page and goes where it leads.
    ///
    /// # Panics
    /// When it leads on more than five times.
    pub fn follow(&mut self, path: &str) -> Answer {
        let mut answer = self.get(path);
        for _ in 0..5 {
            let Some(next) = answer.header("location").map(str::to_owned) else {
                return answer;
            };
            answer = self.get(&next);
        }
        panic!("{path} leads on and on");
    }

    /// Signs in.
    ///
    /// # Panics
    /// When the server does not let them in.
    pub fn sign_in(&mut self, email: &str, password: &str) -> &mut Self {
        let answer = self.post("/sign-in", &[("email", email), ("password", password)]);
        assert_eq!(answer.status, 303, "{email} is not let in: {}", answer.text());
        assert!(!self.cookies.is_empty(), "{email} got no cookie: {:?}", answer.headers);
        self
    }

    /// The cookies, as `Cookie` carries them.
    pub fn cookie(&self) -> String {
        let pairs: Vec<String> = self
            .cookies
            .iter()
            .map(|(name, value)| format!("{name}={value}"))
            .collect();
        pairs.join("; ")
    }

    /// Sends a request; once more over a new connection when the old one was closed meanwhile.
    ///
    /// # Panics
    /// When the server does not answer.
    pub fn send(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> Answer {
        let (authority, cookie) = (self.address.authority(), self.cookie());
        let mut all = vec![("Host", authority.as_str()), ("User-Agent", "journey")];
        if !cookie.is_empty() {
            all.push(("Cookie", &cookie));
        }
        all.extend_from_slice(headers);
        let mut again = self.connection.is_some();
        loop {
            let connection = match self.connection.take() {
                Some(connection) => Ok(connection),
                None => self.address.connect(),
            };
            let sent = connection.and_then(|mut connection| {
                let answer = connection.request(method, path, &all, body.as_bytes())?;
                Ok((connection, answer))
            });
            match sent {
                Ok((connection, answer)) => {
                    let is_stream = answer
                        .header("content-type")
                        .is_some_and(|kind| kind.starts_with("text/event-stream"));
                    if answer.header("connection") != Some("close") && !is_stream {
                        self.connection = Some(connection);
                    }
                    self.keep_cookies(&answer);
                    return answer;
                }
                Err(_) if again => again = false,
                Err(error) => panic!("{method} {path}: no answer: {error}"),
            }
        }
    }

    fn keep_cookies(&mut self, answer: &Answer) {
        for (_, value) in answer.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let Some((name, content)) = value.split(';').next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            self.cookies.retain(|(known, _)| known != name);
            if !content.is_empty() {
                self.cookies.push((name.to_owned(), content.to_owned()));
            }
        }
    }
}

/// Percent-encodes everything that has a meaning in a form.
pub fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'.' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}
