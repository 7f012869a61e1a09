//! Quotes, variables, `$(…)` and `$((…))`.

use super::{Data, Io, Shell, Stop, process::Output};

/// Splits `NAME=value`.
pub(super) fn assignment(word: &str) -> Option<(&str, &str)> {
    let (name, value) = word.split_once('=')?;
    let mut letters = name.chars();
    let starts = letters
        .next()
        .is_some_and(|letter| letter.is_ascii_alphabetic() || letter == '_');
    (starts && letters.all(|letter| letter.is_ascii_alphanumeric() || letter == '_'))
        .then_some((name, value))
}

/// Collects words: unquoted expansions split at white space.
#[derive(Default)]
struct Words {
    done: Vec<String>,
    current: Option<String>,
}

impl Words {
    fn push(&mut self, text: &str) {
        self.current.get_or_insert_default().push_str(text);
    }

    fn push_split(&mut self, text: &str) {
        for (index, piece) in text.split_whitespace().enumerate() {
            if index > 0 || text.starts_with(char::is_whitespace) {
                self.done.extend(self.current.take());
            }
            self.push(piece);
        }
        if text.ends_with(char::is_whitespace) {
            self.done.extend(self.current.take());
        }
    }
}

impl Shell {
    pub(super) async fn expand_all(&mut self, words: &[String]) -> Result<Vec<String>, Stop> {
        let mut expanded = Vec::new();
        for word in words {
            let mut collected = Words::default();
            self.expand(word, &mut collected).await?;
            expanded.append(&mut collected.done);
            expanded.extend(collected.current);
        }
        Ok(expanded)
    }

    async fn expand(&mut self, word: &str, words: &mut Words) -> Result<(), Stop> {
        let letters: Vec<char> = word.chars().collect();
        let mut at = 0;
        let mut quoted = false;
        while at < letters.len() {
            match letters[at] {
                '\'' if !quoted => {
                    let end = letters[at + 1..]
                        .iter()
                        .position(|l| *l == '\'')
                        .map_or(letters.len(), |end| at + 1 + end);
                    words.push(&letters[at + 1..end].iter().collect::<String>());
                    at = end + 1;
                }
                '"' => {
                    quoted = !quoted;
                    words.push("");
                    at += 1;
                }
                '\\' => {
                    let next = letters.get(at + 1).copied().unwrap_or('\\');
                    // Within double quotes a backslash only escapes these.
                    if quoted && !matches!(next, '"' | '\\' | '$' | '`') {
                        words.push("\\");
                    }
                    words.push(&next.to_string());
                    at += 2;
                }
                '$' => {
                    let (value, length) = self.dollar(&letters[at..]).await?;
                    if quoted {
                        words.push(&value)
                    } else {
                        words.push_split(&value)
                    }
                    at += length;
                }
                letter => {
                    words.push(&letter.to_string());
                    at += 1;
                }
            }
        }
        Ok(())
    }

    /// The value of a `$…` at the beginning of `letters`, and how many letters it takes.
    async fn dollar(&mut self, letters: &[char]) -> Result<(String, usize), Stop> {
        let text = |range: &[char]| range.iter().collect::<String>();
        match letters.get(1) {
            Some('(') => {
                let mut depth = 0;
                let end = letters.iter().position(|letter| {
                    depth += i32::from(*letter == '(') - i32::from(*letter == ')');
                    depth == 0 && *letter == ')'
                });
                let end = end.unwrap_or(letters.len() - 1);
                let inner = text(&letters[2..end]);
                if let Some(sum) = inner.strip_prefix('(') {
                    let sum = self.arithmetic(sum.trim_end_matches(')'));
                    return Ok((sum.to_string(), end + 1));
                }
                let buffer = Output::buffer();
                let io = Io {
                    input: Data::default(),
                    out: buffer.clone(),
                    err: Output::Stderr,
                };
                match self.script(&inner, io).await {
                    Ok(_) | Err(Stop::Exit(_)) => {}
                    Err(stop) => return Err(stop),
                }
                Ok((buffer.take().trim_end_matches('\n').to_owned(), end + 1))
            }
            Some('{') => {
                let end = letters
                    .iter()
                    .position(|letter| *letter == '}')
                    .unwrap_or(letters.len() - 1);
                let inner = text(&letters[2..end]);
                let (name, fallback) = inner.split_once(":-").unwrap_or((&inner, ""));
                let value = self.variable(name);
                Ok((
                    if value.is_empty() {
                        fallback.to_owned()
                    } else {
                        value
                    },
                    end + 1,
                ))
            }
            Some('?') => Ok((self.status.to_string(), 2)),
            Some('$') => Ok(("1".to_owned(), 2)),
            Some(letter) if letter.is_ascii_alphanumeric() || *letter == '_' => {
                let length = letters[1..]
                    .iter()
                    .take_while(|l| l.is_ascii_alphanumeric() || **l == '_')
                    .count();
                Ok((self.variable(&text(&letters[1..=length])), length + 1))
            }
            _ => Ok(("$".to_owned(), 1)),
        }
    }

    fn variable(&self, name: &str) -> String {
        self.variables.get(name).cloned().unwrap_or_default()
    }

    /// Integers, variables and `+ - * / %` from left to right, which is what scripts in manifests use.
    fn arithmetic(&self, expression: &str) -> i64 {
        let spaced: String = expression
            .chars()
            .flat_map(|l| {
                if "+-*/%".contains(l) {
                    vec![' ', l, ' ']
                } else {
                    vec![l]
                }
            })
            .collect();
        let mut total = 0_i64;
        let mut operator = "+".to_owned();
        for term in spaced.split_whitespace() {
            if "+-*/%".contains(term) {
                operator = term.to_owned();
                continue;
            }
            let name = term.trim_start_matches('$');
            let value = name
                .parse()
                .unwrap_or_else(|_| self.variable(name).parse().unwrap_or(0));
            total = match operator.as_str() {
                "-" => total.saturating_sub(value),
                "*" => total.saturating_mul(value),
                "/" => total.checked_div(value).unwrap_or(0),
                "%" => total.checked_rem(value).unwrap_or(0),
                _ => total.saturating_add(value),
            };
        }
        total
    }
}
