//! What `panda_domain::recovery::redact` strikes out, and what it leaves for people to read.
#![allow(clippy::unwrap_used, reason = "a test that cannot go on should stop")]

mod cases;

use panda_domain::recovery::{MARK, Redacted, redact};
use proptest::{collection::vec, prelude::*, sample::select};

use self::cases::cases;

/// A kind, a text with a secret of that kind, and what of the secret must not be seen. None of them ever opened anything; the shapes are put
/// together here so that no scanner of secrets takes this file for a leak.
#[allow(clippy::too_many_lines, reason = "a list")]
fn planted() -> Vec<(&'static str, String, Vec<String>)> {
    let body = |n: usize| -> String {
        "aB3dE5fG7hJ9kL1mN2pQ4rS6tU8vW0xYzAcEgIkMoQsUwY1358bdFHJLNPRTVXZ".chars().cycle().take(n).collect()
    };
    let hex = |n: usize| -> String { "0f1e2d3c4b5a69788796a5b4c3d2e1f0".chars().cycle().take(n).collect() };
    let base64_line = "MIIEpAIBAAKCAQEA7bq3uJx1VZxkq0d2w8nS5tY4rG6hKjLmPoIuYtReWqAsDfGh";
    let mut all: Vec<(&'static str, String, Vec<String>)> = Vec::new();
    let mut plant = |kind: &'static str, text: String, secrets: &[&str]| {
        all.push((kind, text, secrets.iter().map(|s| (*s).to_owned()).collect()));
    };
    let akia = format!("AKIA{}", "IOSFODNN7EXAMPLE");
    let temporary = format!("ASIA{}", "Y34FZKBOKMUTVV7A");
    let aws_secret = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";
    plant("aws access key", format!("using key {akia} now"), &[&akia]);
    plant("aws temporary key", format!("AWS_ACCESS_KEY_ID={temporary}"), &[&temporary]);
    plant("aws secret in ini", format!("aws_secret_access_key = {aws_secret}"), &[aws_secret]);
    plant("aws secret exported, upper case", format!("export AWS_SECRET_ACCESS_KEY=\"{aws_secret}\""), &[aws_secret]);
    plant("aws secret alone", format!("signing with {aws_secret} failed"), &[aws_secret]);
    let session = format!("IQoJb3JpZ2luX2VjE{}/+{}==", body(80), body(40));
    plant("aws session token", format!("got {session} back"), &[&session]);
    plant("aws session token in json", format!("{{\"SessionToken\":\"{session}\"}}"), &[&session]);
    for prefix in ["ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"] {
        let token = format!("{prefix}{}", body(36));
        plant("github", format!("remote: {token} rejected"), &[&token]);
    }
    let gitlab = format!("glpat-{}", body(20));
    plant("gitlab", format!("token {gitlab}."), &[&gitlab]);
    let slack = format!("xoxb-{}-{}", "123456789012", body(24));
    plant("slack", format!("posting with {slack}"), &[&slack]);
    plant("slack webhook", format!("POST https://hooks.slack.com/services/T0000/B0000/{} 404", body(24)), &[&body(24)]);
    let stripe = format!("sk_live_{}", body(24));
    plant("stripe", format!("Invalid API Key provided: {stripe}"), &[&stripe]);
    let google = format!("AIza{}", body(35));
    plant("google", format!("key={google}&x=1"), &[&google]);
    let npm = format!("npm_{}", body(36));
    plant("npm", format!("npm ERR! 401 {npm}"), &[&npm]);
    plant("npmrc", format!("//registry.example.com/:_authToken={npm}"), &[&npm]);
    let pypi = format!("pypi-AgEIcHlwaS5vcmc{}", body(60));
    plant("pypi", format!("twine: {pypi}"), &[&pypi]);
    let openai = format!("sk-proj-{}", body(40));
    plant("openai", format!("Incorrect API key provided: {openai}."), &[&openai]);
    let sendgrid = format!("SG.{}.{}", body(22), body(43));
    plant("sendgrid", format!("mail {sendgrid} 401"), &[&sendgrid]);
    let vault = format!("hvs.{}", body(40));
    plant("vault", format!("X-Vault-Token: {vault}"), &[&vault]);
    let jwt = format!("eyJhbGciOiJIUzI1NiJ9.eyJ{}.{}", body(30), body(43));
    plant("jwt", format!("token was {jwt} here"), &[&jwt]);
    let (half, other) = jwt.split_at(60);
    plant("jwt over two lines", format!("got\n{half}\n{other}\ndone"), &[half, other]);
    plant(
        "bearer",
        "curl -H 'Authorization: Bearer 2YotnFZFEjr1zCsicMWpAA' https://x".into(),
        &["2YotnFZFEjr1zCsicMWpAA"],
    );
    plant("basic", "authorization: Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==".into(), &["QWxhZGRpbjpvcGVuIHNlc2FtZQ"]);
    plant(
        "sigv4 header",
        format!(
            "Authorization: AWS4-HMAC-SHA256 Credential={akia}/20260507/us-east-1/s3/aws4_request, Signature={}",
            hex(64)
        ),
        &[&akia, &hex(64)],
    );
    plant("password in shell", "DB_PASSWORD=hunter2 npm start".into(), &["hunter2"]);
    plant(
        "password in shell, exported and quoted",
        "export DB_PASSWORD='hunter2 and more'".into(),
        &["hunter2", "and more"],
    );
    plant("password in a trace", "+ export PGPASSWORD=hunter2".into(), &["hunter2"]);
    plant("password in json", r#"{"user":"ann","password":"hun\"ter2","port":1}"#.into(), &["ter2"]);
    plant("password in json over two lines", "{\n  \"password\":\n    \"hunter2\"\n}".into(), &["hunter2"]);
    plant("password in escaped json", r#"body: "{\"password\":\"hunter2\"}""#.into(), &["hunter2"]);
    plant("passwd in yaml", "db:\n  passwd: hunter2 with words\n  host: x".into(), &["hunter2", "with words"]);
    plant("secret in a yaml block", "secret: |\n  hunter2\n  second\nnext: 1".into(), &["hunter2", "second"]);
    plant("pwd in ini", "[db]\nPWD = hunter2".into(), &["hunter2"]);
    plant("php", "'password' => 'hunter2',".into(), &["hunter2"]);
    plant("python", "{'api_key': 'hunter2', 'x': 1}".into(), &["hunter2"]);
    plant("java property", "spring.datasource.password=hunter2".into(), &["hunter2"]);
    plant("xml", "<db><Password>hunter2</Password></db>".into(), &["hunter2"]);
    plant("command line", "deploy --password hunter2 --verbose".into(), &["hunter2"]);
    plant("command line over two lines", "deploy --api-token \\\n  hunter2 --verbose".into(), &["hunter2"]);
    plant("client secret", "CLIENT_SECRET: hunter2".into(), &["hunter2"]);
    plant("mysql", "mysql -u root -phunter2 shop".into(), &["hunter2"]);
    plant("curl user", "curl -u ann:hunter2 https://x".into(), &["hunter2"]);
    plant("docker login", "docker login -u ann -p hunter2 registry".into(), &["hunter2"]);
    plant("password by pipe", "echo hunter2 | docker login --password-stdin".into(), &["hunter2"]);
    plant("docker auth", "{\"auths\":{\"x\":{\"auth\":\"YW5uOmh1bnRlcjI=\"}}}".into(), &["YW5uOmh1bnRlcjI"]);
    plant("netrc", "machine api.example.com login ann password hunter2".into(), &["hunter2"]);
    plant("netrc over lines", "machine api.example.com\nlogin ann\npassword hunter2".into(), &["hunter2"]);
    plant("cookie", "Cookie: theme=dark; sid=s3cr3tvalue".into(), &["s3cr3tvalue"]);
    plant("set-cookie", "< Set-Cookie: session=s3cr3tvalue; Path=/".into(), &["s3cr3tvalue"]);
    plant("postgres", "postgres://ann:hunter2@db.example.com:5432/shop".into(), &["hunter2"]);
    plant("mongodb", "mongodb+srv://ann:hunter2@cluster0.example.net/shop".into(), &["hunter2"]);
    plant("redis without user", "redis://:hunter2@cache:6379/0".into(), &["hunter2"]);
    plant("amqp", "AMQPS://ann:hunter2@mq/vhost".into(), &["hunter2"]);
    plant("jdbc", "jdbc:mysql://db/shop?user=ann&password=hunter2&ssl=true".into(), &["hunter2"]);
    plant("sql server", "Server=db;User Id=ann;Password=hunter2;Encrypt=true".into(), &["hunter2"]);
    plant("git url", format!("git clone https://ann:{}@github.com/a/b", body(20)), &[&body(20)]);
    plant(
        "presigned url",
        format!("GET https://b.s3.amazonaws.com/k?X-Amz-Credential={akia}%2F2026&X-Amz-Signature={}&x=1", hex(64)),
        &[&akia, &hex(64)],
    );
    plant("azure sas", format!("https://a.blob.core.windows.net/c?sv=2022&sig={}%3D", body(43)), &[&body(43)]);
    plant(
        "azure connection string",
        format!("DefaultEndpointsProtocol=https;AccountName=a;AccountKey={}==;X=1", body(86)),
        &[&body(86)],
    );
    let key = |kind: &str| {
        format!(
            "-----BEGIN {kind}PRIVATE KEY-----\n{base64_line}\n{base64_line}\nshort==\n-----END {kind}PRIVATE KEY-----"
        )
    };
    plant("private key", format!("a\n{}\nb", key("RSA ")), &[base64_line, "short=="]);
    plant("openssh key", key("OPENSSH "), &[base64_line]);
    plant(
        "private key with prefixes",
        key("").lines().map(|line| format!("[stderr]{line}")).collect::<Vec<_>>().join("\n"),
        &[base64_line, "short=="],
    );
    plant(
        "private key without its beginning",
        format!("{base64_line}\nshort12==\n-----END RSA PRIVATE KEY-----\nb"),
        &[base64_line, "short12=="],
    );
    plant(
        "private key without its end",
        format!("a\n-----BEGIN EC PRIVATE KEY-----\n{base64_line}\nab12"),
        &[base64_line, "ab12"],
    );
    plant(
        "private key in json",
        format!("{{\"private_key\":\"-----BEGIN PRIVATE KEY-----\\n{base64_line}\\n-----END PRIVATE KEY-----\\n\"}}"),
        &[base64_line],
    );
    plant(
        "bcrypt",
        "hash $2b$12$EixZaYVK1fsbw1ZfbX3OXePaWxn96p36WQoeG6Lruj3vjPGga31lW".into(),
        &["EixZaYVK1fsbw1ZfbX3OX"],
    );
    plant("telegram bot", format!("bot 123456789:AA{}", body(33)), &[&body(33)]);
    plant("drawn by lot", format!("value {} done", body(32)), &[&body(32)]);
    plant("coloured", "\u{1b}[31mpassword\u{1b}[0m=hun\u{1b}[1mter2".into(), &["hunter2", "ter2"]);
    all
}

#[test]
fn no_planted_secret_is_seen() {
    let planted = planted();
    let kinds: std::collections::BTreeSet<_> = planted.iter().map(|(kind, ..)| *kind).collect();
    assert!(kinds.len() >= 60, "{} kinds", kinds.len());
    let mut seen = Vec::new();
    for (kind, text, secrets) in &planted {
        for text in [
            text.clone(),
            format!("[stderr]{}", text.replace('\n', "\n[stderr]")),
            format!("x {text}"),
            text.replace('\n', "\r\n"),
        ] {
            let clean = redact(&text);
            for secret in secrets.iter().filter(|secret| clean.contains(secret.as_str())) {
                seen.push(format!("{kind}: {secret} in {clean:?} of {text:?}"));
            }
            if !clean.contains(MARK) {
                seen.push(format!("{kind}: nothing struck out of {text:?}"));
            }
        }
    }
    assert!(seen.is_empty(), "{}", seen.join("\n"));
}

#[test]
fn ordinary_lines_stay_readable() {
    let ordinary = [
        "[stderr]Caused by: java.lang.IllegalStateException: no such table",
        "Script at specified location: deploy/scripts/flyway_migrate.sh run as user root failed with exit code 1",
        "/opt/codedeploy-agent/deployment-root/9fd2fbef-2157-40d8-91e7-6845af69e2d2/d-KH37TM9SF/deployment-archive/scripts/start.sh: line 12: node: command not found",
        "HEAD is now at 8e0c6fb80e09020556d271d4cf0bacdab3614fbd Edit index.html",
        "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
        "Deployment d-KH37TM9SF failed on i-0123456789abcdef0",
        "arn:aws:codedeploy:us-east-1:123456789012:deploymentgroup:myApplication/myDeploymentGroup",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf is not allowed: secretsmanager:GetSecretValue",
        "User: arn:aws:sts::123456789012:assumed-role/web-instance/i-0123456789abcdef0 is not authorized to perform: s3:GetObject",
        "2026-05-07T13:22:34.629Z INFO  [codedeploy-agent(4711)]: Version file found in /opt/codedeploy-agent/.version with agent version OFFICIAL_1.8.1-24_rpm.",
        "Installing httpd-2.4.62-1.amzn2023.aarch64 and nodejs20-20.18.0-1.amzn2023.0.1",
        "npm ERR! code ENOENT npm ERR! syscall open npm ERR! path /var/www/html/package.json",
        "Job for httpd.service failed because the control process exited with error code.",
        "org.springframework.beans.factory.support.AbstractAutowireCapableBeanFactory.createBean(AbstractAutowireCapableBeanFactory.java:522)",
        "curl: (7) Failed to connect to localhost port 8080 after 0 ms: Couldn't connect to server",
        "GET https://example.com/health?verbose=1 returned 503",
        "No space left on device @ io_write - /opt/codedeploy-agent/deployment-root/deployment-instructions/tmp",
        "Traceback (most recent call last): File \"/srv/app/token_store.py\", line 4, in load_tokens",
        "SyntaxError: Unexpected token < in JSON at position 0",
        "the password is wrong for user ann",
        "psql: FATAL: password authentication failed for user \"ann\"",
        "Error: no secret found in the vault",
        "1 passed, 2 failed, 3 tokens read, 0 secrets",
        "request id 07e563b5-8802-4efe-94cc-e864390dd7af took 23 ms",
        "eth0: 10.0.12.7/24, fe80::8c9:1dff:fe4e:5f6a, mtu 9001",
        "s3://codepipeline-us-east-1-123456789012/web/SourceArti/qbAjebs.zip",
        "export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin",
        "Stopping: httpd",
        "ping: unknown host db",
        "author: Mary Major",
        "shipping=3 mapping=web",
        "An error occurred: ExpiredTokenException: The security token included in the request is expired",
        "ExpiredTokenException: The security token included in the request is expired",
        "SecretNotFoundException: no such thing",
        "Permission denied (publickey).",
        "com.example.shop.infrastructure.persistence.OrderRepositoryIntegrationTest2 failed",
    ];
    let changed: Vec<String> = ordinary
        .iter()
        .filter_map(|line| {
            let clean = redact(line);
            (clean != **line).then(|| format!("{line}\n  became {clean}"))
        })
        .collect();
    assert!(changed.is_empty(), "{}", changed.join("\n"));
}

#[test]
fn a_tail_keeps_its_end_and_a_line_is_one_line() {
    let long = (0..500).map(|n| format!("[stdout]line {n}")).collect::<Vec<_>>().join("\n");
    let tail = Redacted::tail(&long).unwrap();
    assert!(tail.as_str().ends_with("[stdout]line 499"), "{tail}");
    assert!(tail.as_str().lines().count() <= 30);
    assert!(Redacted::tail(&"x y".repeat(9_000)).unwrap().as_str().chars().count() <= 2_500);
    assert_eq!(Redacted::tail(" \n\n"), None);
    assert_eq!(Redacted::line("a\nb\t c").as_str(), "a b c");
    assert_eq!(Redacted::some("  "), None);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(300), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_secret_among_noise_is_not_seen(
        at in any::<prop::sample::Index>(),
        before in vec(select(vec!["Installing httpd", "[stderr]oops", "", "+ set -x", "done: 3", "{", "};"]), 0..4),
        after in vec(select(vec!["Installing httpd", "[stderr]oops", "", "+ set -x", "done: 3", "{", "};"]), 0..4),
    ) {
        let planted = planted();
        let (kind, text, secrets) = at.get(&planted);
        // A key without its beginning is recognised from the beginning of the text: a tail is cut there and nowhere else.
        let before = if kind.contains("without its beginning") { Vec::new() } else { before };
        let whole = [before.join("\n"), text.clone(), after.join("\n")].join("\n");
        let clean = redact(&whole);
        for secret in secrets {
            prop_assert!(!clean.contains(secret.as_str()), "{kind}: {secret} in {clean}");
        }
    }

    #[test]
    fn whatever_the_text_nothing_panics_and_no_line_is_added(
        text in "(?s).{0,200}",
        at in any::<prop::sample::Index>(),
        cut in any::<prop::sample::Index>(),
    ) {
        let planted = planted();
        let text = format!("{}{text}", at.get(&planted).1);
        let cut = text.char_indices().map(|(at, _)| at).nth(cut.index(text.chars().count())).unwrap_or_default();
        for text in [text.as_str(), &text[cut..], &text[..cut]] {
            let lines = text.split(['\n', '\r']).count();
            prop_assert!(redact(text).split('\n').count() <= lines);
        }
    }
}
