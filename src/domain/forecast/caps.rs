//! What a program caps itself with, read from its command line and environment.
//!
//! A heap that is filled up to its own cap looks like a leak until it stops there. The cap is a prior, not a promise: a
//! program needs memory beside the heap that the cap is about, and a cap above the limit protects nobody.
use super::Cap;

/// Environment variables that may hold a cap. Nothing else of an environment is ever read.
pub const VARIABLES: [&str; 6] = [
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "JAVA_OPTS",
    "_JAVA_OPTIONS",
    "GOMEMLIMIT",
    "NODE_OPTIONS",
];

/// The options of a Java virtual machine, weakest first: later ones override earlier ones, as in the JVM itself.
const JAVA: [&str; 2] = ["JAVA_TOOL_OPTIONS", "JDK_JAVA_OPTIONS"];

/// What is known of a container's program.
#[derive(Clone, Copy, Debug, Default)]
pub struct Program<'a> {
    /// The image: tells what runs when no command is given.
    pub image: &'a str,
    /// `command` of the pod's spec.
    pub command: &'a [String],
    /// `args` of the pod's spec.
    pub args: &'a [String],
    /// Literal values of [`VARIABLES`], by name.
    pub env: &'a [(String, String)],
    /// The container's memory limit in bytes: percentages are of this.
    pub limit: Option<u64>,
}

/// The cap, if there is one that can be read. Values that are put in only when the container starts (`$(HEAP)`) cannot.
pub fn cap(program: &Program<'_>) -> Option<Cap> {
    let words: Vec<&str> = program
        .command
        .iter()
        .chain(program.args)
        .flat_map(|part| part.split_whitespace())
        .map(|word| word.trim_matches(['"', '\'', ';']))
        .collect();
    let value = |name: &str| {
        let found = program.env.iter().rev().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    };
    let options = |name: &str| value(name).into_iter().flat_map(str::split_whitespace);
    // `JAVA_OPTS` means nothing to the JVM, but start scripts put it on the command line; `_JAVA_OPTIONS` overrides all.
    let java: Vec<&str> = JAVA
        .into_iter()
        .flat_map(options)
        .chain(options("JAVA_OPTS"))
        .chain(words.iter().copied())
        .chain(options("_JAVA_OPTIONS"))
        .collect();
    let node: Vec<&str> = options("NODE_OPTIONS")
        .chain(words.iter().copied())
        .collect();
    heap(&java, program.limit)
        .or_else(|| old_space(&node))
        .or_else(|| value("GOMEMLIMIT").and_then(go_limit))
        .or_else(|| max_memory(&words))
        .or_else(|| memcached(program.image, &words))
}

fn heap(words: &[&str], limit: Option<u64>) -> Option<Cap> {
    let xmx = words.iter().rev().find_map(|word| {
        let size = word
            .strip_prefix("-Xmx")
            .or_else(|| word.strip_prefix("-XX:MaxHeapSize="))?;
        made(binary(size)?, word)
    });
    xmx.or_else(|| {
        let word = words
            .iter()
            .rev()
            .find(|word| word.starts_with("-XX:MaxRAMPercentage="))?;
        let percent: f64 = word.split_once('=')?.1.parse().ok()?;
        let share = (percent > 0.0 && percent <= 100.0).then_some(percent / 100.0)?;
        made(limit? as f64 * share, word)
    })
}

/// V8's flag, in MiB; words may be joined by `-` or `_`, and the number may be a word of its own.
fn old_space(words: &[&str]) -> Option<Cap> {
    words.iter().enumerate().rev().find_map(|(at, word)| {
        let rest = ["--max-old-space-size", "--max_old_space_size"]
            .iter()
            .find_map(|flag| word.strip_prefix(flag))?;
        let (number, written) = match rest.strip_prefix('=') {
            Some(number) => (number, (*word).to_owned()),
            None if rest.is_empty() => {
                let number = *words.get(at + 1)?;
                (number, format!("{word} {number}"))
            }
            None => return None,
        };
        made(whole(number)? * 1024.0 * 1024.0, &written)
    })
}

