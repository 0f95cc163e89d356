use std::io::Write as _;
use std::net::IpAddr;
use std::path::Path;
use std::time::Duration;

use clap::{CommandFactory as _, Parser};
use secrecy::ExposeSecret as _;

use super::{ConfigError, Environment, Network, Settings, SettingsArgs, SmtpSecurity, TrustedProxies, show, source};

#[derive(Parser)]
struct Line {
    #[command(flatten)]
    settings: SettingsArgs,
    #[command(subcommand)]
    command: Option<Subcommand>,
}

#[derive(clap::Subcommand)]
enum Subcommand {
    Serve,
}

fn load<const N: usize, const M: usize>(
    flags: [&str; N],
    variables: [(&str, &str); M],
) -> Result<Settings, ConfigError> {
    let line = Line::try_parse_from(std::iter::once("lastgood").chain(flags)).expect("the flags parse");
    Settings::from_sources(&line.settings, &Environment::from(variables), "tower", true)
}

fn refusal<const N: usize, const M: usize>(flags: [&str; N], variables: [(&str, &str); M]) -> String {
    load(flags, variables)
        .expect_err("these settings are refused")
        .to_string()
}

fn file(text: &str) -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file
}

#[test]
fn nothing_given_is_enough() {
    let settings = load([], []).unwrap();
    assert_eq!(settings.state, Path::new("/var/lib/lastgood"));
    assert!(settings.database_url.is_none());
    assert_eq!(settings.public_url(8443), "https://tower:8443");
    assert_eq!(settings.alert_hold, Duration::from_mins(1));
    assert_eq!(settings.mail.smtp_port, 587);
    assert_eq!(settings.mail.from.to_string(), "Lastgood <lastgood@tower>");
}

#[test]
fn the_help_is_well_formed() {
    Line::command().debug_assert();
}

#[test]
fn flag_beats_variable_beats_file() {
    let file = file("silent_after = \"3 min\"\nalert_hold = 3\nsession_idle = \"PT3M\"\n");
    let path = file.path().to_str().unwrap();
    let variables = [("LASTGOOD_SILENT_AFTER", "2 min"), ("LASTGOOD_ALERT_HOLD", "2")];
    let settings = load(["serve", "--config", path, "--alert-hold", "1"], variables).unwrap();
    assert_eq!(settings.alert_hold, Duration::from_secs(1));
    assert_eq!(settings.silent_after, Duration::from_mins(2));
    assert_eq!(settings.session_idle, Duration::from_mins(3));
}

#[test]
fn an_unknown_name_is_refused_where_it_stands() {
    let file = file("listen = \"none\"\n\nsmtp_hots = \"mail\"\n");
    let path = file.path().to_str().unwrap();
    assert_eq!(
        refusal(["--config", path], []),
        format!("there is no setting `smtp_hots` (given in {path} line 3). Did you mean `smtp_host`?")
    );
    assert_eq!(
        refusal([], [("LASTGOOD_FROBNICATE", "1")]),
        "there is no setting `frobnicate` (given as the environment variable LASTGOOD_FROBNICATE). \
         `lastgood serve --help` lists the settings."
    );
    // The agent's variables may stand beside ours, and an empty variable is one that is not set.
    load([], [("LASTGOOD_AGENT_STATE", "/x"), ("LASTGOOD_NOTHING", "")]).unwrap();
}

#[test]
fn a_file_that_is_not_toml_is_refused_with_its_line() {
    let file = file("listen = \"none\"\nlisten_plain =\n");
    let message = refusal(["--config", file.path().to_str().unwrap()], []);
    assert!(message.contains("line 2 is not valid TOML"), "{message}");
    let message = refusal(["--config", "/nonexistent/x.toml"], []);
    assert!(message.starts_with("/nonexistent/x.toml cannot be read"), "{message}");
}

#[test]
fn wrong_values_name_setting_origin_and_remedy() {
    let cases = [
        (
            ["--listen", "8443"],
            "the setting `listen` (given as --listen) is not an address with a port: `8443`. Write an address",
        ),
        (
            ["--alert-hold", "soon"],
            "the setting `alert_hold` (given as --alert-hold) is not a duration: `soon`. Write it as",
        ),
        (
            ["--alert-hold", "2 h"],
            "the setting `alert_hold` (given as --alert-hold) is out of range: `2 h`.",
        ),
        (
            ["--listen-plain", "0.0.0.0:80"],
            "the setting `listen_plain` (given as --listen-plain) would serve plain HTTP to other machines",
        ),
        (
            ["--listen", "none"],
            "the setting `listen` (given as --listen) is none and `listen_plain` is none",
        ),
        (
            ["--public-url", "http://example.net"],
            "the setting `public_url` (given as --public-url) is plain HTTP to another machine",
        ),
        (
            ["--public-url", "https://example.net/x"],
            "the setting `public_url` (given as --public-url) has a path",
        ),
        (
            ["--host-names", "a b"],
            "the setting `host_names` (given as --host-names) contains `a b`",
        ),
        (
            ["--trusted-proxies", "10.0.0.0/33"],
            "the setting `trusted_proxies` (given as --trusted-proxies) is wrong: `10.0.0.0/33` has a prefix longer than 32",
        ),
        (
            ["--tls-key", "/dev/null"],
            "the setting `tls_key` (given as --tls-key) needs its certificate. Give `tls_certificate` too.",
        ),
        (
            ["--tls-key", "/nonexistent"],
            "/nonexistent cannot be read (No such file or directory (os error 2)), and the setting `tls_key` (given as --tls-key)",
        ),
        (
            ["--smtp-user", "me"],
            "the setting `smtp_user` (given as --smtp-user) is given without `smtp_password`",
        ),
        (
            ["--mail-from", "me"],
            "the setting `mail_from` (given as --mail-from) is not a mail address: `me`",
        ),
        (
            ["--metrics", "maybe"],
            "the setting `metrics` (given as --metrics) is neither on nor off: `maybe`",
        ),
        (
            ["--log-format", "xml"],
            "the setting `log_format` (given as --log-format) is none of its kinds: `xml`",
        ),
        (
            ["--dumps-kept", "0"],
            "the setting `dumps_kept` (given as --dumps-kept) is out of range",
        ),
    ];
    for (flags, expected) in cases {
        let message = refusal(flags, []);
        assert!(message.starts_with(expected), "{message}");
    }
}

