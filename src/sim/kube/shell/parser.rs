//! Turns tokens into a tree of commands.

use super::lexer::{Token, tokens};

/// A redirection, its target still unexpanded.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Redirect {
    pub(super) descriptor: u8,
    pub(super) input: bool,
    pub(super) append: bool,
    pub(super) duplicate: bool,
    pub(super) target: String,
}

/// A command.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Node {
    Sequence(Vec<Node>),
    And(Box<Node>, Box<Node>),
    Or(Box<Node>, Box<Node>),
    Not(Box<Node>),
    Pipeline(Vec<Node>),
    Background(Box<Node>),
    If {
        branches: Vec<(Node, Node)>,
        otherwise: Option<Box<Node>>,
    },
    Loop {
        until: bool,
        condition: Box<Node>,
        body: Box<Node>,
    },
    For {
        variable: String,
        words: Vec<String>,
        body: Box<Node>,
    },
    Group {
        body: Box<Node>,
        redirects: Vec<Redirect>,
    },
    Subshell {
        body: Box<Node>,
        redirects: Vec<Redirect>,
    },
    Simple {
        words: Vec<String>,
        redirects: Vec<Redirect>,
    },
}

/// Parses a whole script.
pub(super) fn parse(script: &str) -> Result<Node, String> {
    let mut parser = Parser {
        tokens: tokens(script)?,
        at: 0,
    };
    let node = parser.sequence(&[])?;
    match parser.peek() {
        None => Ok(node),
        Some(token) => Err(format!("unexpected {token:?}")),
    }
}

struct Parser {
    tokens: Vec<Token>,
    at: usize,
}