/// Go's runtime reads bytes, optionally with a binary unit; `off` is no cap.
fn go_limit(value: &str) -> Option<Cap> {
    let value = value.trim();
    let digits = value
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(value.len());
    let (number, unit) = value.split_at(digits);
    let factor: f64 = match unit {
        "" | "B" => 1.0,
        "KiB" => 1024.0,
        "MiB" => 1024.0 * 1024.0,
        "GiB" => 1024.0 * 1024.0 * 1024.0,
        "TiB" => 1024.0 * 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    made(whole(number)? * factor, &format!("GOMEMLIMIT={value}"))
}

/// Redis and its relatives: `k` is 1000, `kb` is 1024; 0 is no cap.
fn max_memory(words: &[&str]) -> Option<Cap> {
    let at = words.iter().rposition(|word| *word == "--maxmemory")?;
    let value = *words.get(at + 1)?;
    let text = value.to_ascii_lowercase();
    let digits = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(digits);
    let factor: f64 = match unit {
        "" | "b" => 1.0,
        "k" => 1e3,
        "kb" => 1024.0,
        "m" => 1e6,
        "mb" => 1024.0 * 1024.0,
        "g" => 1e9,
        "gb" => 1024.0 * 1024.0 * 1024.0,
        _ => return None,
    };
    made(whole(number)? * factor, &format!("--maxmemory {value}"))
}

/// `-m` in MiB means this only to memcached.
fn memcached(image: &str, words: &[&str]) -> Option<Cap> {
    let is = |text: &str| {
        text.rsplit('/')
            .next()
            .is_some_and(|name| name.starts_with("memcached"))
    };
    if !is(image) && !words.iter().any(|word| is(word)) {
        return None;
    }
    words.iter().enumerate().rev().find_map(|(at, word)| {
        let (number, written) = if *word == "-m" {
            let number = *words.get(at + 1)?;
            (number, format!("-m {number}"))
        } else {
            let number = word
                .strip_prefix("--memory-limit=")
                .or_else(|| word.strip_prefix("-m"))?;
            (number, (*word).to_owned())
        };
        made(whole(number)? * 1024.0 * 1024.0, &written)
    })
}

/// A size as the JVM reads it: digits and one of `k`, `m`, `g`, `t`, all binary.
fn binary(text: &str) -> Option<f64> {
    let text = text.to_ascii_lowercase();
    let (number, power) = match text.as_bytes().last()? {
        b'k' => (&text[..text.len() - 1], 1),
        b'm' => (&text[..text.len() - 1], 2),
        b'g' => (&text[..text.len() - 1], 3),
        b't' => (&text[..text.len() - 1], 4),
        _ => (text.as_str(), 0),
    };
    Some(whole(number)? * 1024f64.powi(power))
}

fn whole(text: &str) -> Option<f64> {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// Zero means "no cap" to every one of these programs, and more than an exbibyte is a way to say so, too.
fn made(bytes: f64, written: &str) -> Option<Cap> {
    (bytes >= 1.0 && bytes < 2f64.powi(60)).then(|| Cap {
        bytes,
        written: crate::domain::text::clip(written, 60),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(image: &str, line: &str, env: &[(&str, &str)]) -> String {
        let args: Vec<String> = vec![line.to_owned()];
        let env: Vec<(String, String)> = env
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect();
        let program = Program {
            image,
            args: &args,
            env: &env,
            limit: Some(1 << 30),
            ..Program::default()
        };
        cap(&program).map_or("none".to_owned(), |cap| {
            format!("{} MiB by {}", cap.bytes / 1024.0 / 1024.0, cap.written)
        })
    }

    #[test]
    fn caps_are_read_as_the_programs_read_them() {
        let lines = [
            read("a", "java -Xms64m -Xmx512m -jar app.jar", &[]),
            read("a", "sh -c 'exec java -Xmx1G -Xmx256m -jar a.jar'", &[]),
            read("a", "java -XX:MaxRAMPercentage=75.0 -jar a.jar", &[]),
            read(
                "a",
                "java -jar a.jar",
                &[("JAVA_TOOL_OPTIONS", "-Xmx300m -Dx=y")],
            ),
            read("a", "java -Xmx200m", &[("JAVA_TOOL_OPTIONS", "-Xmx300m")]),
            read("a", "java -Xmx200m", &[("_JAVA_OPTIONS", "-Xmx100m")]),
            read(
                "a",
                "./run.sh",
                &[("JAVA_OPTS", "-XX:MaxHeapSize=1048576k")],
            ),
            read("a", "./server", &[("GOMEMLIMIT", "400MiB")]),
            read("a", "./server", &[("GOMEMLIMIT", "off")]),
            read(
                "a",
                "node server.js",
                &[("NODE_OPTIONS", "--max-old-space-size=384")],
            ),
            read("a", "node --max_old_space_size 128 server.js", &[]),
            read(
                "a",
                "redis-server --maxmemory 100mb --maxmemory-policy noeviction",
                &[],
            ),
            read("a", "redis-server --maxmemory 0", &[]),
            read("docker.io/library/memcached:1.6", "-m 64", &[]),
            read("a", "memcached -m512 -p 11211", &[]),
            read("a", "sshd -m 64", &[]),
            read("a", "java -Xmx$(HEAP)", &[]),
        ];
        insta::assert_snapshot!(lines.join("\n"), @r"
        512 MiB by -Xmx512m
        256 MiB by -Xmx256m
        768 MiB by -XX:MaxRAMPercentage=75.0
        300 MiB by -Xmx300m
        200 MiB by -Xmx200m
        100 MiB by -Xmx100m
        1024 MiB by -XX:MaxHeapSize=1048576k
        400 MiB by GOMEMLIMIT=400MiB
        none
        384 MiB by --max-old-space-size=384
        128 MiB by --max_old_space_size 128
        100 MiB by --maxmemory 100mb
        none
        64 MiB by -m 64
        512 MiB by -m512
        none
        none
        ");
    }

    proptest! {
        #[test]
        fn any_size_that_java_takes_is_read_back(number in 1u64..1_000_000, unit in "[kKmMgG]") {
            let power = match unit.to_ascii_lowercase().as_str() { "k" => 1, "m" => 2, _ => 3 };
            let args = [format!("-Xmx{number}{unit}")];
            let found = cap(&Program { args: &args, ..Program::default() }).unwrap();
            prop_assert_eq!(found.bytes, number as f64 * 1024f64.powi(power));
            prop_assert_eq!(&found.written, &args[0]);
        }

        #[test]
        fn no_text_makes_the_parser_panic_and_every_cap_is_a_number_of_bytes(line in "(-Xmx|-m|--maxmemory |GO)?.{0,40}", value in ".{0,20}") {
            let args = [line];
            let env: Vec<(String, String)> = VARIABLES.iter().map(|name| ((*name).to_owned(), value.clone())).collect();
            if let Some(found) = cap(&Program { image: "memcached", args: &args, env: &env, limit: Some(1), ..Program::default() }) {
                prop_assert!(found.bytes.is_finite() && found.bytes >= 1.0);
            }
        }
    }
}