#[test]
fn mail_without_protection_stays_on_this_machine() {
    let settings = load(["--smtp-host", "127.0.0.1", "--smtp-security", "none"], []).unwrap();
    assert_eq!(
        (settings.mail.smtp_security, settings.mail.smtp_port),
        (SmtpSecurity::None, 25)
    );
    let message = refusal(["--smtp-host", "mail.example.net", "--smtp-security", "none"], []);
    assert!(message.contains("unprotected over the network"), "{message}");
}

#[test]
fn secrets_come_from_variables_and_files_and_are_not_shown() {
    let password = file("geheim-42\n");
    let settings = load(
        ["--smtp-host", "mail.example.net", "--smtp-user", "me"],
        [
            ("LASTGOOD_SMTP_PASSWORD_FILE", password.path().to_str().unwrap()),
            ("DATABASE_URL", "postgres://a:geheim-42@h/d"),
        ],
    )
    .unwrap();
    assert_eq!(
        settings.mail.smtp_password.as_ref().unwrap().expose_secret(),
        "geheim-42"
    );
    assert_eq!(
        settings.database_url.as_ref().unwrap().expose_secret(),
        "postgres://a:geheim-42@h/d"
    );
    assert!(!show(&settings).contains("geheim-42"));
    assert!(!format!("{settings:?}").contains("geheim-42"));

    let message = refusal([], [("LASTGOOD_DATABASE_URL", "mysql://root:geheim-42@h:port/d")]);
    assert!(
        message.contains("LASTGOOD_DATABASE_URL") && !message.contains("geheim-42"),
        "{message}"
    );
    let twice = [
        ("LASTGOOD_SMTP_PASSWORD", "a"),
        ("LASTGOOD_SMTP_PASSWORD_FILE", "/dev/null"),
    ];
    assert!(refusal([], twice).contains("is given twice"));
}

#[test]
fn a_secret_in_a_file_open_to_all_is_refused() {
    let text = "smtp_password = \"geheim-42\"\n";
    assert!(source::parse_file(Path::new("l.toml"), text, false).is_ok());
    let message = source::parse_file(Path::new("l.toml"), text, true)
        .unwrap_err()
        .to_string();
    assert!(
        message.contains("chmod o-r l.toml") && !message.contains("geheim-42"),
        "{message}"
    );
}

#[test]
fn what_is_shown_can_be_given_again() {
    let settings = load(
        [
            "--listen",
            "127.0.0.1:9",
            "--silent-after",
            "90 min",
            "--host-names",
            "a.example,192.0.2.1",
        ],
        [],
    )
    .unwrap();
    let shown = show(&settings);
    let file = file(&shown);
    let again = load(["--config", file.path().to_str().unwrap()], []).unwrap();
    assert_eq!(again.silent_after, Duration::from_mins(90));
    assert_eq!(again.tls.host_names, ["a.example", "192.0.2.1", "tower"]);
    assert_eq!(again.listen, settings.listen);
}

#[test]
fn only_a_trusted_proxy_may_say_who_called() {
    let proxies = TrustedProxies(vec!["10.0.0.0/8".parse().unwrap(), "::1".parse().unwrap()]);
    let caller = |peer: &str, header: &[&str]| {
        proxies
            .caller(peer.parse().unwrap(), header.iter().copied())
            .to_string()
    };
    assert_eq!(caller("192.0.2.1", &["198.51.100.9"]), "192.0.2.1");
    assert_eq!(caller("10.1.2.3", &["198.51.100.9"]), "198.51.100.9");
    assert_eq!(
        caller("::ffff:10.1.2.3", &["6.6.6.6, 198.51.100.9, 10.9.9.9"]),
        "198.51.100.9"
    );
    assert_eq!(caller("::1", &["6.6.6.6", "198.51.100.9"]), "198.51.100.9");
    assert_eq!(caller("10.1.2.3", &["6.6.6.6, unknown"]), "10.1.2.3");
    assert_eq!(caller("10.1.2.3", &[]), "10.1.2.3");
}

#[test]
fn networks_hold_their_addresses() {
    let cases = [
        ("10.0.0.0/8", "10.255.0.1", true),
        ("10.0.0.0/8", "11.0.0.0", false),
        ("0.0.0.0/0", "203.0.113.1", true),
        ("0.0.0.0/0", "2001:db8::1", false),
        ("2001:db8::/32", "2001:db8:ffff::1", true),
        ("2001:db8::/32", "2001:db9::1", false),
        ("192.0.2.7", "192.0.2.7", true),
        ("192.0.2.7", "192.0.2.6", false),
    ];
    for (network, address, inside) in cases {
        let network: Network = network.parse().unwrap();
        assert_eq!(
            network.contains(address.parse::<IpAddr>().unwrap()),
            inside,
            "{network} {address}"
        );
    }
}