impl Parser {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.at)
    }

    fn is_operator(&self, wanted: &str) -> bool {
        matches!(self.peek(), Some(Token::Operator(operator)) if *operator == wanted)
    }

    fn word(&self) -> Option<&str> {
        match self.peek() {
            Some(Token::Word(word)) => Some(word),
            _ => None,
        }
    }

    fn take_operator(&mut self, wanted: &str) -> bool {
        let found = self.is_operator(wanted);
        self.at += usize::from(found);
        found
    }

    fn expect_word(&mut self, wanted: &str) -> Result<(), String> {
        if self.word() == Some(wanted) {
            self.at += 1;
            return Ok(());
        }
        Err(format!("expected \"{wanted}\""))
    }

    /// Commands up to one of the closing words, a `)` or the end.
    fn sequence(&mut self, closing: &[&str]) -> Result<Node, String> {
        let mut nodes = Vec::new();
        loop {
            while self.take_operator(";") {}
            let closed = self.word().is_some_and(|word| closing.contains(&word));
            if closed || self.peek().is_none() || self.is_operator(")") {
                return Ok(Node::Sequence(nodes));
            }
            let node = self.and_or()?;
            if self.take_operator("&") {
                nodes.push(Node::Background(Box::new(node)));
            } else {
                nodes.push(node);
                let ends = self.word().is_some_and(|word| closing.contains(&word));
                if !(ends
                    || self.peek().is_none()
                    || self.is_operator(";")
                    || self.is_operator(")"))
                {
                    return Err(format!("unexpected {:?}", self.peek()));
                }
            }
        }
    }

    fn and_or(&mut self) -> Result<Node, String> {
        let mut left = self.pipeline()?;
        loop {
            let both = self.take_operator("&&");
            if !both && !self.take_operator("||") {
                return Ok(left);
            }
            while self.take_operator(";") {}
            let right = Box::new(self.pipeline()?);
            left = if both {
                Node::And(Box::new(left), right)
            } else {
                Node::Or(Box::new(left), right)
            };
        }
    }

    fn pipeline(&mut self) -> Result<Node, String> {
        if self.word() == Some("!") {
            self.at += 1;
            return Ok(Node::Not(Box::new(self.pipeline()?)));
        }
        let first = self.command()?;
        if !self.is_operator("|") {
            return Ok(first);
        }
        let mut stages = vec![first];
        while self.take_operator("|") {
            stages.push(self.command()?);
        }
        Ok(Node::Pipeline(stages))
    }

    fn command(&mut self) -> Result<Node, String> {
        if self.take_operator("(") {
            let body = Box::new(self.sequence(&[])?);
            if !self.take_operator(")") {
                return Err("expected \")\"".to_owned());
            }
            let redirects = self.redirects()?;
            return Ok(Node::Subshell { body, redirects });
        }
        let keyword = self.word().unwrap_or("").to_owned();
        let node = match keyword.as_str() {
            "{" => {
                self.at += 1;
                let body = self.closed_by(&["}"])?;
                self.expect_word("}")?;
                body
            }
            "if" => self.conditional()?,
            "while" | "until" => {
                self.at += 1;
                let condition = Box::new(self.closed_by(&["do"])?);
                let body = Box::new(self.body()?);
                Node::Loop {
                    until: keyword == "until",
                    condition,
                    body,
                }
            }
            "for" => self.for_loop()?,
            _ => return self.simple(),
        };
        let redirects = self.redirects()?;
        Ok(if redirects.is_empty() {
            node
        } else {
            Node::Group {
                body: Box::new(node),
                redirects,
            }
        })
    }

    fn closed_by(&mut self, closing: &[&str]) -> Result<Node, String> {
        self.sequence(closing)
    }

    fn body(&mut self) -> Result<Node, String> {
        self.expect_word("do")?;
        let body = self.closed_by(&["done"])?;
        self.expect_word("done")?;
        Ok(body)
    }

    fn conditional(&mut self) -> Result<Node, String> {
        self.at += 1;
        let mut branches = Vec::new();
        loop {
            let condition = self.closed_by(&["then"])?;
            self.expect_word("then")?;
            let body = self.closed_by(&["elif", "else", "fi"])?;
            branches.push((condition, body));
            if self.word() == Some("elif") {
                self.at += 1;
                continue;
            }
            let mut otherwise = None;
            if self.word() == Some("else") {
                self.at += 1;
                otherwise = Some(Box::new(self.closed_by(&["fi"])?));
            }
            self.expect_word("fi")?;
            return Ok(Node::If {
                branches,
                otherwise,
            });
        }
    }

    fn for_loop(&mut self) -> Result<Node, String> {
        self.at += 1;
        let variable = self.word().ok_or("expected a name")?.to_owned();
        self.at += 1;
        let mut words = Vec::new();
        if self.word() == Some("in") {
            self.at += 1;
            while let Some(word) = self.word() {
                words.push(word.to_owned());
                self.at += 1;
            }
        }
        while self.take_operator(";") {}
        let body = Box::new(self.body()?);
        Ok(Node::For {
            variable,
            words,
            body,
        })
    }

    fn redirects(&mut self) -> Result<Vec<Redirect>, String> {
        let mut redirects = Vec::new();
        while let Some(&Token::Redirect {
            descriptor,
            input,
            append,
            duplicate,
        }) = self.peek()
        {
            self.at += 1;
            let target = self
                .word()
                .ok_or("expected a target of the redirection")?
                .to_owned();
            self.at += 1;
            redirects.push(Redirect {
                descriptor,
                input,
                append,
                duplicate,
                target,
            });
        }
        Ok(redirects)
    }

    fn simple(&mut self) -> Result<Node, String> {
        let (mut words, mut redirects) = (Vec::new(), Vec::new());
        loop {
            redirects.extend(self.redirects()?);
            match self.word() {
                Some(word) => words.push(word.to_owned()),
                None => break,
            }
            self.at += 1;
        }
        if words.is_empty() && redirects.is_empty() {
            return Err(format!("unexpected {:?}", self.peek()));
        }
        Ok(Node::Simple { words, redirects })
    }
}
