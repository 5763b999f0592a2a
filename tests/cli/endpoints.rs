//! Endpoints elsewhere: a server of ours, others, nobody.

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    thread,
};

use crate::{
    process::{check, command, ended, run, run_in},
    served::Served,
};

/// A server that does something with each connection.
fn server(handle: impl Fn(std::net::TcpStream) + Send + 'static) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    thread::spawn(move || listener.incoming().flatten().for_each(handle));
    url
}

/// Reads the head of a request.
fn read_head(stream: &std::net::TcpStream) {
    let lines = BufReader::new(stream).lines();
    lines.map_while(Result::ok).take_while(|line| !line.is_empty()).for_each(drop);
}

#[test]
fn an_endpoint_where_nobody_is() {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}", listener.local_addr().expect("an address"));
    drop(listener);
    check(&["run", "ecs", "--endpoint", &url], 5, &["cannot reach", &url, "aswritten serve"]);
}

#[test]
fn an_endpoint_that_speaks_something_else() {
    let garbage = server(|mut stream| {
        read_head(&stream);
        // The client may have hung up.
        let _ = stream.write_all(b"SSH-2.0-nobody\r\n\r\n");
    });
    check(&["run", "ecs", "--endpoint", &garbage], 5, &["no HTTP answer from", &garbage]);
    let page = server(|mut stream| {
        read_head(&stream);
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\n<html>");
    });
    check(&["run", "ecs", "--endpoint", &page], 5, &["does not speak alibaba-rpc", &page]);
    check(&["run", "cvm", "--endpoint", &page], 5, &["does not speak tencent-api3", &page]);
}

#[test]
fn credentials_that_are_refused() {
    let served = Served::start(&[]);
    let folder = tempfile::tempdir().expect("a folder");
    // One service of each protocol.
    for (service, variables) in [("ecs", "ALIBABA_CLOUD_ACCESS_KEY_"), ("cvm", "TENCENTCLOUD_SECRET_")] {
        let (id, secret) = if service == "ecs" { ("ID", "SECRET") } else { ("ID", "KEY") };
        let mut command = command(&["run", service, "--endpoint", &served.url, "-v"], folder.path());
        command.env(format!("{variables}{id}"), "stranger").env(format!("{variables}{secret}"), "hush-hush");
        let ended = ended(&mut command);
        assert_eq!(ended.code, Some(5), "{}", ended.stderr);
        for text in ["refuses the credentials", variables] {
            assert!(ended.stderr.contains(text), "no `{text}`: {}", ended.stderr);
        }
        assert!(!ended.stderr.contains("hush-hush"), "{}", ended.stderr);
    }
}

/// Temporary credentials come with a token, which is part of what is signed.
#[test]
fn a_session_token_is_checked() {
    let served = Served::start(&["--credentials", "me:secret:token"]);
    let folder = tempfile::tempdir().expect("a folder");
    let variables = [
        ("ecs", "ALIBABA_CLOUD_ACCESS_KEY_ID", "ALIBABA_CLOUD_ACCESS_KEY_SECRET", "ALIBABA_CLOUD_SECURITY_TOKEN"),
        ("cvm", "TENCENTCLOUD_SECRET_ID", "TENCENTCLOUD_SECRET_KEY", "TENCENTCLOUD_TOKEN"),
    ];
    for (service, id, secret, token) in variables {
        for (given, code) in [("token", 0), ("another", 5), ("", 5)] {
            let mut command = command(&["run", service, "--endpoint", &served.url, "--cases", "10"], folder.path());
            command.env(id, "me").env(secret, "secret").env(token, given);
            let ended = ended(&mut command);
            assert_eq!(ended.code, Some(code), "{service} with `{given}`: {}", ended.stderr);
        }
    }
}

#[test]
fn a_run_against_a_server() {
    let served = Served::start(&["--edition", "ecs/DeleteImage@legacy"]);
    let arguments = [
        "run",
        "ecs/DeleteImage@legacy",
        "--endpoint",
        &served.url,
        "--cases",
        "6",
        "--seed",
        "cli",
        "--format",
        "json",
    ];
    let report = run(&arguments).json(0);
    assert_eq!(report["operations"].as_array().map(Vec::len), Some(1));
    assert!(report["endpoint"].as_str().is_some_and(|endpoint| endpoint.starts_with(&served.url)), "{report}");
}

#[test]
fn a_server_that_accepts_anything_violates_what_is_promised_about_access() {
    let folder = tempfile::tempdir().expect("a folder");
    let violated = |arguments: &[&str], code: i32| -> Vec<String> {
        let served = Served::start(arguments);
        let report = run_in(
            &[
                "run",
                "ecs/DeleteImage",
                "--endpoint",
                &served.url,
                "--cases",
                "160",
                "--seed",
                "cli",
                "--format",
                "json",
            ],
            folder.path(),
        )
        .json(code);
        let requirements = report["operations"][0]["requirements"].as_array().expect("requirements");
        let of_access = requirements.iter().filter(|requirement| requirement["kind"] == "access");
        assert!(of_access.clone().all(|requirement| requirement["exercised"] != 0), "{report}");
        let violated = requirements.iter().filter(|requirement| requirement["verdict"] == "violates");
        violated.filter_map(|requirement| requirement["id"].as_str()).map(str::to_owned).collect()
    };
    let access = ["forged-signature", "stale-time", "used-nonce", "unknown-key", "no-signature"];
    assert_eq!(violated(&["--unsigned"], 1), access.map(|name| format!("ecs/DeleteImage/access/{name}")));
    assert_eq!(violated(&[], 0), [""; 0]);
    let file = ".aswritten/ecs-DeleteImage-access-forged-signature-let-in.json";
    let text = fs::read_to_string(folder.path().join(file)).expect("a counterexample");
    assert!(text.contains(r#""caller": "forged-signature""#) && !text.contains("wrong-secret"), "{text}");
    let again = Served::start(&["--unsigned"]);
    let shown = run_in(&["replay", file, "--endpoint", &again.url, "--times", "1"], folder.path());
    assert_eq!(shown.code, Some(1), "{}{}", shown.stdout, shown.stderr);
    for text in ["signed with a wrong secret", "Authorization: <signed with a wrong secret>", "SignatureDoesNotMatch"] {
        assert!(shown.stdout.contains(text), "no `{text}`: {}", shown.stdout);
    }
    assert!(!shown.stdout.contains("aswritten-main"), "{}", shown.stdout);
}
