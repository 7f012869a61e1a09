use super::*;
use proptest::prelude::*;

/// Secrets as they stand in texts: the text around it, and the secret itself.
const SECRETS: [(&str, &str); 87] = [
    // By their form.
    ("posted with xoxb-12345-67890-AbCdEf, and more", "AbCdEf"),
    ("xoxp-1-2-sekret", "sekret"),
    ("xoxe.xoxp-1-Mi0yLT", "Mi0yLT"),
    ("xapp-1-A0123-456-abcdef", "abcdef"),
    (
        "POST https://hooks.slack.com/services/T000/B000/abcdefgh",
        "abcdefgh",
    ),
    ("https://hooks.slack.com/actions/T000/1/abc?x=1", "abc?x"),
    ("Authorization: Bearer eyJhbGciOi.J9.x_y-z==", "x_y"),
    ("authorization: bearer abc", "abc"),
    ("sent bearer 12ab34", "12ab34"),
    (
        "AKIAIOSFODNN7EXAMPLE is not authorized",
        "AKIAIOSFODNN7EXAMPLE",
    ),
    (
        "clone with ghp_16C7e42F292c6912E7710c838347Ae178B4a",
        "16C7e42F",
    ),
    ("github_pat_11ABCDEFG0abcdefghij_klmnop", "klmnop"),
    ("glpat-abcdefghijklmnopqrst", "abcdefghij"),
    ("sk_live_4eC39HqLyjWDarjtT1zdp7dc", "4eC39"),
    ("AIzaSyA-1234567890abcdefghijklmnopqrstu", "1234567890"),
    (
        "cookie eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.dozjgNryP4J3jVmN",
        "dozjgNryP4J3",
    ),
    (
        "dial postgres://shop:hunter2@db:5432/shop: refused",
        "hunter2",
    ),
    ("amqp://u:p@ss/w0rd@mq", "w0rd"),
    ("redis://:hunter2@cache:6379/0", "hunter2"),
    (
        "https://0123456789abcdef0123@sentry.example/1",
        "0123456789abcdef",
    ),
    ("shop:hunter2@tcp(db:3306)/shop", "hunter2"),
    (
        r#"parse "postgres://u:hunt/er2@h": invalid port ":hunt" after host"#,
        "hunt",
    ),
    (
        "-----BEGIN RSA PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0123456789\nabcd==\n-----END RSA PRIVATE KEY-----",
        "MIIE",
    ),
    (
        r#""key":"-----BEGIN PRIVATE KEY-----\nMIIEpAIBAAKCAQEA0123456789\nabcd\n-----END PRIVATE KEY-----""#,
        "abcd",
    ),
    (
        "-----BEGIN EC PRIVATE KEY-----\nMHcCAQEEIIrYSSNQFaA2Hwf1",
        "MHcCAQEE",
    ),
    (
        "AQEEIIrYSSNQFaA2Hwf1\nabcd=\n-----END EC PRIVATE KEY-----\nexit",
        "AQEEIIrYS",
    ),
    // By their name.
    ("password=hunter2", "hunter2"),
    ("password=hunter, and so on", "hunter,"),
    ("DB_PASSWORD=hunter2 starting", "hunter2"),
    ("PGPASSWORD='hun ter2' psql", "ter2"),
    ("password = \"hun\\\"ter2\" # ini", "ter2"),
    ("host=db user=shop password=hunter dbname=shop", "hunter"),
    ("password: hunter2", "hunter2"),
    ("password: swordfish", "swordfish"),
    ("Password: Swordfish, user: shop", "Swordfish"),
    ("connect: password : hunter2 is what was sent", "hunter2"),
    (r#"{"user":"shop","password":"hunter2","db":1}"#, "hunter2"),
    (r#"{"password": "correct horse battery"}"#, "horse"),
    (r#"{"pin": 1, "token": 4711}"#, "4711"),
    (r#"msg="{\"api_key\":\"hun ter2\"}""#, "ter2"),
    (r#"msg="token=hunter2\"""#, "hunter2"),
    ("{'password': 'hunter2'}", "hunter2"),
    ("{'password': b'hunter'}", "hunter"),
    ("config['password'] = 'hunter2'", "hunter2"),
    (":password=>\"hunter2\"", "hunter2"),
    ("map[password:swordfish user:shop]", "swordfish"),
    ("Config { secret_key: \"hunter2\" }", "hunter2"),
    ("passwd=hunter2", "hunter2"),
    ("pwd=hunter2", "hunter2"),
    ("DB_PASS=hunter2", "hunter2"),
    ("passphrase: hunter2", "hunter2"),
    ("client_secret=hunter2&grant_type=x", "hunter2"),
    ("GET /cb?token=hunter2&x=1", "hunter2"),
    ("GET /blob?sv=1&sig=hunter2%3D", "hunter2"),
    ("X-Api-Key: hunter2", "hunter2"),
    ("apikey=hunter2", "hunter2"),
    ("AWS_SECRET_ACCESS_KEY=wJalrXUtnFEMI/K7MDENG", "K7MDENG"),
    ("aws_session_token: FwoGZXIvYXdzEBYaD", "FwoGZXIv"),
    ("AccountKey=hunter2==;EndpointSuffix=core", "hunter2"),
    ("SECRET_KEY_BASE=hunter2", "hunter2"),
    ("credentials: shop/hunter2", "hunter2"),
    ("X-Amz-Signature=hunter2", "hunter2"),
    ("Authorization: Basic c2hvcDpodW50ZXIy", "c2hvcDpodW50"),
    (
        r#""Authorization":"Basic c2hvcDpodW50ZXIy""#,
        "c2hvcDpodW50",
    ),
    ("Authorization: token hunter2", "hunter2"),
    ("proxy-authorization=Basic c2hvcDpodW50ZXIy", "c2hvcDpodW50"),
    ("serve --password=hunter2", "hunter2"),
    ("serve --db-password hunter2 --verbose", "hunter2"),
    ("serve --token swordfish", "swordfish"),
    ("serve -password 'hun ter2'", "ter2"),
    (r#"["serve","--password","hunter"]"#, "hunter"),
    (r#"["serve", "--api-key", "hunter", "--fast"]"#, "hunter"),
    (
        r#"["sh","-c","redis-server --requirepass \"hunter\""]"#,
        "hunter",
    ),
    ("password: \u{fc}ber-geheim1", "geheim1"),
    ("token: abc, token: hunter2", "hunter2"),
    ("password=hunter_no_2", "hunter"),
    ("password: hunter2_not_expired", "hunter2"),
    ("password: swordfish \nnext line", "swordfish"),
    (r#""password": hunter2 and more"#, "hunter2"),
    ("password:4711:", "4711"),
    ("map[password:[hunter2] user:[shop]]", "hunter2"),
    ("map[secret:map[token:hunter2]]", "hunter2"),
    (
        "map[Authorization:[Basic c2hvcDpodW50ZXIy]]",
        "c2hvcDpodW50",
    ),
    (
        "headers={Authorization=[Basic c2hvcDpodW50ZXIy], Accept=[*/*]}",
        "c2hvcDpodW50",
    ),
    ("Authorization: [Basic c2hvcDpodW50ZXIy]", "c2hvcDpodW50"),
    (r#"{"password":["hunter2"],"user":["shop"]}"#, "hunter2"),
    ("{'token': ['hunter2']}", "hunter2"),
];

#[test]
fn no_secret_stays_and_a_mark_stands_in_its_place() {
    for (text, secret) in SECRETS {
        assert!(text.contains(secret), "{text}");
        let clean = redact(text);
        assert!(
            !clean.contains(secret) && clean.contains(REDACTED),
            "{text}\n{clean}"
        );
        assert_eq!(redact(&clean), clean, "clean text is left alone");
    }
}

/// What causes are read from, and what only looks like a secret.
const SENTENCES: [&str; 80] = [
    "Deployment shop/checkout is crash-looping",
    r#"secret "db" not found"#,
    r#"configmap "db-token" not found"#,
    "couldn't find key password in Secret shop/db",
    "couldn't find key api-key in Secret shop/token",
    "references non-existent secret key: password",
    r#"MountVolume.SetUp failed for volume "db-secret" : secret "db-password" not found"#,
    r#"MountVolume.SetUp failed for volume "kube-api-access-token" : failed to sync configmap cache: timed out waiting for the condition"#,
    "Unable to retrieve some image pull secrets (regcred); attempting to pull the image may not succeed.",
    r#"Failed to pull image "registry.local/shop/token:v3": rpc error: code = NotFound"#,
    r#"Back-off pulling image "auth-token:1.2.3-rc1""#,
    "failed to authorize: failed to fetch anonymous token: unexpected status from GET request to https://auth.docker.io/token?service=registry.docker.io&scope=repository%3Alibrary: 401 Unauthorized",
    "failed to fetch oauth token: denied: requested access to the resource is denied",
    "failed to fetch oauth token: Post \"https://auth.docker.io/token\": dial tcp: i/o timeout",
    "failed to get token: 403 Forbidden",
    "token expired",
    "token: expired",
    "invalid token: signature verification failed",
    "cannot refresh token: invalid_grant",
    "could not read token: EACCES",
    "token: jwt.ExpiredSignatureError: Signature has expired",
    "TokenError: token: TokenExpiredError",
    "SyntaxError: Unexpected token: '<'",
    "Unexpected token } in JSON at position 4",
    "Unexpected token: identifier",
    "Error: password authentication failed for user x",
    r#"FATAL: password authentication failed for user "shop""#,
    "Access denied for user 'shop'@'10.0.0.1' (using password: YES)",
    "environment variable DB_PASSWORD is not set",
    "KeyError: 'API_TOKEN'",
    "API_TOKEN must be set",
    "API_TOKEN: missing",
    "required key DB_PASSWORD missing value",
    "password: must have 8 characters",
    "password is required",
    "password=",
    "password= host=db",
    "password=****",
    "password=null",
    r#"{"password":"","token":null,"secret":"***"}"#,
    r#"["run","--password=$(DB_PASSWORD)"]"#,
    "run --password ${DB_PASSWORD} --token $TOKEN",
    "usage: run [--password PASSWORD] [--token <token>]",
    "unknown flag: --token",
    "flag --password is required",
    "flag --token needs a value",
    "open /var/run/secrets/kubernetes.io/serviceaccount/token: no such file or directory",
    "open /run/secrets/password: EACCES",
    "cannot read token: /run/token: no such file",
    "cannot get credentials: https://sts.amazonaws.com refused",
    "bearer token is missing, and the bearer of this message",
    "PWD=/usr/src/app",
    "max_tokens=4096 tokens: 12 token_type: x",
    "secretName: db, secretRef: x, imagePullSecrets: regcred",
    "containers[app].envFrom: (none) → [{\"secretRef\":{\"name\":\"s\"}}]",
    "containers[app].env[DB_PASSWORD].valueFrom.secretKeyRef.name: db → db-2",
    "automountServiceAccountToken: true → false",
    r#"roles is forbidden: User "system:serviceaccount:shop:checkout" cannot list resource "secrets" in API group """#,
    "dial tcp: lookup secret-store on 10.96.0.10:53: no such host",
    "dial tcp 10.0.0.3:5432: connect: connection refused",
    "connect to auth-token:8080/v1 failed, auth-token:8080: connection refused",
    "GET https://shop:8443/pay?mail=a@b.example 500",
    "mailto:ops@example.com, https://example.com/@user",
    "parse \"http://host:http/\": invalid port \":80\" after host",
    "thread panicked at src/token.rs:12:5, auth::token::parse, secret::Error",
    "x509: certificate signed by unknown authority",
    "-----BEGIN CERTIFICATE-----",
    "expected -----BEGIN CERTIFICATE----- and found nothing",
    "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
    "vault: secret: permission denied on path \"db\"",
    "invalid signature: crypto/rsa: verification error",
    "POST /oauth/token: 404",
    "parse\nerror\nabcd\n-----END CERTIFICATE-----",
    "hooks.slack.com; xox; prefixoxb-1; skip-this; task-force",
    "the password changed, the secret rotated, the api key works",
    "signature: does not match, credentials: none found",
    "authorization: denied by policy",
    r#"{"secret":[{"name":"db"}],"token":[],"password":[""]}"#,
    "map[token:[] secret:map[name:db]]",
    "Unexpected token: [ in JSON",
];

#[test]
fn a_sentence_about_a_secret_stays_as_it_is() {
    let changed = SENTENCES.into_iter().filter(|text| redact(text) != *text);
    assert_eq!(changed.collect::<Vec<_>>(), Vec::<&str>::new());
}

/// Two streams of one container come in any order into its log.
#[test]
fn a_key_goes_and_the_line_that_another_stream_put_into_it_stays() {
    const SAID: &str = "FATAL: password authentication failed for user shop";
    let key = "-----BEGIN PRIVATE KEY-----\nMIIEvQIBADANBgkqhkiG9w0B\nAQEFAASCBKcwggSjAgEAAoIB\nab+d\n-----END PRIVATE KEY-----";
    let lines: Vec<&str> = key.lines().collect();
    for (cut, at) in (0..lines.len()).flat_map(|cut| (cut..=lines.len()).map(move |at| (cut, at))) {
        let mut log = lines.clone();
        log.insert(at, SAID);
        let log = log[cut..].join("\n");
        let clean = redact(&log);
        assert!(clean.lines().any(|line| line == SAID), "{clean}");
        for secret in ["MIIEvQ", "AQEFAA"] {
            assert!(!clean.contains(secret), "{secret} of {log} in {clean}");
        }
        // A short last line that is alone in what is left of the key looks like any word.
        assert!(cut > 0 || !clean.contains("ab+d"), "{log} in {clean}");
    }
}

#[test]
fn what_is_left_still_tells() {
    let lines = SECRETS.iter().step_by(4).map(|(text, _)| redact(text));
    insta::assert_snapshot!(lines.collect::<Vec<_>>().join("\n"), @r#"
    posted with [redacted], and more
    POST https://[redacted]
    sent [redacted]
    [redacted]
    dial postgres://shop:[redacted]@db:5432/shop: refused
    shop:[redacted]@tcp(db:3306)/shop
    [redacted]
    DB_PASSWORD=[redacted] starting
    password: [redacted]
    {"user":"shop","password":"[redacted]","db":1}
    msg="token=[redacted]\""
    :password=>"[redacted]"
    pwd=[redacted]
    GET /cb?token=[redacted]&x=1
    AWS_SECRET_ACCESS_KEY=[redacted]
    credentials: [redacted]
    Authorization: token [redacted]
    serve --token [redacted]
    ["sh","-c","redis-server --requirepass \"[redacted]\""]
    password: [redacted]
    map[password:[[redacted]] user:[shop]]
    Authorization: [Basic [redacted]]
    "#);
}

#[test]
fn the_word_after_a_flag_that_names_a_secret_goes() {
    let words = |line: &str| {
        let words: Vec<String> = line.split(' ').map(str::to_owned).collect();
        redact_words(&words).join(" ")
    };
    insta::assert_snapshot!(
        ["serve --password hunter --fast", "--token $(TOKEN) -x", "--token --fast", "--api-key=hunter2 word", "curl -H password"]
            .map(words).join("\n"), @r#"
    serve --password [redacted] --fast
    --token $(TOKEN) -x
    --token --fast
    --api-key=[redacted] word
    curl -H password
    "#);
}

#[test]
fn long_hostile_text_takes_no_longer_than_its_length() {
    // Not timed: a text this long would not end in a test's life if it were read again for each of its names.
    for part in [
        "token:",
        "password=",
        "token: <",
        "\"token\":\"",
        "--token ",
        "://a:",
        "eyJ",
        "-----BEGIN PRIVATE KEY-----",
        "A\n",
    ] {
        let text = part.repeat(300_000 / part.len());
        let _ = redact(&text);
    }
}

proptest! {
    #[test]
    fn a_named_secret_never_stays(secret in "[a-z]{4}[0-9][A-Za-z0-9+/_.-]{3,20}[A-Za-z0-9]", before in "[ -~]{0,30}", after in "[ -~]{0,30}") {
        let forms = [
            format!("{before} password={secret} {after}"),
            format!("{before} api_token: {secret}\n{after}"),
            format!("{before} {{\"secret\":\"{secret}\"}} {after}"),
            format!("{before} --api-key {secret} {after}"),
            format!("{before} amqp://shop:{secret}@mq {after}"),
        ];
        for text in forms {
            prop_assume!(!before.contains(&secret) && !after.contains(&secret));
            let clean = redact(&text);
            prop_assert!(!clean.contains(&secret), "{text}\n{clean}");
        }
    }

    #[test]
    fn any_text_can_be_redacted_and_only_once(text in "\\PC{0,80}") {
        let clean = redact(&text).into_owned();
        prop_assert_eq!(redact(&clean).into_owned(), clean);
    }
}
