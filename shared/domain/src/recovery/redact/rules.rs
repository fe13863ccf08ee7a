//! Which secrets are known by their shape, or by the name before them?
//!
//! `regex-lite` matches in linear time and is in every function already, by way of the SDK's endpoint rules: it costs the binary nothing.

use std::sync::LazyLock;

use regex_lite::{Captures, Regex};

use super::MARK;

/// A rule: what its group `s` matches is struck out, or all of its match where it has none.
pub(super) struct Rule {
    needs: &'static str,
    pattern: Regex,
}

/// A name that stands before a secret, with what may stand around it in one word: `DB_PASSWORD_1`, `spring.datasource.password`, `clientSecret`.
/// Short words count alone or between separators (`pin`, not `shipping`), and nothing counts that goes on otherwise (`TokenException`).
const NAME: &str = r"(?:[a-z0-9_.$-]*(?:pass(?:word|wd|phrase|code)|secrets?|token|api[_.-]?key|access[_.-]?key|account[_.-]?key|private[_.-]?key|secret[_.-]?key|signing[_.-]?key|encryption[_.-]?key|master[_.-]?key|license[_.-]?key|credentials?|connection[_.-]?string|authorization|session[_.-]?id|webhook)|(?:[a-z0-9$]+[_.-])*(?:pass|pwd|auth|dsn|otp|pin|salt))(?:s|hash|value|string|text|binary|id|key|url|b64|base64)?[0-9]*(?:[_.-][a-z0-9_.-]*)?";

/// What a text has that has any of these names.
const NAMED: &str = "pass|pwd|secret|token|key|credential|connection|auth|session|webhook|dsn|otp|pin|salt";

