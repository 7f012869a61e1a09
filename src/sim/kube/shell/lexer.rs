//! Splits a script into words (still quoted) and operators.

/// One token.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Token {
    /// A word with its quotes and dollars as written.
    Word(String),
    /// `;`, `&&`, `||`, `|`, `&`, `(`, `)` or a newline (as `;`).
    Operator(&'static str),
    /// A redirection of a file descriptor.
    Redirect {
        descriptor: u8,
        input: bool,
        append: bool,
        duplicate: bool,
    },
}

/// All tokens of a script.
pub(super) fn tokens(script: &str) -> Result<Vec<Token>, String> {
    let letters: Vec<char> = script.chars().collect();
    let mut tokens = Vec::new();
    let mut at = 0;
    while at < letters.len() {
        let next = letters.get(at + 1).copied();
        match letters[at] {
            '\n' => push(&mut tokens, ";", &mut at, 1),
            ' ' | '\t' | '\r' => at += 1,
            '\\' if next == Some('\n') => at += 2,
            '#' => {
                while at < letters.len() && letters[at] != '\n' {
                    at += 1;
                }
            }
            ';' => push(&mut tokens, ";", &mut at, 1),
            '&' if next == Some('&') => push(&mut tokens, "&&", &mut at, 2),
            '&' => push(&mut tokens, "&", &mut at, 1),
            '|' if next == Some('|') => push(&mut tokens, "||", &mut at, 2),
            '|' => push(&mut tokens, "|", &mut at, 1),
            '(' => push(&mut tokens, "(", &mut at, 1),
            ')' => push(&mut tokens, ")", &mut at, 1),
            '>' | '<' => redirect(&letters, &mut at, &mut tokens, None),
            digit @ '0'..='9' if matches!(next, Some('>' | '<')) => {
                at += 1;
                redirect(&letters, &mut at, &mut tokens, digit.to_digit(10));
            }
            _ => tokens.push(Token::Word(word(&letters, &mut at)?)),
        }
    }
    Ok(tokens)
}

fn push(tokens: &mut Vec<Token>, operator: &'static str, at: &mut usize, length: usize) {
    tokens.push(Token::Operator(operator));
    *at += length;
}

fn redirect(letters: &[char], at: &mut usize, tokens: &mut Vec<Token>, descriptor: Option<u32>) {
    let input = letters[*at] == '<';
    *at += 1;
    let mut take = |wanted: char| {
        let found = letters.get(*at) == Some(&wanted);
        *at += usize::from(found);
        found
    };
    let append = take('>');
    let duplicate = take('&');
    let descriptor = descriptor.map_or(1, |digit| digit as u8);
    tokens.push(Token::Redirect {
        descriptor,
        input,
        append,
        duplicate,
    });
}

fn word(letters: &[char], at: &mut usize) -> Result<String, String> {
    let start = *at;
    while *at < letters.len() {
        match letters[*at] {
            ' ' | '\t' | '\r' | '\n' | ';' | '&' | '|' | '(' | ')' | '<' | '>' => break,
            '\\' => *at += 2,
            quote @ ('\'' | '"') => skip_quote(letters, at, quote)?,
            '$' if letters.get(*at + 1) == Some(&'(') => skip_nested(letters, at, '(', ')')?,
            '$' if letters.get(*at + 1) == Some(&'{') => skip_nested(letters, at, '{', '}')?,
            _ => *at += 1,
        }
    }
    *at = (*at).min(letters.len());
    Ok(letters[start..*at].iter().collect())
}

fn skip_quote(letters: &[char], at: &mut usize, quote: char) -> Result<(), String> {
    *at += 1;
    while *at < letters.len() {
        match letters[*at] {
            '\\' if quote == '"' => *at += 2,
            '$' if quote == '"' && letters.get(*at + 1) == Some(&'(') => {
                skip_nested(letters, at, '(', ')')?
            }
            letter => {
                *at += 1;
                if letter == quote {
                    return Ok(());
                }
            }
        }
    }
    Err("unterminated quoted string".to_owned())
}

fn skip_nested(letters: &[char], at: &mut usize, open: char, close: char) -> Result<(), String> {
    *at += 1;
    let mut depth = 0;
    while *at < letters.len() {
        let letter = letters[*at];
        *at += 1;
        if letter == open {
            depth += 1;
        } else if letter == close {
            depth -= 1;
            if depth == 0 {
                return Ok(());
            }
        }
    }
    Err("unterminated substitution".to_owned())
}