/// What a text must have in small letters, one of several, for a rule to be worth its time; and the rule. In the order in which they are applied: what spans lines first, then what a name announces to the end of its line, then shapes.
fn sources() -> Vec<(&'static str, String)> {
    let assigned = r"(?:=>|:=|=|:)";
    [
        // Private keys, whole, without their beginning, without their end.
        ("-----begin", r"(?is)-----BEGIN [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----(?P<s>.*?)(?:-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----|\z)"),
        ("-----end", r"(?is)\A(?P<s>[A-Z0-9+/=\s:,.-]*?)-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"),
        ("-----end", r"(?im)^[ \t]*(?P<s>(?:[A-Z0-9+/]{40,76}={0,2}[ \t]*\n?)+)[ \t]*-----END [A-Z0-9 ]*PRIVATE KEY(?: BLOCK)?-----"),
        ("putty-user-key-file", r"(?i)PuTTY-User-Key-File-[0-9]+:(?P<s>(?:.|\n)*)"),
        ("age-secret-key-1", r"AGE-SECRET-KEY-1[A-Z0-9]{20,}"),
        // Headers, to the end of their line.
        ("authorization", r#"(?im)\b(?:proxy-)?authorization["']?[ \t]*[:=][ \t]*["']?(?:(?:basic|bearer|digest|negotiate|token|aws4-hmac-sha256|apikey)[ \t]+)?(?P<s>[^\n"']+)"#),
        ("cookie", r#"(?im)\b(?:set-)?cookie2?["']?[ \t]*[:=][ \t]*["']?(?P<s>[^\n"']+)"#),
        ("x-|-token|functions-key", r#"(?im)\b(?:x-(?:api|auth|amz-security|vault|gitlab|goog-api)[a-z-]*|private-token|circle-token|x-functions-key)["']?[ \t]*[:=][ \t]*["']?(?P<s>[^\n"'\s]+)"#),
        ("bearer|basic", r"(?i)\b(?:bearer|basic)[ \t]+(?P<s>[A-Za-z0-9+/._~=-]{8,})"),
        // URLs and connection strings.
        ("://", r"(?i)\b[a-z][a-z0-9+.-]*://[^\s/:@]*:(?P<s>[^\s/]+)@"),
        ("://", r"(?i)\b[a-z][a-z0-9+.-]*://(?P<s>[A-Za-z0-9_-]{16,})@"),
        ("=", r"(?i)[?&;](?:x-amz-(?:signature|credential|security-token)|signature|sig|awsaccesskeyid|key|code|state|access_token|refresh_token|id_token|token|secret|password|passwd|pwd|auth|api_?key|client_secret|assertion|sv|se|sp)=(?P<s>[^\s&;\x22'<>]+)"),
        ("hooks.slack.com", r"(?i)https://hooks\.slack\.com/(?:services|workflows|triggers)/(?P<s>[A-Za-z0-9/_-]+)"),
        ("discord", r"(?i)https://(?:[a-z]+\.)?discord(?:app)?\.com/api/webhooks/(?P<s>[A-Za-z0-9/_-]+)"),
        ("webhook.office.com", r"(?i)https://[a-z0-9.-]*webhook\.office\.com/(?P<s>[^\s\x22']+)"),
        // Shapes.
        ("akia|asia|abia|acca|aroa|aida", r"\b(?:AKIA|ASIA|ABIA|ACCA|AROA|AIDA)[A-Z2-7]{16}\b"),
        ("fwogzxiv|iqojb3jp", r"\b(?:FwoGZXIvYXdz|IQoJb3JpZ2lu)[A-Za-z0-9+/=_-]+"),
        ("gh|github_pat_", r"\b(?:gh[pousr]_[A-Za-z0-9]{16,}|github_pat_[A-Za-z0-9_]{16,})"),
        ("gl", r"\bgl(?:pat|ptt|dt|rt|cbt|soat|ft|agent|oas|imt)-[A-Za-z0-9_.-]{16,}"),
        ("xox|xapp-|xwfp-", r"\bxox[abeoprs]-[A-Za-z0-9-]{8,}|\bxapp-[0-9A-Za-z-]{8,}|\bxwfp-[0-9A-Za-z-]{8,}"),
        ("sk_|rk_|pk_|whsec_", r"\b(?:sk|rk|pk|whsec)_(?:live|test)?_?[A-Za-z0-9]{10,}"),
        ("sk-", r"\bsk-(?:ant-|proj-|svcacct-|or-)?[A-Za-z0-9_-]{16,}"),
        ("aiza|ya29.|gocspx-", r"\bAIza[A-Za-z0-9_-]{30,}|\bya29\.[A-Za-z0-9_-]{16,}|\bGOCSPX-[A-Za-z0-9_-]{16,}"),
        ("npm_|pypi-|dop_v1_|dckr_pat_|hf_", r"\bnpm_[A-Za-z0-9]{30,}|\bpypi-[A-Za-z0-9_-]{16,}|\bdop_v1_[a-f0-9]{32,}|\bdckr_pat_[A-Za-z0-9_-]{16,}|\bhf_[A-Za-z0-9]{20,}"),
        ("sg.|key-|ac|sk|hv|atatt3|dapi|shp|nr|rubygems_|io|glc_|lin_api_|eaa", r"\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|\bkey-[a-f0-9]{32}\b|\bAC[a-f0-9]{32}\b|\bSK[a-f0-9]{32}\b|\bhv[sbr]\.[A-Za-z0-9_-]{16,}|\bATATT3[A-Za-z0-9_=-]{16,}|\bdapi[a-f0-9]{32}\b|\bshp(?:at|ca|pa|ss)_[a-fA-F0-9]{32}\b|\bnr[aj]k-[A-Za-z0-9]{20,}|\brubygems_[a-f0-9]{32,}|\bcrates?_?io[A-Za-z0-9]{32}\b|\bcio[A-Za-z0-9]{32}\b|\bglc_[A-Za-z0-9+/=]{20,}|\blin_api_[A-Za-z0-9]{20,}|\bEAA[A-Za-z0-9]{40,}"),
        ("eyj", r"\beyJ[A-Za-z0-9_-]{6,}\.[A-Za-z0-9_-]{6,}(?:\.[A-Za-z0-9_-]*)?(?:\.[A-Za-z0-9_-]*)*"),
        ("eyj", r"\beyJ[A-Za-z0-9_-]{24,}"),
        ("ssh-|ecdsa-", r"\b(?:ssh-(?:rsa|dss|ed25519)|ecdsa-sha2-[a-z0-9-]+)[ \t]+(?P<s>AAAA[A-Za-z0-9+/=]+)"),
        ("aa", r"\b[0-9]{8,10}:AA[A-Za-z0-9_-]{32,34}\b"),
        ("$", r"\$(?:2[abxy]|5|6|y|argon2[a-z]{1,2}|apr1|1)\$(?P<s>[^\s:\x22']{8,})"),
    ]
    .into_iter()
    .map(|(needs, source)| (needs, source.to_owned()))
    .chain([
        // .netrc, and the command lines of mysql, curl, docker, sshpass, redis-cli.
        ("password", r"(?im)\b(?:login|machine|user)[ \t]+\S+[ \t\n]+(?:account[ \t]+\S+[ \t\n]+)?password[ \t]+(?P<s>\S+)".to_owned()),
        ("password", r"(?im)^[ \t]*password[ \t]+(?P<s>\S+)[ \t]*$".to_owned()),
        ("-p", r#"(?i)\b(?:mysql|mysqldump|mysqladmin|mariadb|sshpass)\b[^\n]*?[ \t]-p[ \t]?(?P<s>"[^"\n]*"|'[^'\n]*'|[^\s-]\S*)"#.to_owned()),
        ("redis-cli", r#"(?i)\bredis-cli\b[^\n]*?[ \t]-a[ \t]+(?P<s>"[^"\n]*"|'[^'\n]*'|\S+)"#.to_owned()),
        ("login", r#"(?i)\b(?:docker|podman|helm|az|oc)\b[^\n]*?\blogin\b[^\n]*?[ \t]-p[ \t]*(?P<s>"[^"\n]*"|'[^'\n]*'|\S+)"#.to_owned()),
        ("-u|--user", r#"(?i)\b(?:curl|wget|http|https)\b[^\n]*?[ \t](?:-u|--user)[ \t=]*["']?[^\s:"']+:(?P<s>"[^"\n]*"|'[^'\n]*'|[^\s"']+)"#.to_owned()),
        ("--password-stdin", r#"(?i)\becho[ \t]+(?P<s>"[^"\n]*"|'[^'\n]*'|\S+)[ \t]*\|[^\n]*--password-stdin"#.to_owned()),
        // `--password hunter2`, also with the value on the next line after a backslash.
        (NAMED, format!(r#"(?i)--?{NAME}(?:[ \t]*=[ \t]*|[ \t]+(?:\\[ \t]*\n[ \t]*)?)(?P<s>"(?:[^"\\]|\\.)*"|'[^']*'|[^\s"'-]\S*)"#)),
        // <password>hunter2</password>
        (NAMED, format!(r"(?i)<(?:[a-z0-9]+:)?{NAME}(?:[ \t][^>\n]*)?>[ \t\n]*(?P<s>[^<]+)<")),
        // "password": "hunter2", 'token' => 'x', also with the value on the next line. The closing quote may be cut off.
        (NAMED, format!(r#"(?i)\b{NAME}\\?["']?[ \t]*{assigned}[ \t]*\n?[ \t]*[bru]?(?P<s>"(?:[^"\\]|\\.)*(?:"|\z)|'(?:[^'\\]|\\.)*(?:'|\z)|\\"[^"]*\\")"#)),
        // A block of YAML.
        (NAMED, format!(r"(?im)\b{NAME}[\x22']?[ \t]*:[ \t]*[|>][0-9+-]*[ \t]*\n(?P<s>(?:[ \t]+[^\n]*\n?)+)")),
        // At the beginning of a line, to its end: a value without quotes may have spaces.
        (NAMED, format!(r#"(?im)^[ \t]*(?:\++[ \t]+)?(?:-[ \t]+)?(?:(?:export|set|setx|declare(?:[ \t]+-x)?|env)[ \t]+)?(?:\$env:)?["']?(?:[a-z0-9_.$:/-]*[:/])?{NAME}["']?(?:[ \t]*(?:=>|:=|=)[ \t]*|[ \t]*:[ \t]+)(?P<s>[^\s"'][^\n]*)"#)),
        // Within a line, to the next gap.
        (NAMED, format!(r#"(?i)\b{NAME}["']?(?:[ \t]*(?:=>|:=|=)[ \t]*|[ \t]*:[ \t]+)(?P<s>[^\s"',;&)}}\]]+)"#)),
    ])
    .collect()
}

/// Every rule. One that did not compile would be missing: a test asks for all of them.
pub(super) fn all() -> &'static [Rule] {
    static RULES: LazyLock<Vec<Rule>> = LazyLock::new(|| {
        sources()
            .into_iter()
            .filter_map(|(needs, source)| Some(Rule { needs, pattern: Regex::new(&source).ok()? }))
            .collect()
    });
    &RULES
}

impl Rule {
    /// Whether a text, in small letters, has what the rule needs.
    pub(super) fn concerns(&self, lower: &str) -> bool {
        self.needs.split('|').any(|need| lower.contains(need))
    }

    /// Strikes out what the rule knows, and keeps the number of lines.
    pub(super) fn apply(&self, text: &str) -> String {
        let struck = |captures: &Captures<'_>| -> String {
            let all = captures.get(0);
            let (Some(all), secret) = (all, captures.name("s").or(all)) else { return String::new() };
            let Some(secret) = secret else { return String::new() };
            if matches!(secret.as_str().trim_end(), MARK | "[redacted") {
                return all.as_str().to_owned();
            }
            let before = text.get(all.start()..secret.start()).unwrap_or_default();
            let after = text.get(secret.end()..all.end()).unwrap_or_default();
            let lines = secret.as_str().matches('\n').count();
            format!("{before}{MARK}{}{after}", "\n".repeat(lines))
        };
        self.pattern.replace_all(text, struck).into_owned()
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_rule_compiles() {
        for (_, source) in super::sources() {
            assert!(regex_lite::Regex::new(&source).is_ok(), "{source}: {:?}", regex_lite::Regex::new(&source).err());
        }
    }
}
